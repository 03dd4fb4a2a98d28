//! The network on which the services of the box talk to each other.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Bound, ModuleState, PlanError, Why, network::Choice};
use crate::boxfile::{
    BoxFile,
    nets::{Cidr, InterfaceAddress},
};

/// The network that leaves the box nowhere; there whatever cable is plugged in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Internal {
    pub interface: String,
    pub kind: InternalKind,
    pub cidr: Cidr,
    pub address: IpAddr,
    /// What the APIs answer on.
    pub vip: IpAddr,
    /// The IPv6 half, where there is one.
    pub cidr6: Option<Cidr>,
    pub address6: Option<IpAddr>,
    /// Bytes in the largest packet: the tunnels between virtual machines run here and nowhere else.
    pub mtu: u32,
}

impl Internal {
    /// The address with the length of its network, as the interface carries it.
    pub fn interface_address(&self) -> InterfaceAddress {
        self.cidr.at(self.address)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InternalKind {
    Bridge,
    Dummy,
}

/// Link-independent: no cable and no network card is behind it.
const INTERFACE: &str = "ciab0";
/// As OSISM's testbed and Cloud-in-a-Box number them: host .10, API .9.
const HOST_NUMBER: u32 = 10;
const VIP_NUMBER: u32 = 9;
/// Nothing but Ethernet's own size: no card is behind it.
const MTU: u32 = 1500;

pub(super) fn make(
    wanted: &BoxFile,
    bound: &Bound,
    choice: &mut Choice<'_>,
    why: &mut Why,
) -> Result<Internal, PlanError> {
    let cidr = choice.decide("internal", "network.internal", why)?;
    let small = || {
        PlanError::impossible(
            "network.internal",
            format!("{cidr} is too small for the box and the address of its APIs"),
            "Give it at least four addresses, such as 192.168.16.0/24.",
        )
    };
    let vip = match wanted.network.vip {
        Some(vip) => vip,
        None => {
            why.insert("network.internal.vip".into(), format!("number {VIP_NUMBER} of network.internal"));
            nth(cidr, VIP_NUMBER, None).ok_or_else(small)?
        }
    };
    if !cidr.has_host(vip) {
        return Err(PlanError::impossible(
            "network.vip",
            format!("{vip} is no address of a host in network.internal, {cidr}"),
            "Leave it out, or choose an address inside.",
        ));
    }
    let address = nth(cidr, HOST_NUMBER, Some(vip)).ok_or_else(small)?;
    why.insert("network.internal.address".into(), format!("number {HOST_NUMBER} of network.internal"));
    let absent = |name: &str| bound.modules.get(name) == Some(&ModuleState::Absent);
    let kind = if absent("bridge") && !absent("dummy") {
        why.insert("network.internal.kind".into(), "this kernel has no bridge".into());
        InternalKind::Dummy
    } else {
        InternalKind::Bridge
    };
    let cidr6 = wanted.network.internal6;
    Ok(Internal {
        interface: INTERFACE.to_owned(),
        kind,
        cidr,
        address,
        vip,
        cidr6,
        address6: cidr6.and_then(|cidr| cidr.nth(HOST_NUMBER)),
        mtu: MTU,
    })
}

/// The host address with this number, else the first one that is free.
fn nth(cidr: Cidr, number: u32, taken: Option<IpAddr>) -> Option<IpAddr> {
    std::iter::once(number)
        .chain(1..number)
        .filter_map(|number| cidr.nth(number))
        .find(|address| cidr.has_host(*address) && Some(*address) != taken)
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_that_do_not_fit_give_way_to_the_first_free_one() {
        let nth = |cidr: &str, number, taken: Option<&str>| {
            let taken = taken.map(|text| text.parse().unwrap());
            super::nth(cidr.parse().unwrap(), number, taken).map(|address| address.to_string())
        };
        assert_eq!(nth("192.168.16.0/24", 10, None).as_deref(), Some("192.168.16.10"));
        assert_eq!(nth("192.168.16.0/24", 10, Some("192.168.16.10")).as_deref(), Some("192.168.16.1"));
        assert_eq!(nth("10.0.0.8/29", 9, None).as_deref(), Some("10.0.0.9"));
        assert_eq!(nth("10.0.0.8/30", 10, Some("10.0.0.9")).as_deref(), Some("10.0.0.10"));
        assert_eq!(nth("10.0.0.8/32", 10, Some("10.0.0.8")), None);
        assert_eq!(nth("fd00:16::/64", 10, None).as_deref(), Some("fd00:16::a"));
    }
}
