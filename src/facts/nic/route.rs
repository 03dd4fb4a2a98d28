//! Routes of the main table.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub to: IpNet,
    pub via: Option<IpAddr>,
    /// Interface; a route that refuses (`unreachable`, `blackhole`) has none.
    pub link: Option<String>,
    pub metric: Option<u32>,
    /// Who set it: `kernel`, `dhcp`, `ra`, `static`, `boot`.
    pub protocol: Option<String>,
    /// The source address it prefers.
    pub source: Option<IpAddr>,
}

impl Route {
    pub fn is_default(&self) -> bool {
        self.to.prefix_len() == 0
    }
}
