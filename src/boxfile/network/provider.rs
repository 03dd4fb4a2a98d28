//! `network.provider`: networks that virtual machines and floating addresses reach the outside on.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{names::Role, nets::Cidr};

/// One network on which virtual machines reach the outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Provider {
    /// How its packets leave the box. Left out, `bridged` where the network has a card of its own, else `routed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ProviderMode>,
    /// The role in `nics` of the card that carries it and nothing else. Left out, `public` takes the role `provider`
    /// where there is one; every other network shares the card that the box is reached on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<Role>,
    /// Its addresses. Left out, 192.168.112.0/24 or the first free one after it; where it is bridged, the network that
    /// is there already has to be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<Cidr>,
    /// Its IPv6 addresses beside them. Left out, it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr6: Option<Cidr>,
    /// The router in `cidr`. Left out, the box itself where it is routed, else the first address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// The addresses that virtual machines and floating addresses get. Left out, the middle of `cidr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// The VLAN tag on the way out, for a bridged network.
    #[schemars(range(min = 1, max = 4094))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
}

/// Addresses from the first to the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The first address.
    pub first: IpAddr,
    /// The last address; itself in the pool.
    pub last: IpAddr,
}

/// How the packets of a provider network leave the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderMode {
    /// The box is the router, and hides the network behind its own address; nothing outside has to know of it.
    Routed,
    /// The network is the one outside: virtual machines are neighbours of the machines there.
    Bridged,
}
