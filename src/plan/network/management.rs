//! The network that the box is reached on: what carries its address, from the cards up.

use core::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::super::{Bound, PlanError, Why, bound::Card};
use crate::{
    boxfile::{
        BoxFile,
        names::Role,
        nets::InterfaceAddress,
        network::{self as file, BondMode},
    },
    units::Mac,
};

/// The network that the box is reached on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Management {
    /// The card, by the kernel's name when the first run began.
    pub interface: String,
    /// What the card is found by, whatever it is called; a tunnel has none.
    pub mac: Option<Mac>,
    /// What carries the address once the plan is carried out: the card itself, or `ciab-bond`, `ciab-br`, `ciab-vlan`
    /// above it. The name for whatever has to listen on, or leave by, the network that the box is reached on.
    pub address_interface: String,
    pub addressing: Addressing,
    /// Bytes in the largest packet, without Ethernet's own header.
    pub mtu: u32,
    /// What systemd-networkd is given; `None` where the box's own configuration is left alone.
    pub stack: Option<Stack>,
}

impl Management {
    /// The addresses that are known before the plan is carried out; none where they are leased.
    pub fn addresses(&self) -> Vec<IpNet> {
        match &self.addressing {
            Addressing::Keep { addresses, .. } => addresses.clone(),
            Addressing::Dhcp => Vec::new(),
            Addressing::Static { address, address6, .. } => {
                [Some(*address), *address6].into_iter().flatten().map(|a| a.0).collect()
            }
        }
    }
}

/// How the box gets the address that it is reached at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Addressing {
    /// Left as it is; these were there when the first run began.
    Keep { addresses: Vec<IpNet>, gateway: Option<IpAddr> },
    /// Leased; IPv6 also from router advertisements.
    Dhcp,
    Static {
        address: InterfaceAddress,
        gateway: Option<IpAddr>,
        address6: Option<InterfaceAddress>,
        gateway6: Option<IpAddr>,
        vlan: Option<u16>,
    },
}

