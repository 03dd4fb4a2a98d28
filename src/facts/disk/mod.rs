//! Disks: what can be written on the label of each.

use serde::{Deserialize, Serialize};

use super::reader::Reader;
use crate::units::Bytes;

mod identity;
mod observe;
mod stack;
pub(super) mod udev;
pub mod usage;
mod wipefs;

/// One block device with hardware (or virtual hardware) behind it. Kernel names are not here: they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Unique in this document: the best by-id name that no other disk has, else by-path, else the path in sysfs.
    pub id: String,
    pub kind: DiskKind,
    /// Names below `/dev/disk/by-id` without that folder, in alphabetical order.
    pub by_id: Vec<String>,
    /// Name below `/dev/disk/by-path` without that folder.
    pub by_path: Option<String>,
    pub serial: Option<String>,
    /// World-wide name as by-id writes it: `0x5002538e40a0b1c2`, `eui.0025385…`, `nvme.144d-…`.
    pub wwn: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub transport: Option<Transport>,
    pub size: Option<Bytes>,
    pub logical_block: Option<Bytes>,
    pub physical_block: Option<Bytes>,
    pub rotational: Option<bool>,
    pub discard: Option<bool>,
    pub removable: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskKind {
    Disk,
    Floppy,
    Optical,
}

/// How a disk is attached, seen from the last bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    Ata,
    Fc,
    Hyperv,
    Iscsi,
    Mmc,
    Nvme,
    Pmem,
    Sas,
    Sata,
    Scsi,
    Usb,
    Virtio,
    Xen,
}

impl Transport {
    /// As in the document and in selectors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ata => "ata",
            Self::Fc => "fc",
            Self::Hyperv => "hyperv",
            Self::Iscsi => "iscsi",
            Self::Mmc => "mmc",
            Self::Nvme => "nvme",
            Self::Pmem => "pmem",
            Self::Sas => "sas",
            Self::Sata => "sata",
            Self::Scsi => "scsi",
            Self::Usb => "usb",
            Self::Virtio => "virtio",
            Self::Xen => "xen",
        }
    }
}

/// Reads all disks and their uses, both in the order of [`Disk::id`].
pub(super) fn read(reader: &mut Reader<'_>) -> (Vec<Disk>, Vec<usage::DiskUse>) {
    let devices = identity::Device::list(reader);
    let in_use = stack::InUse::read(reader);
    let disks = identity::read(reader, &devices);
    let uses = observe::read(reader, &in_use, &devices, &disks);
    let mut pairs: Vec<_> = disks.into_iter().zip(uses).collect();
    pairs.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    pairs.into_iter().unzip()
}
