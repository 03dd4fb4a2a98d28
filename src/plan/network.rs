//! The networks of the box: how it is reached, what its services talk on, what containers get, what may come in.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{AddressPool, Bound, ModuleState, PlanError, Why, docker};
use crate::{
    boxfile::{
        BoxFile,
        names::HostOrIp,
        nets::{Cidr, InterfaceAddress},
        network as file,
        system::Url,
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
}

impl Internal {
    /// The address with the length of its network, as the interface carries it.
    pub fn interface_address(&self) -> InterfaceAddress {
        let length = self.cidr.0.prefix_len();
        InterfaceAddress(IpNet::new(self.address, length).unwrap_or(self.cidr.0))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InternalKind {
    Bridge,
    Dummy,
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

/// The way to the internet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Proxy {
    Direct,
    Via {
        http: Option<Url>,
        https: Option<Url>,
        /// What is reached directly: the box's own names and networks, then the operator's.
        no_proxy: Vec<String>,
    },
}

/// Our own nftables table; it sits beside Docker's rules and flushes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    pub table: String,
    /// TCP ports that anybody may reach.
    pub open: Vec<OpenPort>,
    /// Everything that comes in on these is let in; nftables wildcards (`br-*`).
    pub trusted: Vec<String>,
    pub forward: Forward,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPort {
    pub port: u16,
    pub needed_for: String,
}

/// What is done with packets that pass through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Forward {
    /// All pass our table, so that Docker's own rules decide; new connections into `shielded` from elsewhere do not.
    LeaveToDocker { shielded: Vec<String> },
}

/// Link-independent: no cable and no network card is behind it.
const INTERFACE: &str = "ciab0";
/// As OSISM's testbed and Cloud-in-a-Box number them: host .10, API .9.
const HOST_NUMBER: u32 = 10;
const VIP_NUMBER: u32 = 9;
/// Where the interface tells none.
const MTU: u32 = 1500;

pub(super) fn make(wanted: &BoxFile, bound: &Bound, why: &mut Why) -> Result<Network, Vec<PlanError>> {
    let mut errors = Vec::new();
    let internal = internal(wanted, bound, why).map_err(|e| errors.push(e)).ok();
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
        proxy: proxy(wanted, &management, &internal, &containers),
        firewall: firewall(bound, &internal),
        management,
        internal,
        containers,
    })
}

fn management(wanted: &BoxFile, bound: &Bound, why: &mut Why) -> Management {
    let now = &bound.management;
    why.insert(
        "network.management.interface".into(),
        "it carried the default route when the first run began".into(),
    );
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

fn internal(wanted: &BoxFile, bound: &Bound, why: &mut Why) -> Result<Internal, PlanError> {
    let cidr = wanted.network.internal;
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
    Ok(Internal { interface: INTERFACE.to_owned(), kind, cidr, address, vip })
}

/// The host address with this number, else the first one that is free.
fn nth(cidr: Cidr, number: u32, taken: Option<IpAddr>) -> Option<IpAddr> {
    let at = |n: u32| match cidr.0.network() {
        IpAddr::V4(base) => u32::from(base).checked_add(n).map(|n| IpAddr::V4(Ipv4Addr::from(n))),
        IpAddr::V6(base) => u128::from(base).checked_add(n.into()).map(|n| IpAddr::V6(Ipv6Addr::from(n))),
    };
    std::iter::once(number)
        .chain(1..number)
        .filter_map(at)
        .find(|address| cidr.has_host(*address) && Some(*address) != taken)
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

fn proxy(wanted: &BoxFile, management: &Management, internal: &Internal, containers: &Containers) -> Proxy {
    let Some(own) = &wanted.network.proxy else { return Proxy::Direct };
    let addresses: Vec<String> = match &management.addressing {
        Addressing::Keep { addresses, .. } => addresses.iter().map(|a| a.addr().to_string()).collect(),
        Addressing::Dhcp => Vec::new(),
        Addressing::Static { address, .. } => vec![address.address().to_string()],
    };
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut seen = BTreeSet::new();
    let no_proxy = names
        .into_iter()
        .chain([wanted.name.to_string(), wanted.fqdn(), format!("api.{}", wanted.fqdn())])
        .chain(addresses)
        .chain([internal.cidr.to_string(), containers.cidr.to_string()])
        .chain(own.no_proxy.iter().map(ToString::to_string))
        .filter(|entry| seen.insert(entry.clone()))
        .collect();
    Proxy::Via { http: own.http.clone(), https: own.https.clone(), no_proxy }
}

fn firewall(bound: &Bound, internal: &Internal) -> Firewall {
    let open = |port: &u16| OpenPort { port: *port, needed_for: "logging in".to_owned() };
    Firewall {
        table: "ciab".to_owned(),
        open: bound.ssh_ports.iter().map(open).collect(),
        trusted: ["lo", &internal.interface, "docker0", "br-*"].map(str::to_owned).to_vec(),
        forward: Forward::LeaveToDocker { shielded: vec![internal.interface.clone()] },
    }
}
