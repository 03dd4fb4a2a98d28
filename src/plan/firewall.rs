//! What may come in, and what may pass through.

use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

use super::{Bound, Internal, Provider, WireGuard};
use crate::boxfile::{names::Role, nets::Cidr, network::ProviderMode};

/// Our own nftables table; it sits beside Docker's rules and flushes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    pub table: String,
    /// Ports that anybody may reach.
    pub open: Vec<OpenPort>,
    /// Everything that comes in on these is let in; nftables wildcards (`br-*`).
    pub trusted: Vec<String>,
    pub forward: Forward,
    /// Packets from the first networks to anywhere but the second leave under the box's own address.
    pub masquerade: Vec<Masquerade>,
}

/// Networks of one family that nobody outside knows of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masquerade {
    pub family: Family,
    pub from: Vec<Cidr>,
    /// The box's own, where addresses are known.
    pub except: Vec<Cidr>,
}

/// As nftables names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ip,
    Ip6,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPort {
    pub transport: Transport,
    pub port: u16,
    pub needed_for: String,
}

/// As nftables names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// What is done with packets that pass through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Forward {
    /// All pass our table, so that Docker's own rules decide; new connections into `shielded` from elsewhere do not.
    LeaveToDocker { shielded: Vec<String> },
}

pub(super) fn make(
    bound: &Bound,
    internal: &Internal,
    provider: &BTreeMap<Role, Provider>,
    wireguard: Option<&WireGuard>,
) -> Firewall {
    let ssh =
        |port: &u16| OpenPort { transport: Transport::Tcp, port: *port, needed_for: "logging in".to_owned() };
    let tunnel = wireguard.map(|own| OpenPort {
        transport: Transport::Udp,
        port: own.port,
        needed_for: "WireGuard".to_owned(),
    });
    let trusted = ["lo", &internal.interface, "docker0", "br-*"].into_iter().map(str::to_owned);
    Firewall {
        table: "ciab".to_owned(),
        open: bound.ssh_ports.iter().map(ssh).chain(tunnel).collect(),
        trusted: trusted.chain(wireguard.map(|own| own.interface.clone())).collect(),
        forward: Forward::LeaveToDocker { shielded: vec![internal.interface.clone()] },
        masquerade: masquerade(internal, provider, wireguard),
    }
}

fn masquerade(
    internal: &Internal,
    provider: &BTreeMap<Role, Provider>,
    wireguard: Option<&WireGuard>,
) -> Vec<Masquerade> {
    let routed = || provider.values().filter(|p| p.mode == ProviderMode::Routed);
    let own = |family: Family, from: Vec<Cidr>, also: Vec<Cidr>| {
        let except = from.iter().copied().chain(also).collect();
        (!from.is_empty()).then_some(Masquerade { family, from, except })
    };
    let v4 = own(
        Family::Ip,
        routed().map(|p| p.cidr).collect(),
        [Some(internal.cidr), wireguard.map(|own| own.cidr)].into_iter().flatten().collect(),
    );
    let v6 =
        own(Family::Ip6, routed().filter_map(|p| p.cidr6).collect(), internal.cidr6.into_iter().collect());
    [v4, v6].into_iter().flatten().collect()
}
