//! The container engine: the values of its daemon.json.

use core::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Bound, Network, Why};
use crate::{
    boxfile::{BoxFile, nets::Cidr},
    units::Bytes,
};

/// One daemon.json for every engine of `ciab`, dockerd(8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    pub data_root: String,
    pub storage_driver: StorageDriver,
    pub log_driver: String,
    /// Of one log file of one container.
    pub log_max_size: Bytes,
    pub log_max_file: u32,
    /// Containers go on while the daemon restarts.
    pub live_restore: bool,
    /// Address of the default bridge, with the length of its network.
    pub bip: IpNet,
    /// What networks that are made later get.
    pub default_address_pools: Vec<AddressPool>,
    pub mtu: u32,
}

/// Networks of `size` bits cut from `base`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressPool {
    pub base: Cidr,
    pub size: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageDriver {
    Overlay2,
    /// Copies whole layers; where the file system below is an overlay itself and cannot carry another.
    Vfs,
}

/// What Docker keeps its data in.
pub(super) const DATA_ROOT: &str = "/var/lib/docker";
/// Ethernet's own; a bridge gains nothing from more.
const MTU: u32 = 1500;

pub(super) fn make(wanted: &BoxFile, network: &Network, bound: &Bound, why: &mut Why) -> Docker {
    let fs = bound.file_systems.get(DATA_ROOT).map(|fs| fs.fs.as_str());
    let storage_driver = if fs == Some("overlay") {
        why.insert(
            "docker.storage_driver".into(),
            format!("{DATA_ROOT} lies on an overlay, which carries no other"),
        );
        StorageDriver::Vfs
    } else {
        StorageDriver::Overlay2
    };
    let mtu = network.management.mtu.min(MTU);
    if mtu < MTU {
        why.insert("docker.mtu".into(), format!("{} passes no larger packet", network.management.interface));
    }
    why.insert(
        "docker.default_address_pools".into(),
        "the upper half of network.containers; Docker's own choice would cover network.internal".into(),
    );
    Docker {
        data_root: DATA_ROOT.to_owned(),
        storage_driver,
        log_driver: "json-file".to_owned(),
        log_max_size: wanted.tuning.logs.container,
        log_max_file: wanted.tuning.logs.container_files,
        live_restore: true,
        bip: network.containers.bridge,
        default_address_pools: vec![network.containers.pool.clone()],
        mtu,
    }
}

/// The two halves of the containers' network: the default bridge's, and the one that other networks are cut from.
pub(super) fn halves(all: Cidr) -> Option<(IpNet, AddressPool)> {
    /// Room for 254 containers, and for 128 networks in half a /16.
    const SIZE: u8 = 24;
    let IpNet::V4(net) = all.0 else { return None };
    let mut halves = net.subnets(net.prefix_len() + 1).ok()?;
    let (lower, upper) = (halves.next()?, halves.next()?);
    let first = lower.hosts().next()?;
    // A short pool still makes a few networks: four of a sixteenth or less of it.
    let size = SIZE.max(upper.prefix_len() + 2).min(30);
    let bridge = IpNet::new(IpAddr::V4(first), lower.prefix_len()).ok()?;
    (upper.prefix_len() <= 26).then_some((bridge, AddressPool { base: Cidr(IpNet::V4(upper)), size }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containers_network_is_cut_in_two() {
        for (all, bridge, base, size) in [
            ("172.17.0.0/16", "172.17.0.1/17", "172.17.128.0/17", 24),
            ("10.9.8.0/24", "10.9.8.1/25", "10.9.8.128/25", 27),
            ("10.9.8.0/25", "10.9.8.1/26", "10.9.8.64/26", 28),
        ] {
            let pool = AddressPool { base: base.parse().unwrap(), size };
            assert_eq!(halves(all.parse().unwrap()), Some((bridge.parse().unwrap(), pool)), "{all}");
        }
        for all in ["10.9.8.0/26", "10.9.8.0/32", "fd00::/64"] {
            assert_eq!(halves(all.parse().unwrap()), None, "{all}");
        }
    }
}
