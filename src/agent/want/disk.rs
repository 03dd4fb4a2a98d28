//! Finds a disk again, by what it was chosen by: its name, its serial number, its size. Kernel names change between starts.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use super::Host;
use crate::{
    facts::{Facts, disk::usage::DiskUse, source::ThisBox},
    step::DiskName,
};

/// A disk that is there now.
#[derive(Debug)]
pub(super) struct Found {
    /// Without `/dev/`.
    pub(super) name: String,
    pub(super) usage: DiskUse,
}

impl Found {
    /// `/dev/vda`.
    pub(super) fn device(&self) -> String {
        format!("/dev/{}", self.name)
    }

    /// `/dev/vda3`, `/dev/nvme0n1p3`: a name that ends in a digit gets a `p` (kernel, `disk_name`).
    pub(super) fn partition(&self, number: u32) -> String {
        let p = if self.name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
        format!("/dev/{}{p}{number}", self.name)
    }
}

/// The one disk that is meant; an error where it is gone, or another one stands in its place.
pub(super) fn find(wanted: &DiskName, host: &Host) -> Result<Found> {
    let root: PathBuf = host.path("/")?;
    let facts = Facts::read(&ThisBox::below(root));
    let named = facts.identity.disks.iter().find(|disk| disk.id == wanted.id);
    let disk = named.with_context(|| format!("disk {} is not there", wanted.id))?;
    if disk.serial != wanted.serial {
        let text = |serial: &Option<String>| serial.clone().unwrap_or_else(|| "none".to_owned());
        bail!("disk {} has serial number {}, not {}", wanted.id, text(&disk.serial), text(&wanted.serial));
    }
    let size = disk.size.map_or(0, |size| size.0);
    ensure!(size == wanted.size.0, "disk {} has {size} bytes, not {}", wanted.id, wanted.size.0);
    let usage = facts.use_of(disk).with_context(|| format!("disk {}: its use cannot be read", wanted.id))?;
    Ok(Found { name: usage.name.clone(), usage: usage.clone() })
}

/// Why a disk must not be written to now.
pub(super) fn obstacle(found: &Found) -> Option<String> {
    let usage = &found.usage;
    let mounts = usage.mounts.iter().chain(usage.partitions.iter().flat_map(|part| &part.mounts));
    let mounts: Vec<&str> = mounts.map(String::as_str).collect();
    let holders: Vec<&str> =
        usage.holders.iter().map(|holder| holder.label.as_deref().unwrap_or(&holder.name)).collect();
    if usage.boot_medium {
        Some("this system was started from it".to_owned())
    } else if usage.read_only == Some(true) {
        Some("it is read-only".to_owned())
    } else if !mounts.is_empty() {
        Some(format!("it is in use at {}", mounts.join(", ")))
    } else if !holders.is_empty() {
        Some(format!("{} stand on it, and are active", holders.join(", ")))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    /// The disk of a server, in use as it is.
    fn found() -> Found {
        let usage = sample::server().observed.disks[0].clone();
        Found { name: usage.name.clone(), usage }
    }

    #[test]
    fn partitions_are_named_as_the_kernel_names_them() {
        let mut found = found();
        for (name, partition) in
            [("vda", "/dev/vda3"), ("nvme0n1", "/dev/nvme0n1p3"), ("mmcblk0", "/dev/mmcblk0p3")]
        {
            found.name = name.to_owned();
            assert_eq!(found.partition(3), partition);
        }
    }

    #[test]
    fn what_is_in_use_is_not_written_to() {
        let mut found = found();
        assert!(obstacle(&found).unwrap().contains("in use at /"));
        found.usage.mounts.clear();
        found.usage.partitions.clear();
        assert_eq!(obstacle(&found), None);
        found.usage.read_only = Some(true);
        assert!(obstacle(&found).unwrap().contains("read-only"));
        found.usage.boot_medium = true;
        assert!(obstacle(&found).unwrap().contains("started from it"));
    }
}
