//! Networks on which virtual machines reach the outside, and the ways that lead there.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    super::{Bound, PlanError, Why},
    Management,
    choice::Choice,
};
use crate::{
    boxfile::{
        BoxFile,
        names::Role,
        nets::{Cidr, InterfaceAddress},
        network::{self as file, Pool, ProviderMode},
    },
    units::Mac,
};

/// A way out of the box that virtual machines take: one bridge of Open vSwitch, and what is given to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Physical {
    /// Neutron's name of it, `physnet1`; `bridge_mappings` maps it to `bridge`.
    pub name: String,
    /// The bridge of Open vSwitch, `br-ex`; made by the engine, not by ciab.
    pub bridge: String,
    /// What the bridge is given, and what nobody puts an address on: kolla's `neutron_external_interface`, OSISM's
    /// `network_workload_interface`. `ciab-ex`, or the card of its own.
    pub interface: String,
    pub way: Way,
    /// What a card is found by.
    pub mac: Option<Mac>,
    /// The other end of the veth pair, on the host.
    pub outer: Option<String>,
    /// What the other end carries where it is routed: the routers of the networks on this way.
    pub addresses: Vec<InterfaceAddress>,
    /// Bytes in the largest packet; neutron's `path_mtu` and `physical_network_mtus`.
    pub mtu: u32,
}

/// What is at the other end of [`Physical::interface`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// It is a network card that carries nothing else.
    Card,
    /// It is one end of a veth pair, and the other, `ciab-gw`, carries the routers; the box routes and hides what comes.
    Routed,
    /// It is one end of a veth pair, and the other, `ciab-up`, is a port of the bridge that carries the box's own
    /// address ([`super::Stack::bridge`]).
    Bridged,
}

/// A network of neutron's kind `external`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The [`Physical::name`] that it is on: `provider:physical_network`.
    pub physical: String,
    /// The VLAN on it: network type `vlan` with this `provider:segmentation_id`; without one the type is `flat`.
    pub vlan: Option<u16>,
    pub mode: ProviderMode,
    pub cidr: Cidr,
    pub gateway: IpAddr,
    /// Allocation pool of the subnet.
    pub pool: Pool,
    pub cidr6: Option<Cidr>,
    /// The router in `cidr6`.
    pub gateway6: Option<IpAddr>,
}

/// The usual name, and the role of a card for it.
const PUBLIC: &str = "public";
const ROLE: &str = "provider";

/// As OSISM's Cloud-in-a-Box numbers them, in a network of 256 addresses or more.
const GATEWAY: u32 = 10;
const FIRST: u32 = 100;
const LAST: u32 = 200;
/// An Ethernet card's own; a veth pair carries as much as the link behind it.
const MTU: u32 = 1500;

/// What a network is asked to be, before addresses are chosen.
pub(super) struct Wish<'a> {
    name: &'a Role,
    file: &'a file::Provider,
    mode: ProviderMode,
    card: Option<&'a Role>,
}

impl Wish<'_> {
    /// Whether it takes the card of a role.
    pub(super) fn takes(&self, role: &Role) -> bool {
        self.card == Some(role)
    }
}

/// All provider networks, `public` first: it is on `physnet1`.
pub(super) fn wishes<'a>(wanted: &'a BoxFile) -> Vec<Wish<'a>> {
    let all = &wanted.network.provider;
    let own = |(name, file): (&'a Role, &'a file::Provider)| {
        let usual = || wanted.nics.keys().find(|role| name.as_str() == PUBLIC && role.as_str() == ROLE);
        let card = match file.mode {
            Some(ProviderMode::Routed) => None,
            Some(ProviderMode::Bridged) | None => file.nic.as_ref().or_else(usual),
        };
        let mode =
            file.mode.unwrap_or(if card.is_some() { ProviderMode::Bridged } else { ProviderMode::Routed });
        Wish { name, file, mode, card }
    };
    let (public, others): (Vec<_>, Vec<_>) = all.iter().partition(|(name, _)| name.as_str() == PUBLIC);
    public.into_iter().chain(others).map(own).collect()
}

