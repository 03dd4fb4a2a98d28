//! `network`: how the box is reached, its own networks, and the services it asks.

mod provider;
mod wireguard;

use std::{collections::BTreeMap, net::IpAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    provider::{Pool, Provider, ProviderMode},
    wireguard::WireGuard,
};
use super::{
    names::{Direct, HostOrIp, Role},
    nets::{Cidr, InterfaceAddress},
    system::Url,
};

/// How the box is reached, its own networks, and the name and time servers it asks.
///
/// A network of the box that is left out is the first of `profiles/networks.yaml` that overlaps none the box sees.
/// Lists that a profile may preset are written even when empty: an empty one is a choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The address that the box is reached at. Left out, what the box has now is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management: Option<Management>,
    /// Several cards that act as one; the address that the box is reached at is on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond: Option<Bond>,
    /// The network on which the services of the box talk to each other; it leaves the box nowhere. Left out,
    /// 192.168.16.0/24 or the first free one after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<Cidr>,
    /// The same network's IPv6 half. Left out, it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal6: Option<Cidr>,
    /// The address in `internal` that the APIs answer on. Left out, the plan takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip: Option<IpAddr>,
    /// The network that containers get their addresses from. Left out, 172.17.0.0/16 or the first free one after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containers: Option<Cidr>,
    /// Networks that virtual machines and floating addresses reach the outside on, by name; `public` is the usual one.
    #[schemars(with = "BTreeMap<String, Provider>", extend("propertyNames" = {"format": "role"}))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub provider: BTreeMap<Role, Provider>,
    /// Ranges that the software on the box uses inside of it, by the names of `profiles/networks.yaml`: `pods`,
    /// `services` and so on. Left out, each has its usual one or the first free one after it.
    #[schemars(with = "BTreeMap<String, Cidr>", extend("propertyNames" = {"format": "role"}))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ranges: BTreeMap<Role, Cidr>,
    /// Access for people from outside through a WireGuard tunnel. Left out, there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wireguard: Option<WireGuard>,
    /// Name servers. Left out, those that the box has now are kept.
    pub dns: Vec<IpAddr>,
    /// Time servers.
    pub ntp: Vec<HostOrIp>,
    /// The proxy that the box must use to reach the internet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Further lines of /etc/hosts: a name and its address.
    #[schemars(with = "BTreeMap<String, IpAddr>", extend("propertyNames" = {"format": "host"}))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<HostOrIp, IpAddr>,
}

/// Several cards that act as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bond {
    /// Roles of `nics`: two or more, `management` among them or not.
    pub members: Vec<Role>,
    /// How the members share the work. Left out, `active-backup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<BondMode>,
}

/// How the members of a bond share the work; names of the kernel's bonding driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BondMode {
    /// One works, the others wait; needs nothing of the switch.
    #[default]
    ActiveBackup,
    /// LACP; the switch has to be set up for it.
    #[serde(rename = "802.3ad")]
    Lacp,
    /// Sending is shared; needs nothing of the switch.
    BalanceTlb,
    /// Sending and receiving are shared; needs nothing of the switch.
    BalanceAlb,
    /// Shared by address; the switch has to be set up for it.
    BalanceXor,
}

/// How the box gets the address that it is reached at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Management {
    /// From a DHCP server.
    Dhcp,
    /// A fixed address.
    Static(StaticAddress),
}

/// A fixed address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticAddress {
    /// The address with its prefix length.
    pub address: InterfaceAddress,
    /// The default router; it lies in the address's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// An IPv6 address beside it, with its prefix length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address6: Option<InterfaceAddress>,
    /// The default router for IPv6; in the network of `address6`, or link-local.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway6: Option<IpAddr>,
    /// The VLAN tag.
    #[schemars(range(min = 1, max = 4094))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Bytes in the largest packet.
    #[schemars(range(min = 1280, max = 9216))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
}

/// A web proxy, for APT, the container engine and the helper's own downloads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// The proxy for http.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Url>,
    /// The proxy for https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<Url>,
    /// Hosts, domains and networks to reach directly; the box's own are always among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_proxy: Vec<Direct>,
}
