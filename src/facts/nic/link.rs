//! Network interfaces as they are set up now.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::units::Mac;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The kernel's name now: `eno1`.
    pub name: String,
    /// [`super::Nic::id`] where hardware is behind it.
    pub nic: Option<String>,
    /// As `ip -d link` names it: `bond`, `bridge`, `vlan`, `veth`, `dummy`; `loopback`, and `physical` for hardware.
    pub kind: String,
    /// In use now: bonds and bridges give their members another one.
    pub mac: Option<Mac>,
    pub mtu: Option<u32>,
    /// Switched on by the administrator.
    pub up: bool,
    /// A partner at the other end of the cable; unknown while the interface is down.
    pub carrier: Option<bool>,
    /// Negotiated, in Mbit/s.
    pub speed: Option<u32>,
    /// Bond or bridge that it belongs to.
    pub master: Option<String>,
    /// Members, of a bond or bridge; in alphabetical order.
    pub members: Vec<String>,
    /// The interface a VLAN, macvlan or tunnel lies on.
    pub on: Option<String>,
    /// VLAN id, 1 to 4094.
    pub vlan: Option<u16>,
    pub addresses: Vec<Address>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address itself with the length of its network: `192.0.2.7/24`.
    pub net: IpNet,
    /// `global`, `link` or `host`.
    pub scope: String,
    /// Leased (DHCP, router advertisement), so it may go away.
    pub dynamic: bool,
}
