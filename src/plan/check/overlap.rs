//! Whether the box's own networks cover one that it has to reach.

use ipnet::IpNet;

use super::{Case, verdict::Verdict};
use crate::{
    boxfile::{nets::Cidr, network::ProviderMode},
    plan::{
        Addressing, Dns, Network,
        seen::{is_dockers, is_ours},
    },
};

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
    let own = own(&network);
    let others = others(case, &network);
    let mut verdicts = Vec::new();
    for (key, net) in &own {
        let docker_may = key == "network.containers";
        for other in others.iter().filter(|o| o.net.contains(net) || net.contains(&o.net)) {
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
        let list: Vec<String> = own.iter().map(|(_, net)| net.to_string()).collect();
        verdicts.push(Verdict::pass("nobody near the box uses them").measured(list.join(", ")));
    }
    verdicts
}

/// Networks that are the box's own, by key of the box file. A bridged one is the LAN's, and overlaps it by intent.
fn own(network: &Network) -> Vec<(String, IpNet)> {
    let keyed = |key: &str, net: Option<Cidr>| net.map(|net| (key.to_owned(), net.0));
    let mut own: Vec<(String, IpNet)> = [
        keyed("network.internal", Some(network.internal.cidr)),
        keyed("network.internal6", network.internal.cidr6),
        keyed("network.containers", Some(network.containers.cidr)),
        keyed("network.wireguard.cidr", network.wireguard.as_ref().map(|own| own.cidr)),
    ]
    .into_iter()
    .flatten()
    .collect();
    for (name, provider) in network.provider.iter().filter(|(_, p)| p.mode == ProviderMode::Routed) {
        own.extend(keyed(&format!("network.provider.{name}.cidr"), Some(provider.cidr)));
        own.extend(keyed(&format!("network.provider.{name}.cidr6"), provider.cidr6));
    }
    own.extend(network.ranges.iter().map(|(name, net)| (format!("network.ranges.{name}"), net.0)));
    own
}

/// Every network that must stay within reach; what the plan makes is ours and left out.
fn others(case: &Case<'_>, network: &Network) -> Vec<Other> {
    let ours = is_ours;
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
    if let Addressing::Static { gateway, gateway6, .. } = &network.management.addressing {
        for address in network.management.addresses() {
            reached(address.trunc(), "the network of network.management");
        }
        gateway.iter().chain(gateway6).for_each(|gateway| reached(IpNet::from(*gateway), "the gateway"));
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
