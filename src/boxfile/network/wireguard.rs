//! `network.wireguard`: access for people from outside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{
    names::{HostOrIp, UserName},
    nets::Cidr,
};

/// Access for people from outside through a WireGuard tunnel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireGuard {
    /// Who gets a key and a file for it.
    pub users: Vec<UserName>,
    /// The UDP port that the box listens on. Left out, 51820.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The addresses of the tunnel. Left out, 192.168.48.0/24 or the first free one after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr: Option<Cidr>,
    /// Where people reach the box, if not at the address it has itself, such as the name of a router that forwards the
    /// port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<HostOrIp>,
}
