//! The networks of the box: how it is reached, what its services talk on, what containers get, what may come in.

use core::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    AddressPool, Bound, Firewall, Internal, PlanError, Proxy, Why, docker, firewall, internal, proxy,
};
use crate::{
    boxfile::{
        BoxFile,
        names::HostOrIp,
        nets::{Cidr, InterfaceAddress},
        network as file,
    },
    units::Mac,
};

/// Everything about networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub management: Management,
    pub internal: Internal,
    pub containers: Containers,
    pub dns: Dns,
    /// Time servers; at least one.
    pub ntp: Vec<HostOrIp>,
    pub proxy: Proxy,
    pub firewall: Firewall,
}

/// The network that the box is reached on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Management {
    /// The kernel's name when the first run began.
    pub interface: String,
    /// What the interface is found by, whatever it is called; a tunnel has none.
    pub mac: Option<Mac>,
    pub addressing: Addressing,
    pub mtu: u32,
}

/// How the box gets the address that it is reached at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Addressing {
    /// Left as it is; these were there when the first run began.
    Keep {
        addresses: Vec<IpNet>,
        gateway: Option<IpAddr>,
    },
    Dhcp,
    Static {
        address: InterfaceAddress,
        gateway: Option<IpAddr>,
        vlan: Option<u16>,
    },
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

/// Where the interface tells none.
const MTU: u32 = 1500;

pub(super) fn make(wanted: &BoxFile, bound: &Bound, why: &mut Why) -> Result<Network, Vec<PlanError>> {
    let mut errors = Vec::new();
    let internal = internal::make(wanted, bound, why).map_err(|e| errors.push(e)).ok();
    let containers = containers(wanted).map_err(|e| errors.push(e)).ok();
    if wanted.network.internal.overlaps(&wanted.network.containers) {
        errors.push(PlanError::impossible(
            "network.containers",
            format!("{} overlaps network.internal, {}", wanted.network.containers, wanted.network.internal),
            "Give each its own network.",
        ));
    }
    let (Some(internal), Some(containers), true) = (internal, containers, errors.is_empty()) else {
        return Err(errors);
    };
    let management = management(wanted, bound, why);
    Ok(Network {
        dns: match wanted.network.dns.as_slice() {
            [] => Dns::Keep,
            own => Dns::These(own.to_vec()),
        },
        ntp: ntp(wanted, bound, why),
        proxy: proxy::make(wanted, &management, &internal, &containers),
        firewall: firewall::make(bound, &internal),
        management,
        internal,
        containers,
    })
}

fn management(wanted: &BoxFile, bound: &Bound, why: &mut Why) -> Management {
    let now = &bound.management;
    let reason = match wanted.nics.keys().any(|role| role.as_str() == "management") {
        true => "nics.management of the box file means its card",
        false => "it carried the default route when the first run began",
    };
    why.insert("network.management.interface".into(), reason.into());
    let mut mtu = now.mtu.unwrap_or(MTU);
    let addressing = match &wanted.network.management {
        None => Addressing::Keep { addresses: now.addresses.clone(), gateway: now.gateway },
        Some(file::Management::Dhcp) => Addressing::Dhcp,
        Some(file::Management::Static(own)) => {
            mtu = own.mtu.map_or(mtu, u32::from);
            Addressing::Static { address: own.address, gateway: own.gateway, vlan: own.vlan }
        }
    };
    Management { interface: now.interface.clone(), mac: now.mac, addressing, mtu }
}

fn containers(wanted: &BoxFile) -> Result<Containers, PlanError> {
    let cidr = wanted.network.containers;
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