/// Layers between the cards and the address; each is on the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// One card, or the members of the bond.
    pub cards: Vec<Card>,
    pub bond: Option<Bonded>,
    /// The bridge through which virtual machines reach the same network (`network.provider`, mode `bridged`).
    pub bridge: Option<String>,
    pub vlan: Option<Tagged>,
    /// Servers that systemd-networkd tells systemd-resolved of for this link; empty where another file says them.
    pub dns: Vec<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bonded {
    pub interface: String,
    pub mode: BondMode,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tagged {
    pub interface: String,
    /// The VLAN's number.
    pub tag: u16,
}

/// Names of our own layers: `ciab` first, so that nobody takes them for cards.
const BOND: &str = "ciab-bond";
const BRIDGE: &str = "ciab-br";
const VLAN: &str = "ciab-vlan";

/// Where the interface tells none.
const MTU: u32 = 1500;

/// Kinds of interface that are cards, or pass for one in a container.
const CARDS: [&str; 3] = ["physical", "veth", "virtual"];

/// `bridged`: a provider network shares the card.
pub(super) fn make(
    wanted: &BoxFile,
    bound: &Bound,
    bridged: bool,
    why: &mut Why,
) -> Result<Management, Vec<PlanError>> {
    let now = &bound.management;
    let reason = match wanted.nics.keys().any(|role| role.as_str() == "management") {
        true => "nics.management of the box file means its card",
        false => "it carried the default route when the first run began",
    };
    why.insert("network.management.interface".into(), reason.into());
    let mut mtu = now.mtu.unwrap_or(MTU);
    let mut errors = Vec::new();
    let needs_stack = bridged || wanted.network.bond.is_some();
    let addressing = match (&wanted.network.management, &now.set) {
        (Some(file::Management::Dhcp), _) => Addressing::Dhcp,
        (Some(file::Management::Static(own)), _) => {
            mtu = own.mtu.map_or(mtu, u32::from);
            Addressing::Static {
                address: own.address,
                gateway: own.gateway,
                address6: own.address6,
                gateway6: own.gateway6,
                vlan: own.vlan,
            }
        }
        (None, Some(earlier)) => {
            why.insert("network.management.addressing".into(), "set by an earlier run".into());
            earlier.clone()
        }
        (None, None) if needs_stack => taken_over(bound, why).unwrap_or_else(|error| {
            errors.push(error);
            keep(bound)
        }),
        (None, None) => keep(bound),
    };
    let mut management = Management {
        interface: now.interface.clone(),
        mac: now.mac,
        address_interface: now.interface.clone(),
        addressing,
        mtu,
        stack: None,
    };
    if !matches!(management.addressing, Addressing::Keep { .. }) {
        match stack(wanted, bound, bridged, &management.addressing) {
            Ok(stack) => {
                management.address_interface = stack.top(&now.interface);
                management.stack = Some(stack);
            }
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(management) } else { Err(errors) }
}

fn keep(bound: &Bound) -> Addressing {
    let now = &bound.management;
    Addressing::Keep { addresses: now.addresses.clone(), gateway: now.gateway }
}

/// A bridge or bond has to carry the address, so what the box has is written down as ours.
fn taken_over(bound: &Bound, why: &mut Why) -> Result<Addressing, PlanError> {
    let now = &bound.management;
    let mut say = |what: &str| {
        why.insert("network.management.addressing".into(), what.to_owned());
    };
    if now.dynamic {
        say("leased, as it was when the first run began; it moves from the card to what stands above it");
        return Ok(Addressing::Dhcp);
    }
    let of = |v6: bool| -> Vec<IpNet> {
        now.addresses.iter().copied().filter(|a| a.addr().is_ipv6() == v6).collect()
    };
    let gateway = |v6: bool| now.gateway.filter(|gateway| gateway.is_ipv6() == v6);
    match (of(false).as_slice(), of(true).as_slice()) {
        ([one], more @ ([] | [_])) => {
            say("as it was when the first run began; it moves from the card to what stands above it");
            Ok(Addressing::Static {
                address: InterfaceAddress(*one),
                gateway: gateway(false),
                address6: more.first().copied().map(InterfaceAddress),
                gateway6: gateway(true),
                vlan: None,
            })
        }
        (v4, v6) => Err(PlanError::impossible(
            "network.management",
            format!(
                "{} has {} IPv4 and {} IPv6 addresses, and which the box is reached at is open",
                now.interface,
                v4.len(),
                v6.len()
            ),
            "Write the address in `network.management.static`.",
        )),
    }
}

fn stack(
    wanted: &BoxFile,
    bound: &Bound,
    bridged: bool,
    addressing: &Addressing,
) -> Result<Stack, Vec<PlanError>> {
    let now = &bound.management;
    let mut errors = Vec::new();
    if !now.kind.is_empty() && !CARDS.contains(&now.kind.as_str()) {
        errors.push(PlanError::impossible(
            "network.management",
            format!("the box is reached over {}, a {} that something else made", now.interface, now.kind),
            "Leave `network.management` out to keep it, or take it apart and let the box file make it anew.",
        ));
    }
    let own = Card { interface: now.interface.clone(), mac: now.mac };
    let cards = match &wanted.network.bond {
        None => vec![own],
        Some(bond) => {
            let card = |role: &Role| match role.as_str() {
                "management" => Some(own.clone()),
                _ => bound.cards.get(role).cloned(),
            };
            let found: Vec<Card> = bond.members.iter().filter_map(card).collect();
            if !found.contains(&own) {
                errors.push(PlanError::impossible(
                    "network.bond.members",
                    format!("{}, over which the box is reached, is not among the members", now.interface),
                    "Give its card a role in `nics`, and name the role among the members.",
                ));
            }
            found
        }
    };
    if let Some(nameless) = cards.iter().find(|card| card.mac.is_none()) {
        errors.push(PlanError::impossible(
            "network.management",
            format!("{} has no hardware address that it could be found by", nameless.interface),
            "Leave `network.management` out to keep what the box has.",
        ));
    }
    let vlan = match addressing {
        Addressing::Static { vlan: Some(tag), .. } => Some(Tagged { interface: VLAN.to_owned(), tag: *tag }),
        _ => None,
    };
    let kept = matches!(addressing, Addressing::Static { .. }) && wanted.network.dns.is_empty();
    let stack = Stack {
        cards,
        bond: wanted
            .network
            .bond
            .as_ref()
            .map(|b| Bonded { interface: BOND.to_owned(), mode: b.mode.unwrap_or_default() }),
        bridge: bridged.then(|| BRIDGE.to_owned()),
        vlan,
        dns: if kept && bound.before.resolved { bound.before.dns.clone() } else { Vec::new() },
    };
    if errors.is_empty() { Ok(stack) } else { Err(errors) }
}

impl Stack {
    /// The interface that carries the address.
    fn top(&self, card: &str) -> String {
        let vlan = self.vlan.as_ref().map(|vlan| &vlan.interface);
        let bond = self.bond.as_ref().map(|bond| &bond.interface);
        vlan.or(self.bridge.as_ref()).or(bond).map_or_else(|| card.to_owned(), Clone::clone)
    }
}
