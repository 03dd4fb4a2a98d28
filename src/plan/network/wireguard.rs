//! The tunnel for people from outside.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    super::{Bound, PlanError, Why},
    Management,
    choice::Choice,
};
use crate::boxfile::{
    BoxFile,
    names::{HostOrIp, UserName},
    nets::{Cidr, InterfaceAddress},
};

/// The tunnel for people from outside. The secret `wireguard-server` is the box's private key, `wireguard-USER` a user's;
/// beside each stands its public half, `.pub`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireGuard {
    pub interface: String,
    /// UDP.
    pub port: u16,
    pub cidr: Cidr,
    /// The box's own in it.
    pub address: InterfaceAddress,
    pub mtu: u32,
    /// Their addresses in the tunnel.
    pub users: BTreeMap<UserName, IpAddr>,
    /// Where people reach the box; `None` where it gets its address by a lease that nobody knows yet.
    pub endpoint: Option<HostOrIp>,
    /// What is reached through the tunnel.
    pub allowed: Vec<Cidr>,
}

const INTERFACE: &str = "ciab-wg";
/// Of WireGuard's own examples, and OSISM's.
const PORT: u16 = 51_820;
/// As OSISM's Cloud-in-a-Box: IPv6 outside, PPPoE below, and some to spare.
const MTU: u32 = 1360;
/// The box takes the first address; users count from here.
const FIRST: u32 = 10;

pub(super) fn make(
    wanted: &BoxFile,
    bound: &Bound,
    management: &Management,
    choice: &mut Choice<'_>,
    why: &mut Why,
) -> Result<Option<WireGuard>, PlanError> {
    let Some(own) = &wanted.network.wireguard else { return Ok(None) };
    let cidr = choice.decide("wireguard", "network.wireguard.cidr", why)?;
    let users = addresses(cidr, &own.users, &bound.tunnel);
    let (Some(users), Some(address)) = (users, cidr.nth(1).filter(|a| cidr.has_host(*a))) else {
        return Err(PlanError::impossible(
            "network.wireguard.cidr",
            format!("{cidr} has no room for {} users", own.users.len()),
            "Give it a larger network.",
        ));
    };
    Ok(Some(WireGuard {
        interface: INTERFACE.to_owned(),
        port: own.port.unwrap_or(PORT),
        cidr,
        address: cidr.at(address),
        mtu: MTU,
        users,
        endpoint: own.endpoint.clone().or_else(|| {
            let address = management.addresses().first().map(|a| a.addr().to_string());
            address.and_then(|address| address.parse().ok())
        }),
        allowed: Vec::new(),
    }))
}

/// Each user has the address of the earlier run; a new one takes the first that nobody has, or ever had.
fn addresses(
    cidr: Cidr,
    names: &[UserName],
    known: &BTreeMap<UserName, IpAddr>,
) -> Option<BTreeMap<UserName, IpAddr>> {
    let mut users: BTreeMap<UserName, IpAddr> = BTreeMap::new();
    for name in names {
        let taken = |a: &IpAddr| known.values().chain(users.values()).any(|other| other == a);
        let kept = known.get(name).copied().filter(|a| cidr.has_host(*a));
        let free = || (FIRST..).map_while(|n| cidr.nth(n)).find(|a| cidr.has_host(*a) && !taken(a));
        let address = kept.or_else(free)?;
        users.insert(name.clone(), address);
    }
    Some(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_keeps_the_address_whoever_comes_and_goes() {
        let names = |all: &[&str]| all.iter().map(|name| name.parse().unwrap()).collect::<Vec<UserName>>();
        let cidr = "192.168.48.0/24".parse().unwrap();
        let first = addresses(cidr, &names(&["bob", "ann"]), &BTreeMap::new()).unwrap();
        assert_eq!(first[&"bob".parse().unwrap()].to_string(), "192.168.48.10");
        let second = addresses(cidr, &names(&["aaron", "ann"]), &first).unwrap();
        assert_eq!(second[&"ann".parse().unwrap()].to_string(), "192.168.48.11");
        assert_eq!(second[&"aaron".parse().unwrap()].to_string(), "192.168.48.12", "not bob's");
        assert_eq!(addresses("192.168.48.0/30".parse().unwrap(), &names(&["ann"]), &BTreeMap::new()), None);
    }
}
