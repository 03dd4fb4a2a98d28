//! Where the cloud keeps volumes and images.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Ground, capacity::capacity};
use crate::{
    boxfile::{BoxFile, cloud::Backend, names::Role, nets::Cidr},
    plan::{ChosenDisk, PlanError, Why},
    profile::{Profile, sizing_rules},
    units::Bytes,
};

/// Where volumes and images are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    pub backend: Backend,
    /// With `lvm` the group of Cinder's volumes; with `ceph` the group of its disks, where they are no whole disks.
    pub volume_group: Option<String>,
    /// With `nfs`.
    pub nfs: Option<Nfs>,
    /// With `ceph`.
    pub ceph: Option<Ceph>,
    /// How much volumes may take on disks of their own, copies counted; `None` where they share a file system or the
    /// size is not known.
    pub holds: Option<Bytes>,
}

/// What the box serves to itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nfs {
    /// The folder with the files of volumes.
    pub export: String,
    /// On the internal network.
    pub server: IpAddr,
}

/// Ceph on one box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceph {
    /// Paths below /dev/disk, one for each disk; empty where a volume group takes their place.
    pub devices: Vec<String>,
    /// Public and cluster network are one: there is one box.
    pub network: Cidr,
    pub monitor: IpAddr,
    /// Copies of everything, each on another disk; never more than there are disks.
    pub pool_size: u32,
    /// Copies that must be there for writing.
    pub pool_min_size: u32,
    /// Whether volumes may be called replicated: there is a second copy on another disk.
    pub replicated: bool,
}

/// Cinder's group on a disk of its own; the name of kolla-ansible's `cinder_volume_group`.
const VOLUME_GROUP: &str = "cinder-volumes";
/// The role of that disk.
pub const VOLUMES: &str = "volumes";
const EXPORT: &str = "/srv/ciab/volumes";
/// What Ceph itself takes where there are disks enough (`osd_pool_default_size`).
const COPIES: usize = 3;

/// What volumes are kept in.
pub(in crate::plan) fn backend(wanted: &BoxFile, profile: &Profile) -> Option<Backend> {
    profile.backend(wanted.engine, wanted.storage.backend, |role| wanted.disks.contains_key(role))
}

pub(super) fn make(ground: &Ground<'_>, why: &mut Why) -> Result<Storage, PlanError> {
    let backend = backend(ground.wanted, ground.profile).ok_or_else(|| {
        PlanError::impossible(
            "storage.backend",
            format!("the profile keeps no volumes with engine `{}`", ground.wanted.engine),
            "Choose another engine or profile.",
        )
    })?;
    if ground.wanted.storage.backend.is_none() {
        let named = ground.disks.keys().next();
        let reason = named.map_or("the profile's own, as no disk is named for volumes".to_owned(), |role| {
            format!("disks.{role} names disks for it")
        });
        why.insert("cloud.storage.backend".into(), reason);
    }
    let own = ground.wanted.storage.volume_group.as_ref().map(ToString::to_string);
    let internal = &ground.network.internal;
    let none = Storage { backend, volume_group: None, nfs: None, ceph: None, holds: None };
    let disks = |role: &str| -> Vec<&ChosenDisk> {
        ground.disks.iter().filter(|(name, _)| name.as_str() == role).flat_map(|(_, all)| all).collect()
    };
    Ok(match backend {
        Backend::Local => none,
        Backend::Nfs => {
            Storage { nfs: Some(Nfs { export: EXPORT.to_owned(), server: internal.address }), ..none }
        }
        Backend::Lvm => {
            let holds = disks(VOLUMES).first().map(|disk| disk.size);
            Storage { volume_group: Some(own.unwrap_or_else(|| VOLUME_GROUP.to_owned())), holds, ..none }
        }
        Backend::Ceph => {
            let disks = disks("osd");
            let devices: Vec<String> = disks.iter().map(|disk| path(disk)).collect();
            // A volume group says nothing of the disks below it, so it counts as one.
            let real = devices.len().max(1);
            let copies = real.min(COPIES);
            why.insert(
                "cloud.storage.ceph.pool_size".into(),
                match real {
                    1 => "one disk: a second copy would be lost with the first".to_owned(),
                    n => format!("{n} disks, each copy on another"),
                },
            );
            let copies = u32::try_from(copies).unwrap_or(1);
            let ceph = Ceph {
                devices,
                network: internal.cidr,
                monitor: internal.address,
                pool_size: copies,
                // With two copies one is enough to go on while the other disk is replaced.
                pool_min_size: if copies > 2 { 2 } else { 1 },
                replicated: copies > 1,
            };
            let full = sizing_rules().disk.ceph_full_percent;
            let sizes: Vec<Bytes> = disks.iter().map(|disk| disk.size).collect();
            let holds = (!sizes.is_empty()).then(|| Bytes(capacity(&sizes, copies).0 / 100 * full));
            Storage { volume_group: own, ceph: Some(ceph), holds, ..none }
        }
    })
}

/// The name that a disk keeps.
fn path(disk: &ChosenDisk) -> String {
    format!("/dev/disk/by-id/{}", disk.id)
}

/// Whether a role's disks are wanted: its place for volumes is the chosen one, and no volume group takes their place.
pub(in crate::plan) fn wants(role: &Role, wanted: &BoxFile, profile: &Profile) -> bool {
    let Some(need) = profile.needs.disks.get(role) else { return false };
    match need.backend {
        None => true,
        Some(needed) => Some(needed) == backend(wanted, profile) && wanted.storage.volume_group.is_none(),
    }
}
