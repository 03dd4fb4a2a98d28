//! The networks of the box: how it is reached, what its services talk on, what containers get, what may come in.

mod choice;
mod management;
mod provider;
mod wireguard;

use core::net::IpAddr;
use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub(super) use self::choice::Choice;
pub use self::{
    management::{Addressing, Bonded, Management, Stack, Tagged},
    provider::{Physical, Provider, Way},
    wireguard::WireGuard,
};
use super::{
    AddressPool, Bound, Firewall, Internal, PlanError, Proxy, Why, bound::Decided, docker, firewall,
    internal, proxy,
};
use crate::{
    boxfile::{
        BoxFile,
        names::{HostOrIp, Role},
        nets::Cidr,
        network::ProviderMode,
    },
    profile::{Profile, networks},
};

/// Ways out of the box that there may be; the files of each are named in `templates/manifest.yaml`.
pub const WAYS: usize = 4;

/// Everything about networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub management: Management,
    pub internal: Internal,
    pub containers: Containers,
    /// Ways out for virtual machines; the first is `physnet1` on `br-ex`. Empty where there are no provider networks.
    pub physical: Vec<Physical>,
    /// Neutron's external networks by name.
    pub provider: BTreeMap<Role, Provider>,
    /// Networks inside of the box by the names of `profiles/networks.yaml`: `pods`, `services`, `manager`, ...
    pub ranges: BTreeMap<String, Cidr>,
    pub wireguard: Option<WireGuard>,
    /// Networks of the box that others reach once their router sends these here.
    pub routes: Vec<LanRoute>,
    pub dns: Dns,
    /// What programs on the box ask: a file that lists servers, or systemd-resolved.
    pub resolver: Resolver,
    /// Time servers; at least one.
    pub ntp: Vec<HostOrIp>,
    pub proxy: Proxy,
    pub firewall: Firewall,
    /// Every network that was decided here, by key of the box file, and why it is not the usual one.
    pub decided: BTreeMap<String, Decided>,
}

/// What a router of the LAN has to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanRoute {
    pub to: Cidr,
    /// The box; `None` where its address is leased.
    pub via: Option<IpAddr>,
}

/// Where programs on the box find their name servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolver {
    /// /etc/resolv.conf lists the servers.
    File,
    /// systemd-resolved asks them.
    Resolved,
}

/// What containers get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Containers {
    pub cidr: Cidr,
    /// Address of the default bridge, with the length of its network.
    pub bridge: IpNet,
    pub pool: AddressPool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Dns {
    /// What the box asks now is left alone.
    Keep,
    These(Vec<IpAddr>),
}

pub(super) fn make(
    wanted: &BoxFile,
    profile: &Profile,
    bound: &Bound,
    why: &mut Why,
) -> Result<Network, Vec<PlanError>> {
    let mut errors = Vec::new();
    let mut choice = Choice::new(wanted, bound);
    let internal = internal::make(wanted, bound, &mut choice, why).map_err(|e| errors.push(e)).ok();
    let containers = containers(&mut choice, why).map_err(|e| errors.push(e)).ok();
    let wishes = provider::wishes(wanted);
    let management =
        management::make(wanted, bound, provider::bridged(&wishes), why).map_err(|e| errors.extend(e)).ok();
    let Some(management) = management else { return Err(errors) };
    let providers = provider::make(&wishes, bound, &management, &mut choice, why);
    let wireguard = wireguard::make(wanted, bound, &management, &mut choice, why);
    let ranges = ranges(wanted, profile, &mut choice, why);
    let providers = providers.map_err(|e| errors.extend(e)).ok();
    let wireguard = wireguard.map_err(|e| errors.push(e)).ok();
    let ranges = ranges.map_err(|e| errors.extend(e)).ok();
    let (
        Some(internal),
        Some(containers),
        Some((physical, provider)),
        Some(mut wireguard),
        Some(ranges),
        true,
    ) = (internal, containers, providers, wireguard, ranges, errors.is_empty())
    else {
        return Err(errors);
    };
    let routes = routes(&management, &internal, &provider);
    if let Some(tunnel) = &mut wireguard {
        tunnel.allowed =
            [tunnel.cidr, internal.cidr].into_iter().chain(provider.values().map(|p| p.cidr)).collect();
    }
    Ok(Network {
        dns: dns(wanted, bound, &management, why),
        resolver: if bound.before.resolved { Resolver::Resolved } else { Resolver::File },
        ntp: ntp(wanted, bound, why),
        proxy: proxy::make(wanted, &management, &internal, &containers, &provider),
        firewall: firewall::make(bound, &internal, &provider, wireguard.as_ref()),
        management,
        internal,
        containers,
        physical,
        provider,
        ranges,
        wireguard,
        routes,
        decided: choice.decided(),
    })
}

