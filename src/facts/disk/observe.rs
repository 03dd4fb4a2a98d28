//! Reads the use that is made of a disk now.

use std::collections::BTreeMap;

use super::{
    Disk, DiskKind,
    identity::{Device, SECTOR},
    stack::{InUse, climb, parts},
    udev::Udev,
    usage::{DiskUse, Partition, PartitionTable, Signature},
    wipefs,
};
use crate::{facts::reader::Reader, units::Bytes};

/// Where live systems mount the medium they were started from: Debian, dracut, Ubuntu, Arch.
const LIVE_MOUNTS: [&str; 5] =
    ["/run/live/medium", "/lib/live/mount/medium", "/run/initramfs/live", "/cdrom", "/run/archiso/bootmnt"];

/// The labels of our own media begin so. They count as boot media even when copied to memory and unmounted.
const MEDIUM_LABEL: &str = "CIAB";

pub(super) fn read(
    reader: &mut Reader<'_>,
    in_use: &InUse,
    devices: &[Device],
    disks: &[Disk],
) -> Vec<DiskUse> {
    let mut unseen = Vec::new();
    let mut uses: Vec<DiskUse> = devices
        .iter()
        .zip(disks)
        .map(|(device, disk)| disk_use(reader, in_use, device, disk, &mut unseen))
        .collect();
    if !unseen.is_empty()
        && let Some(contents) = wipefs::read(reader, &unseen)
    {
        uses.iter_mut().for_each(|disk| fill_in(disk, &unseen, &contents));
    }
    for disk in &mut uses {
        disk.boot_medium = is_boot_medium(disk);
    }
    uses
}

fn disk_use(
    reader: &Reader<'_>,
    in_use: &InUse,
    device: &Device,
    disk: &Disk,
    unseen: &mut Vec<String>,
) -> DiskUse {
    let udev = device.udev.as_ref();
    let has_medium = disk.size.is_some_and(|s| s.0 > 0);
    if disk.kind == DiskKind::Disk && has_medium && !decided(udev) {
        unseen.push(device.name.clone());
    }
    let signatures: Vec<Signature> = udev.and_then(Signature::of).into_iter().collect();
    let mounts = in_use.of(&device.name, device.number.as_deref(), None, &signatures);
    let mut partitions = Vec::new();
    let mut holders = Vec::new();
    climb(reader, in_use, &device.folder, &device.name, &mut holders);
    for name in parts(reader, &device.folder, &device.name) {
        let folder = format!("{}/{name}", device.folder);
        climb(reader, in_use, &folder, &name, &mut holders);
        partitions.extend(partition(reader, in_use, &folder, name, unseen));
    }
    partitions.sort_by_key(|p| p.number);
    DiskUse {
        disk: disk.id.clone(),
        name: device.name.clone(),
        read_only: reader.flag(&format!("{}/ro", device.folder)),
        boot_medium: false,
        table: udev
            .and_then(|u| u.get("ID_PART_TABLE_TYPE"))
            .map(|t| PartitionTable::named(t).unwrap_or(PartitionTable::Other)),
        partitions,
        signatures,
        mounts,
        holders,
    }
}

fn partition(
    reader: &Reader<'_>,
    in_use: &InUse,
    folder: &str,
    name: String,
    unseen: &mut Vec<String>,
) -> Option<Partition> {
    let number = reader.word(&format!("{folder}/dev"));
    let udev = number.as_ref().and_then(|n| Udev::read(reader, &format!("b{n}")));
    if !decided(udev.as_ref()) {
        unseen.push(name.clone());
    }
    let bytes =
        |file: &str| reader.number::<u64>(&format!("{folder}/{file}"))?.checked_mul(SECTOR).map(Bytes);
    let property = |key: &str| udev.as_ref().and_then(|u| u.decoded(key));
    let signatures: Vec<Signature> = udev.as_ref().and_then(Signature::of).into_iter().collect();
    Some(Partition {
        number: reader.number(&format!("{folder}/partition"))?,
        start: bytes("start"),
        size: bytes("size"),
        type_id: property("ID_PART_ENTRY_TYPE"),
        label: property("ID_PART_ENTRY_NAME"),
        uuid: property("ID_PART_ENTRY_UUID"),
        mounts: in_use.of(&name, number.as_deref(), None, &signatures),
        signatures,
        name,
    })
}

/// Whether udev looked at the content, and saw one thing or nothing.
fn decided(udev: Option<&Udev>) -> bool {
    udev.is_some_and(|u| u.get("ID_FS_AMBIVALENT").is_none())
}

/// Puts in what `wipefs` saw on devices that udev was of no help with.
fn fill_in(disk: &mut DiskUse, unseen: &[String], contents: &BTreeMap<String, wipefs::Content>) {
    if unseen.contains(&disk.name)
        && let Some(content) = contents.get(&disk.name)
    {
        disk.table = disk.table.or(content.table);
        disk.signatures.clone_from(&content.signatures);
    }
    for partition in disk.partitions.iter_mut().filter(|p| unseen.contains(&p.name)) {
        if let Some(content) = contents.get(&partition.name) {
            partition.signatures.clone_from(&content.signatures);
        }
    }
}

fn is_boot_medium(disk: &DiskUse) -> bool {
    let mut mounts = disk
        .mounts
        .iter()
        .chain(disk.partitions.iter().flat_map(|p| &p.mounts))
        .chain(disk.holders.iter().flat_map(|h| &h.mounts));
    let mut labels = disk
        .signatures
        .iter()
        .chain(disk.partitions.iter().flat_map(|p| &p.signatures))
        .filter_map(|s| s.label.as_deref());
    mounts.any(|m| LIVE_MOUNTS.contains(&m.as_str())) || labels.any(|l| l.starts_with(MEDIUM_LABEL))
}
