//! The link, the way out, and addresses and ports that others use already.

use super::{
    Applies, Case, Check, overlap,
    verdict::{Verdict, at_least},
};
use core::net::IpAddr;

use crate::{
    facts::{nic::link::Link, port::Protocol},
    plan::{ModuleState, Way, measures, seen},
};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "net.link", applies: Applies::Always, judge: link },
    Check { id: "net.speed", applies: Applies::Always, judge: speed },
    Check { id: "net.mtu", applies: Applies::Always, judge: mtu },
    Check { id: "net.default-route", applies: Applies::Always, judge: default_route },
    Check { id: "net.management", applies: Applies::Always, judge: asked },
    Check { id: "net.dns", applies: Applies::Always, judge: super::reach::dns },
    Check { id: "net.overlap", applies: Applies::Always, judge: overlap::judge },
    Check { id: "net.vip-free", applies: Applies::First, judge: vip_free },
    Check { id: "net.ports", applies: Applies::First, judge: ports },
];

/// The interface that the box is reached on, as it is now.
fn management<'a>(case: &Case<'a>) -> Result<&'a Link, Box<Verdict>> {
    let network = case
        .network()
        .ok_or_else(|| Box::new(Verdict::skipped("no plan is possible, so no interface is chosen")))?;
    let name = &network.management.interface;
    case.facts
        .observed
        .links
        .iter()
        .find(|link| &link.name == name)
        .ok_or_else(|| Box::new(Verdict::fail("it is not there").about(name)))
}

/// What the kernel has to have for what the box file asks of the network; without it a step would fail half-way.
fn asked(case: &Case<'_>) -> Vec<Verdict> {
    let Some(network) = case.network() else {
        return vec![Verdict::skipped("no plan is possible, so nothing is asked of the network")];
    };
    let stack = network.management.stack.as_ref();
    let asked = [
        (stack.is_some_and(|s| s.vlan.is_some()), "network.management.static.vlan", "8021q"),
        (stack.is_some_and(|s| s.bond.is_some()), "network.bond", "bonding"),
        (stack.is_some_and(|s| s.bridge.is_some()), "network.provider", "bridge"),
        (network.physical.iter().any(|p| p.way != Way::Card), "network.provider", "veth"),
        (network.wireguard.is_some(), "network.wireguard", "wireguard"),
    ];
    let asked: Vec<(&str, &str)> =
        asked.into_iter().filter(|(on, ..)| *on).map(|(_, key, module)| (key, module)).collect();
    let lacking: Vec<Verdict> = asked
        .iter()
        .filter(|(_, module)| seen::module(case.facts, module) == ModuleState::Absent)
        .map(|(key, module)| {
            Verdict::fail(format!("the kernel has no {module}, which this needs")).about(*key)
        })
        .collect();
    match (asked.is_empty(), lacking.is_empty()) {
        (true, _) => vec![Verdict::pass("the box file asks for nothing that the kernel might lack")],
        (false, true) => {
            let list: Vec<&str> = asked.iter().map(|(_, module)| *module).collect();
            vec![Verdict::pass("the kernel has what is asked for").measured(list.join(", "))]
        }
        (false, false) => lacking,
    }
}

fn link(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = management(case).map(|link| {
        let verdict = match (link.up, link.carrier) {
            (false, _) => Verdict::fail("it is switched off").measured("down"),
            (true, Some(false)) => {
                Verdict::fail("nothing is at the other end of the cable").measured("no carrier")
            }
            (true, Some(true)) => Verdict::pass("somebody is at the other end").measured("up"),
            (true, None) => Verdict::skipped("it does not tell whether anything is at the other end"),
        };
        verdict.about(&link.name)
    });
    vec![verdict.unwrap_or_else(|verdict| *verdict)]
}