/// Whether the networks of the box file take the card of a role.
pub(super) fn uses(wanted: &BoxFile, role: &Role) -> bool {
    let bond = wanted.network.bond.as_ref().is_some_and(|bond| bond.members.contains(role));
    bond || provider::wishes(wanted).iter().any(|wish| wish.takes(role))
}

/// Where dhclient wrote the servers of a lease down and shall do so no more, they stay what they were.
fn dns(wanted: &BoxFile, bound: &Bound, management: &Management, why: &mut Why) -> Dns {
    let before = &bound.before;
    match wanted.network.dns.as_slice() {
        [] if management.stack.is_some() && before.ifupdown && !before.resolved && !before.dns.is_empty() => {
            why.insert("network.dns".into(), "those that the box asked when the first run began".into());
            Dns::These(before.dns.clone())
        }
        [] => Dns::Keep,
        own => Dns::These(own.to_vec()),
    }
}

/// What profile and engine use inside of the box.
fn ranges(
    wanted: &BoxFile,
    profile: &Profile,
    choice: &mut Choice<'_>,
    why: &mut Why,
) -> Result<BTreeMap<String, Cidr>, Vec<PlanError>> {
    let engine = wanted.engine.to_string();
    let (mut ranges, mut errors) = (BTreeMap::new(), Vec::new());
    for (name, all) in networks().iter().filter(|(name, _)| profile.ranges.contains(name)) {
        if all.engine.as_deref().is_some_and(|own| engine != own) {
            continue;
        }
        match choice.decide(name, &all.key, why) {
            Ok(cidr) => {
                ranges.insert(name.clone(), cidr);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(ranges) } else { Err(errors) }
}

/// A box without provider networks has nothing that others would want to reach but itself.
fn routes(
    management: &Management,
    internal: &Internal,
    provider: &BTreeMap<Role, Provider>,
) -> Vec<LanRoute> {
    let via = management.addresses().into_iter().map(|a| a.addr()).find(IpAddr::is_ipv4);
    let routed = provider.values().filter(|p| p.mode == ProviderMode::Routed).map(|p| p.cidr);
    let own = (!provider.is_empty()).then_some(internal.cidr);
    own.into_iter().chain(routed).map(|to| LanRoute { to, via }).collect()
}

fn containers(choice: &mut Choice<'_>, why: &mut Why) -> Result<Containers, PlanError> {
    let cidr = choice.decide("containers", "network.containers", why)?;
    let (bridge, pool) = docker::halves(cidr).ok_or_else(|| {
        PlanError::impossible(
            "network.containers",
            format!("{cidr} is no IPv4 network of at least 128 addresses"),
            "Write one such as 172.17.0.0/16.",
        )
    })?;
    Ok(Containers { cidr, bridge, pool })
}

fn ntp(wanted: &BoxFile, bound: &Bound, why: &mut Why) -> Vec<HostOrIp> {
    if !wanted.network.ntp.is_empty() {
        return wanted.network.ntp.clone();
    }
    why.insert("network.ntp".into(), "the distribution's own; the box file names none".into());
    let pool = if bound.os_id == "ubuntu" { "ntp.ubuntu.com" } else { "2.debian.pool.ntp.org" };
    vec![pool.parse().unwrap_or_else(|why| unreachable!("{why}"))]
}
