//! Finds a disk again, by what it was chosen by: its name, its serial number, its size. Kernel names change between starts.

use anyhow::{Context as _, Result, bail, ensure};

use super::Host;
use crate::{
    facts::{Facts, source::ThisBox},
    plan::selector::obstacles,
    step::DiskName,
};

/// A disk that is there now.
#[derive(Debug)]
pub(super) struct Found {
    /// Without `/dev/`.
    name: String,
    /// As the facts have it.
    id: String,
    /// The devices of the partitions that it has now.
    partitions: Vec<String>,
    /// Why it must not be written to now: the same that the choice of a disk asks.
    obstacles: Vec<String>,
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

    /// One of its partitions, or all of it.
    pub(super) fn part(&self, number: Option<u32>) -> String {
        number.map_or_else(|| self.device(), |number| self.partition(number))
    }

    /// Takes away what is there, partitions first: a signature that stays would come back with a partition at its place.
    /// A disk that is in use is left as it is.
    pub(super) fn empty(&self, host: &Host) -> Result<()> {
        ensure!(self.obstacles.is_empty(), "{} is not written to: {}", self.id, self.obstacles.join("; "));
        for device in self.partitions.iter().chain([&self.device()]) {
            host.call(["wipefs", "--all", "--force", device]).ok()?;
        }
        Ok(())
    }
}

/// The one disk that is meant; an error where it is gone, or another one stands in its place.
pub(super) fn find(wanted: &DiskName, host: &Host) -> Result<Found> {
    found(wanted, &Facts::read_disks(&ThisBox::below(host.path("/")?)))
}

fn found(wanted: &DiskName, facts: &Facts) -> Result<Found> {
    let named = facts.identity.disks.iter().find(|disk| disk.id == wanted.id);
    let disk = named.with_context(|| format!("disk {} is not there", wanted.id))?;
    if disk.serial != wanted.serial {
        let text = |serial: &Option<String>| serial.clone().unwrap_or_else(|| "none".to_owned());
        bail!("disk {} has serial number {}, not {}", wanted.id, text(&disk.serial), text(&wanted.serial));
    }
    let size = disk.size.map_or(0, |size| size.0);
    ensure!(size == wanted.size.0, "disk {} has {size} bytes, not {}", wanted.id, wanted.size.0);
    let usage = facts.use_of(disk).with_context(|| format!("disk {}: its use cannot be read", wanted.id))?;
    let partitions = usage.partitions.iter().map(|partition| format!("/dev/{}", partition.name)).collect();
    let (name, obstacles) = (usage.name.clone(), obstacles(disk, facts));
    Ok(Found { name, id: disk.id.clone(), partitions, obstacles })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    /// What a step wants that was planned on this machine.
    fn wanted(facts: &Facts) -> DiskName {
        let disk = &facts.identity.disks[0];
        DiskName { id: disk.id.clone(), serial: disk.serial.clone(), size: disk.size.unwrap() }
    }

    #[test]
    fn partitions_are_named_as_the_kernel_names_them() {
        let facts = sample::server();
        let mut found = found(&wanted(&facts), &facts).unwrap();
        for (name, partition) in
            [("vda", "/dev/vda3"), ("nvme0n1", "/dev/nvme0n1p3"), ("mmcblk0", "/dev/mmcblk0p3")]
        {
            found.name = name.to_owned();
            assert_eq!(found.partition(3), partition);
        }
    }

    #[test]
    fn what_is_in_use_is_not_written_to() {
        let mut facts = sample::server();
        let wanted = wanted(&facts);
        let obstacles = |facts: &Facts| found(&wanted, facts).unwrap().obstacles.join("; ");
        assert!(obstacles(&facts).contains("in use at /"));
        facts.observed.disks[0].mounts.clear();
        facts.observed.disks[0].partitions.clear();
        assert_eq!(obstacles(&facts), "");
        facts.observed.disks[0].read_only = Some(true);
        assert!(obstacles(&facts).contains("read-only"));
        facts.observed.disks[0].boot_medium = true;
        assert!(obstacles(&facts).contains("started from it"));
    }

    #[test]
    fn another_disk_in_its_place_is_told() {
        let mut facts = sample::server();
        let wanted = wanted(&facts);
        let says = |facts: &Facts| found(&wanted, facts).unwrap_err().to_string();
        facts.identity.disks[0].size = Some(crate::units::Bytes(1));
        assert!(says(&facts).contains("has 1 bytes"));
        facts.identity.disks[0].serial = None;
        assert!(says(&facts).contains("has serial number none"));
        facts.identity.disks.clear();
        assert!(says(&facts).contains("is not there"));
    }
}
