//! What is on a disk now, and what stands on it.

use serde::{Deserialize, Serialize};

use super::udev::Udev;
use crate::units::Bytes;

/// The use made of one of `identity.disks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskUse {
    /// [`super::Disk::id`] of the disk.
    pub disk: String,
    /// The kernel's name now, without `/dev/`: `nvme0n1`.
    pub name: String,
    pub read_only: Option<bool>,
    /// The running system was started from it as a live medium, or it is one of our install media.
    pub boot_medium: bool,
    pub table: Option<PartitionTable>,
    /// Ordered by number.
    pub partitions: Vec<Partition>,
    /// On the whole disk, outside of partitions.
    pub signatures: Vec<Signature>,
    /// Where the whole disk is mounted; `[SWAP]` for swap space in use.
    pub mounts: Vec<String>,
    /// Every device that stands on the disk or on one of its partitions, however far up, nearest first.
    pub holders: Vec<Holder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionTable {
    Dos,
    Gpt,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// The kernel's name now: `sda2`.
    pub name: String,
    pub number: u32,
    pub start: Option<Bytes>,
    pub size: Option<Bytes>,
    /// GPT type GUID or DOS type byte as udev writes it: `c12a7328-f81f-…`, `0x83`.
    pub type_id: Option<String>,
    /// The partition's own name (GPT only).
    pub label: Option<String>,
    pub uuid: Option<String>,
    pub signatures: Vec<Signature>,
    pub mounts: Vec<String>,
}

/// One thing that `blkid` recognises.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// As `blkid` names it: `ext4`, `LVM2_member`, `linux_raid_member`, `crypto_LUKS`, `ceph_bluestore`, `zfs_member`.
    pub kind: String,
    pub label: Option<String>,
    pub uuid: Option<String>,
    pub version: Option<String>,
}

/// A device that stands on another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The kernel's name now: `dm-0`, `md127`.
    pub name: String,
    pub kind: HolderKind,
    /// The name people use: `vg0-root`, `mpatha`.
    pub label: Option<String>,
    /// The kernel's name of the device it stands on.
    pub on: String,
    pub signatures: Vec<Signature>,
    pub mounts: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HolderKind {
    Bcache,
    /// dm-crypt, with LUKS or plain.
    Crypt,
    /// Device mapper, none of the more special kinds.
    Dm,
    Lvm,
    Md,
    Multipath,
    Other,
}

/// What kind of thing a signature stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Bcache,
    Ceph,
    FileSystem,
    Luks,
    Lvm,
    Md,
    Swap,
    Zfs,
}

impl PartitionTable {
    /// By the name that `blkid` has for it; `None` if it is none of the two that boxes are installed with.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "dos" => Some(Self::Dos),
            "gpt" => Some(Self::Gpt),
            _ => None,
        }
    }
}

impl Signature {
    /// What `blkid` told udev.
    pub(super) fn of(udev: &Udev) -> Option<Self> {
        Some(Self {
            kind: udev.get("ID_FS_TYPE")?.to_owned(),
            label: udev.decoded("ID_FS_LABEL_ENC").or_else(|| udev.decoded("ID_FS_LABEL")),
            uuid: udev.first(&["ID_FS_UUID"]),
            version: udev.first(&["ID_FS_VERSION"]),
        })
    }

    pub fn family(&self) -> Family {
        match self.kind.as_str() {
            "LVM1_member" | "LVM2_member" => Family::Lvm,
            "bcache" => Family::Bcache,
            "crypto_LUKS" => Family::Luks,
            "swap" | "swsuspend" => Family::Swap,
            "zfs_member" => Family::Zfs,
            kind if kind.starts_with("ceph") => Family::Ceph,
            // linux_raid_member and the firmware raids: isw_raid_member, ddf_raid_member.
            kind if kind.ends_with("_raid_member") => Family::Md,
            _ => Family::FileSystem,
        }
    }
}
