//! Whether the box's own networks cover one that it has to reach.

use ipnet::IpNet;

use super::{Case, judge::is_dockers, verdict::Verdict};
use crate::plan::{Addressing, Dns, Network};

/// A network that somebody else has.
struct Other {
    net: IpNet,
    what: String,
    weight: Weight,
    whose: Whose,
}

/// Docker's own networks may lie where containers get their addresses from, and nowhere else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Docker,
    Foreign,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// The box or its operator is cut off from it.
    Harm,
    /// A part of something far away is hidden.
    Nuisance,
}

pub(super) fn judge(case: &Case<'_>) -> Vec<Verdict> {
    let Some(network) = case.network() else {
        return vec![Verdict::skipped("no plan is possible, so no network is chosen")];
    };
    let containers = ("network.containers", network.containers.cidr.0);
    let own = [("network.internal", network.internal.cidr.0), containers];
    let others = others(case, &network);
    let mut verdicts = Vec::new();
    for (key, net) in own {
        let docker_may = key == containers.0;
        for other in others.iter().filter(|o| o.net.contains(&net) || net.contains(&o.net)) {
            if docker_may && other.whose == Whose::Docker {
                continue;
            }
            let how = if net.contains(&other.net) { "covers" } else { "lies in" };
            let message = format!("{net} {how} {}, {}", other.net, other.what);
            verdicts.push(
                match other.weight {
                    Weight::Harm => Verdict::fail(message),
                    Weight::Nuisance => Verdict::warn(message),
                }
                .about(key),
            );
        }
    }
    if verdicts.is_empty() {
        let list = own.map(|(_, net)| net.to_string()).join(", ");
        verdicts.push(Verdict::pass("nobody near the box uses them").measured(list));
    }
    verdicts
}

/// Every network that must stay within reach; the internal one is ours and left out.
fn others(case: &Case<'_>, network: &Network) -> Vec<Other> {
    let ours = |link: &str| link == network.internal.interface;
    let mut others = Vec::new();
    for link in case.facts.observed.links.iter().filter(|l| l.kind != "loopback" && !ours(&l.name)) {
        others.extend(link.addresses.iter().filter(|a| a.scope == "global").map(|a| Other {
            net: a.net.trunc(),
            what: format!("the network of {}", link.name),
            weight: Weight::Harm,
            whose: whose(&link.name),
        }));
    }
    let mut reached = |net: IpNet, what: &str| {
        others.push(Other { net, what: what.to_owned(), weight: Weight::Harm, whose: Whose::Foreign });
    };
    if let Addressing::Static { address, gateway, .. } = &network.management.addressing {
        reached(address.network().0, "the network of network.management");
        gateway.iter().for_each(|gateway| reached(IpNet::from(*gateway), "the gateway"));
    }
    if let Dns::These(servers) = &network.dns {
        servers.iter().for_each(|server| reached(IpNet::from(*server), "a name server"));
    }
    let known: Vec<IpNet> = others.iter().map(|o| o.net).collect();
    for route in case.facts.observed.routes.iter().flatten() {
        let link = route.link.as_deref().unwrap_or("nothing");
        if !ours(link) && !route.is_default() && !known.contains(&route.to) {
            others.push(Other {
                net: route.to,
                what: format!("a route over {link}"),
                weight: Weight::Nuisance,
                whose: whose(link),
            });
        }
    }
    others
}

fn whose(link: &str) -> Whose {
    if is_dockers(link) { Whose::Docker } else { Whose::Foreign }
}