/// Whether one shares the card that the box is reached on.
pub(super) fn bridged(wishes: &[Wish<'_>]) -> bool {
    wishes.iter().any(|wish| wish.mode == ProviderMode::Bridged && wish.card.is_none())
}

type Providers = (Vec<Physical>, BTreeMap<Role, Provider>);

pub(super) fn make(
    wishes: &[Wish<'_>],
    bound: &Bound,
    management: &Management,
    choice: &mut Choice<'_>,
    why: &mut Why,
) -> Result<Providers, Vec<PlanError>> {
    let (mut physicals, mut providers, mut errors) = (Vec::new(), BTreeMap::new(), Vec::new());
    for wish in wishes {
        match one(wish, bound, management, choice, &mut physicals, why) {
            Ok(provider) => {
                providers.insert(wish.name.clone(), provider);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok((physicals, providers)) } else { Err(errors) }
}

fn one(
    wish: &Wish<'_>,
    bound: &Bound,
    management: &Management,
    choice: &mut Choice<'_>,
    physicals: &mut Vec<Physical>,
    why: &mut Why,
) -> Result<Provider, PlanError> {
    let key = |part: &str| format!("network.provider.{}.{part}", wish.name);
    let file = wish.file;
    let shared = wish.mode == ProviderMode::Bridged && wish.card.is_none();
    let here = management.addresses().into_iter().find(|a| a.addr().is_ipv4());
    let cidr = match (file.cidr, wish.mode) {
        (Some(cidr), ProviderMode::Bridged) => cidr,
        (_, ProviderMode::Routed) => choice.decide("provider", &key("cidr"), why)?,
        (None, ProviderMode::Bridged) => here
            .filter(|_| shared && file.vlan.is_none())
            .map(|a| {
                why.insert(key("cidr"), "the network that the box itself is on".into());
                Cidr(a.trunc())
            })
            .ok_or_else(|| {
                PlanError::impossible(
                    &key("cidr"),
                    "which addresses the network outside has is open",
                    format!("Write it in `{}`.", key("cidr")),
                )
            })?,
    };
    let (gateway, pool) = addresses(wish, cidr, management, why)?;
    let gateway6 = file.cidr6.and_then(|cidr| cidr.nth(if cidr.is_ipv4() { GATEWAY } else { 1 }));
    let physical = physical(wish, bound, management, physicals)?;
    if physicals[physical].way == Way::Routed {
        let routers = [Some((cidr, gateway)), file.cidr6.zip(gateway6)];
        physicals[physical]
            .addresses
            .extend(routers.into_iter().flatten().map(|(net, router)| net.at(router)));
    }
    Ok(Provider {
        physical: physicals[physical].name.clone(),
        vlan: file.vlan,
        mode: wish.mode,
        cidr,
        gateway,
        pool,
        cidr6: file.cidr6,
        gateway6,
    })
}

/// The router and the pool of a network.
fn addresses(
    wish: &Wish<'_>,
    cidr: Cidr,
    management: &Management,
    why: &mut Why,
) -> Result<(IpAddr, Pool), PlanError> {
    let key = |part: &str| format!("network.provider.{}.{part}", wish.name);
    let refused = |part: &str, message: String, hint: &str| PlanError::impossible(&key(part), message, hint);
    let length = cidr.0.max_prefix_len() - cidr.0.prefix_len();
    let size = if length >= 32 { u32::MAX } else { 1_u32 << length };
    let roomy = size >= 256;
    let outside = match &management.addressing {
        super::Addressing::Keep { gateway, .. } | super::Addressing::Static { gateway, .. } => *gateway,
        super::Addressing::Dhcp => None,
    };
    let usual = match wish.mode {
        ProviderMode::Routed => cidr.nth(if roomy { GATEWAY } else { 1 }),
        ProviderMode::Bridged => outside.filter(|g| cidr.has_host(*g)).or_else(|| cidr.nth(1)),
    };
    let gateway = wish.file.gateway.or(usual).filter(|gateway| cidr.has_host(*gateway)).ok_or_else(|| {
        refused("gateway", format!("there is no host address of {cidr} for the router"), "Choose one inside.")
    })?;
    let pool = match (&wish.file.pool, wish.mode) {
        (Some(pool), _) => pool.clone(),
        (None, ProviderMode::Bridged) => {
            return Err(refused(
                "pool",
                format!("which addresses of {cidr} nobody else gives away is open"),
                "Write a range that the DHCP server there leaves alone: `pool: {first: ..., last: ...}`.",
            ));
        }
        (None, ProviderMode::Routed) => {
            let (first, last) = if roomy { (FIRST, LAST) } else { (size / 2, size.saturating_sub(2)) };
            why.insert(key("pool"), format!("numbers {first} to {last} of the network"));
            match (cidr.nth(first), cidr.nth(last)) {
                (Some(first), Some(last)) if first <= last && size >= 8 => Pool { first, last },
                _ => {
                    return Err(refused("cidr", format!("{cidr} is too small for a pool"), "Give it a /24."));
                }
            }
        }
    };
    if !(cidr.has_host(pool.first) && cidr.has_host(pool.last) && pool.first <= pool.last) {
        return Err(refused(
            "pool",
            format!("{} to {} is no range of host addresses in {cidr}", pool.first, pool.last),
            "Choose both ends inside, the lower one first.",
        ));
    }
    let inside = |address: IpAddr| (pool.first..=pool.last).contains(&address);
    let mut own = management.addresses().into_iter().map(|a| a.addr());
    if inside(gateway) {
        return Err(refused(
            "pool",
            format!("the router, {gateway}, lies in it"),
            "Leave it out of the pool.",
        ));
    }
    if let Some(address) = own.find(|address| inside(*address)) {
        return Err(refused(
            "pool",
            format!("the box's own address, {address}, lies in it"),
            "Leave it out of the pool.",
        ));
    }
    Ok((gateway, pool))
}

/// The way that a network takes, made if it is not there yet: all that are bridged share the uplink, each card is one,
/// and each routed network has its own.
fn physical(
    wish: &Wish<'_>,
    bound: &Bound,
    management: &Management,
    all: &mut Vec<Physical>,
) -> Result<usize, PlanError> {
    let number = all.len() + 1;
    let name = |base: &str| if number == 1 { base.to_owned() } else { format!("{base}{number}") };
    let (interface, way, mac, outer, mtu) = match (wish.mode, wish.card) {
        (_, Some(role)) => {
            let key = format!("nics.{role}");
            let card = bound.cards.get(role).ok_or_else(|| {
                PlanError::impossible(
                    &key,
                    format!("network.provider.{} needs the card of this role", wish.name),
                    "Give the role a selector in `nics`.",
                )
            })?;
            let used = |stack: &super::Stack| stack.cards.iter().any(|c| c.interface == card.interface);
            if card.interface == management.interface || management.stack.as_ref().is_some_and(used) {
                return Err(PlanError::impossible(
                    &key,
                    format!("{} is the only way to the box: given away, nobody reaches it", card.interface),
                    "Choose another card, or leave the role out: with `mode: bridged` one card serves both.",
                ));
            }
            (card.interface.clone(), Way::Card, card.mac, None, MTU)
        }
        (ProviderMode::Bridged, None) => {
            (name("ciab-ex"), Way::Bridged, None, Some(name("ciab-up")), management.mtu)
        }
        (ProviderMode::Routed, None) => {
            (name("ciab-ex"), Way::Routed, None, Some(name("ciab-gw")), management.mtu)
        }
    };
    let same = |p: &Physical| match (p.way, way) {
        (Way::Card, Way::Card) => p.interface == interface,
        (Way::Bridged, Way::Bridged) => true,
        _ => false,
    };
    if let Some(found) = all.iter().position(same) {
        return Ok(found);
    }
    if number > super::WAYS {
        return Err(PlanError::impossible(
            &format!("network.provider.{}", wish.name),
            format!("there are more than {} ways out of the box", super::WAYS),
            "Let networks share a card by VLANs.",
        ));
    }
    let name = format!("physnet{number}");
    let bridge = if number == 1 { "br-ex".to_owned() } else { format!("br-ex{number}") };
    all.push(Physical { name, bridge, interface, way, mac, outer, addresses: Vec::new(), mtu });
    Ok(all.len() - 1)
}
