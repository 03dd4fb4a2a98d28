//! Where the APIs of the cloud answer, and by which name.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Ground;

/// One name and one address for all APIs, inside and outside of the box; TLS everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// `api.<name>.<domain>`.
    pub fqdn: String,
    /// In `network.internal`; HAProxy listens there.
    pub vip: IpAddr,
}

pub(super) fn make(ground: &Ground<'_>) -> Api {
    Api { fqdn: name(&ground.wanted.fqdn()), vip: ground.network.internal.vip }
}

/// The name of the APIs of a box.
pub fn name(fqdn: &str) -> String {
    format!("api.{fqdn}")
}