fn speed(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = management(case).map(|link| {
        let verdict = match link.speed {
            Some(speed) => at_least(u64::from(speed), &case.profile.needs.link_mbps, mbps),
            None => Verdict::skipped("the interface tells no speed, as virtual ones do"),
        };
        verdict.about(&link.name)
    });
    vec![verdict.unwrap_or_else(|_| Verdict::skipped("there is no interface to look at"))]
}

fn mbps(speed: u64) -> String {
    if speed.is_multiple_of(1000) { format!("{} Gbit/s", speed / 1000) } else { format!("{speed} Mbit/s") }
}

fn mtu(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = management(case).map(|link| {
        let verdict = match link.mtu {
            Some(mtu) => at_least(mtu, &case.profile.needs.mtu, |n| format!("{n} bytes")),
            None => Verdict::unknown(case.facts, "observed.links"),
        };
        verdict.about(&link.name)
    });
    vec![verdict.unwrap_or_else(|_| Verdict::skipped("there is no interface to look at"))]
}

fn default_route(case: &Case<'_>) -> Vec<Verdict> {
    let Some(routes) = &case.facts.observed.routes else {
        return vec![Verdict::unknown(case.facts, "observed.routes")];
    };
    let own_source = case.wanted.apt.mirror.is_some() || case.wanted.network.proxy.is_some();
    let verdict = match routes.iter().find(|route| route.is_default() && route.link.is_some()) {
        Some(route) => {
            let via = route.via.map_or("direct".to_owned(), |via| via.to_string());
            Verdict::pass("there is one")
                .measured(format!("{via} on {}", route.link.as_deref().unwrap_or("?")))
        }
        None if own_source => {
            Verdict::warn("only neighbours are reached; the mirror or proxy must be one").measured("none")
        }
        None if case.wanted.offline.bundle.is_some() => {
            Verdict::warn("the bundle has all that the box needs, but its servers have no way out either")
                .measured("none")
        }
        None => Verdict::fail("no package can be fetched").measured("none"),
    };
    vec![verdict]
}

fn vip_free(case: &Case<'_>) -> Vec<Verdict> {
    let Some(network) = case.network() else {
        return vec![Verdict::skipped("no plan is possible, so no address is chosen")];
    };
    let near = measures::near(&network, case.facts);
    let judge = |address: &IpAddr| {
        let carries = |link: &&Link| link.addresses.iter().any(|a| a.net.addr() == *address);
        let holder = case.facts.observed.links.iter().find(carries);
        let verdict = match holder {
            Some(link)
                if link.name == network.management.interface && measures::is_own(&network, *address) =>
            {
                Verdict::pass("the box has it already")
            }
            Some(link) if case.is_ours(&link.name) => Verdict::pass("the box has it already"),
            Some(link) => Verdict::fail(format!("{} carries it already", link.name)),
            None if near.contains(address) => super::reach::address_free(case, *address),
            None => Verdict::pass("it lies on no network that the box is on"),
        };
        verdict.about(address)
    };
    measures::taken(&network).iter().map(judge).collect()
}

fn ports(case: &Case<'_>) -> Vec<Verdict> {
    let needs = &case.profile.needs.ports;
    let Some(listeners) = &case.facts.observed.listeners else {
        return vec![Verdict::unknown(case.facts, "observed.listeners")];
    };
    let taken: Vec<Verdict> = needs
        .iter()
        .filter(|need| {
            let clash = |l: &&crate::facts::port::Listener| {
                l.protocol == Protocol::Tcp && l.port == need.port && !l.address.is_loopback()
            };
            listeners.iter().any(|l| clash(&l))
        })
        .map(|need| {
            Verdict::fail(format!("something listens there; it is needed for {}", need.needed_for))
                .about(need.port)
        })
        .collect();
    match (needs.is_empty(), taken.is_empty()) {
        (true, _) => vec![Verdict::pass("this profile listens on no port of its own")],
        (false, true) => vec![Verdict::pass("free")],
        (false, false) => taken,
    }
}
