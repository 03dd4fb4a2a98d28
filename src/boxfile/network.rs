//! `network`: how the box is reached, its own networks, and the services it asks.

use std::{collections::BTreeMap, net::IpAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    names::{Direct, HostOrIp},
    nets::{Cidr, InterfaceAddress},
    system::Url,
};

/// How the box is reached, its own networks, and the name and time servers it asks.
///
/// Lists that a profile may preset are written even when empty: an empty one is a choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The address that the box is reached at. Left out, what the box has now is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management: Option<Management>,
    /// The network on which the services of the box talk to each other; it leaves the box nowhere.
    pub internal: Cidr,
    /// The address in `internal` that the APIs answer on. Left out, the plan takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip: Option<IpAddr>,
    /// The network that containers get their addresses from.
    pub containers: Cidr,
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

impl Default for Network {
    fn default() -> Self {
        let net = |text: &str| text.parse().unwrap_or_else(|why| unreachable!("{why}"));
        Self {
            management: None,
            // A part of OSISM's 192.168.16.0/20, small enough to miss most home networks.
            internal: net("192.168.16.0/24"),
            vip: None,
            // Docker's own default, so that a box that already has Docker sees no change.
            containers: net("172.17.0.0/16"),
            dns: Vec::new(),
            ntp: Vec::new(),
            proxy: None,
            hosts: BTreeMap::new(),
        }
    }
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
