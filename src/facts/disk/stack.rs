//! What stands on a device: volumes, arrays, maps, and where they are mounted.

use std::collections::BTreeSet;

use super::{
    udev::Udev,
    usage::{Holder, HolderKind, Signature},
};
use crate::facts::{
    mount::{MountLine, parse_mountinfo, unescape},
    reader::Reader,
};

/// How many devices may stand on one disk: an LVM with a volume for each of a cloud's guests has hundreds.
const MAX_HOLDERS: usize = 10_000;

/// What is mounted, swapped on or otherwise in use, gathered once for all disks.
#[derive(Default)]
pub(super) struct InUse {
    mounts: Vec<MountLine>,
    /// Devices of swap space: `/dev/sda3`.
    swaps: Vec<String>,
    /// Devices of each mounted btrfs: mounting names only the first.
    btrfs: Vec<(String, Vec<String>)>,
    /// Imported pools of ZFS, which shows no holders in sysfs.
    pools: Vec<String>,
}

impl InUse {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mounts = reader.needed("observed.disks.mounts", "/proc/self/mountinfo");
        let swaps = reader.text("/proc/swaps").map(|t| parse_swaps(&t)).unwrap_or_default();
        let folder = "/sys/fs/btrfs";
        let btrfs = reader.source.list(folder).unwrap_or_default();
        let devices = |uuid: String| {
            let names = reader.source.list(&format!("{folder}/{uuid}/devices")).ok()?;
            Some((uuid, names))
        };
        Self {
            mounts: mounts.map(|t| parse_mountinfo(&t)).unwrap_or_default(),
            swaps,
            btrfs: btrfs.into_iter().filter_map(devices).collect(),
            pools: reader.source.list("/proc/spl/kstat/zfs").unwrap_or_default(),
        }
    }

    /// Where a device is in use: mount points, `[SWAP]`, `[ZFS pool]`, `[btrfs uuid]`.
    pub(super) fn of(
        &self,
        name: &str,
        number: Option<&str>,
        label: Option<&str>,
        signatures: &[Signature],
    ) -> Vec<String> {
        let is_this = |source: &str| {
            let path = source.strip_prefix("/dev/");
            path == Some(name) || (label.is_some() && path.and_then(|p| p.strip_prefix("mapper/")) == label)
        };
        let mut places: BTreeSet<String> = self
            .mounts
            .iter()
            .filter(|m| Some(m.device.as_str()) == number || is_this(&m.source))
            .map(|m| m.point.clone())
            .collect();
        if self.swaps.iter().any(|swap| is_this(swap)) {
            places.insert("[SWAP]".into());
        }
        for (uuid, devices) in &self.btrfs {
            if places.is_empty() && devices.iter().any(|d| d == name) {
                places.insert(format!("[btrfs {uuid}]"));
            }
        }
        for pool in signatures.iter().filter(|s| s.kind == "zfs_member").filter_map(|s| s.label.as_ref()) {
            if self.pools.contains(pool) {
                places.insert(format!("[ZFS {pool}]"));
            }
        }
        places.into_iter().collect()
    }
}

/// `/proc/swaps`: a head line, then one line each that begins with the file or device.
fn parse_swaps(text: &str) -> Vec<String> {
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(unescape).collect()
}

/// Adds everything that stands on a device, nearest first. `folder` is the device's own in sysfs.
pub(super) fn climb(reader: &Reader<'_>, in_use: &InUse, folder: &str, name: &str, found: &mut Vec<Holder>) {
    let mut waiting = vec![(folder.to_owned(), name.to_owned())];
    // A worklist, so that no stack of devices, not even a recorded ring, can exhaust ours.
    while let Some((folder, on)) = waiting.pop() {
        for name in reader.source.list(&format!("{folder}/holders")).unwrap_or_default() {
            if found.len() == MAX_HOLDERS || found.iter().any(|h| h.name == name && h.on == on) {
                continue;
            }
            let folder = format!("/sys/block/{name}");
            let holder = holder(reader, in_use, &folder, name, on.clone());
            for part in parts(reader, &folder, &holder.name) {
                waiting.push((format!("{folder}/{part}"), part));
            }
            waiting.push((folder, holder.name.clone()));
            found.push(holder);
        }
    }
}

/// Partitions of a device: folders in its own, with a `partition` file in each.
pub(super) fn parts(reader: &Reader<'_>, folder: &str, name: &str) -> Vec<String> {
    let entries = reader.source.list(folder).unwrap_or_default();
    let is_part = |entry: &String| {
        entry.starts_with(name)
            && entry.len() > name.len()
            && reader.word(&format!("{folder}/{entry}/partition")).is_some()
    };
    entries.into_iter().filter(is_part).collect()
}

fn holder(reader: &Reader<'_>, in_use: &InUse, folder: &str, name: String, on: String) -> Holder {
    let number = reader.word(&format!("{folder}/dev"));
    let udev = number.as_ref().and_then(|n| Udev::read(reader, &format!("b{n}")));
    let kind = kind(&name, reader.word(&format!("{folder}/dm/uuid")).as_deref());
    let label = match kind {
        HolderKind::Md => udev.as_ref().and_then(|u| u.first(&["MD_DEVNAME", "MD_NAME"])),
        _ => reader.word(&format!("{folder}/dm/name")),
    };
    let signatures: Vec<Signature> = udev.as_ref().and_then(Signature::of).into_iter().collect();
    let mut mounts = in_use.of(&name, number.as_deref(), label.as_deref(), &signatures);
    for part in parts(reader, folder, &name) {
        let number = reader.word(&format!("{folder}/{part}/dev"));
        mounts.extend(in_use.of(&part, number.as_deref(), None, &[]));
    }
    Holder { name, kind, label, on, signatures, mounts }
}

/// Device mapper writes into the UUID who made the map; the others are told by name.
fn kind(name: &str, dm_uuid: Option<&str>) -> HolderKind {
    match dm_uuid {
        Some(uuid) if uuid.starts_with("LVM-") => HolderKind::Lvm,
        Some(uuid) if uuid.starts_with("CRYPT-") => HolderKind::Crypt,
        Some(uuid) if uuid.starts_with("mpath-") => HolderKind::Multipath,
        _ if name.starts_with("dm-") => HolderKind::Dm,
        _ if name.starts_with("md") => HolderKind::Md,
        _ if name.starts_with("bcache") => HolderKind::Bcache,
        _ => HolderKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::source::sketch;

    #[test]
    fn a_stack_is_climbed_to_its_mounts() {
        let source = sketch::parse(
            "\
/sys/block/sda/sda2/holders/md0/
/sys/block/md0/dev = 9:0
/sys/block/md0/holders/dm-0/
/run/udev/data/b9:0:
    E:MD_DEVNAME=system
    E:ID_FS_TYPE=LVM2_member
/sys/block/dm-0/dev = 253:0
/sys/block/dm-0/dm/uuid = LVM-abc
/sys/block/dm-0/dm/name = vg0-root
/sys/block/dm-0/holders/md0/
/proc/self/mountinfo:
    27 0 253:0 / / rw - ext4 /dev/mapper/vg0-root rw
",
        )
        .unwrap();
        let mut reader = Reader::new(&source);
        let in_use = InUse::read(&mut reader);
        let mut found = Vec::new();
        climb(&reader, &in_use, "/sys/block/sda/sda2", "sda2", &mut found);
        let names: Vec<_> = found.iter().map(|h| (h.name.as_str(), h.kind, h.on.as_str())).collect();
        let ring = ("md0", HolderKind::Md, "dm-0");
        assert_eq!(names, [("md0", HolderKind::Md, "sda2"), ("dm-0", HolderKind::Lvm, "md0"), ring]);
        assert_eq!(found[0].label.as_deref(), Some("system"));
        assert_eq!(found[0].signatures[0].kind, "LVM2_member");
        assert_eq!(found[1].mounts, ["/"]);
    }

    #[test]
    fn holders_are_known_by_their_makers() {
        for (name, uuid, expected) in [
            ("dm-1", Some("CRYPT-LUKS2-x-y"), HolderKind::Crypt),
            ("dm-2", Some("mpath-360"), HolderKind::Multipath),
            ("dm-3", None, HolderKind::Dm),
            ("md127", None, HolderKind::Md),
            ("bcache0", None, HolderKind::Bcache),
            ("drbd0", None, HolderKind::Other),
        ] {
            assert_eq!(kind(name, uuid), expected, "{name}");
        }
    }

    #[test]
    fn swap_zfs_and_btrfs_count_as_use() {
        let in_use = InUse {
            swaps: parse_swaps("Filename Type Size Used Priority\n/dev/sda3 partition 1 0 -2\n"),
            btrfs: vec![("u-u".into(), vec!["sdb".into(), "sdc".into()])],
            pools: vec!["tank".into()],
            ..InUse::default()
        };
        let member =
            Signature { kind: "zfs_member".into(), label: Some("tank".into()), uuid: None, version: None };
        assert_eq!(in_use.of("sda3", None, None, &[]), ["[SWAP]"]);
        assert_eq!(in_use.of("sdc", None, None, &[]), ["[btrfs u-u]"]);
        assert_eq!(in_use.of("sdd", None, None, &[member]), ["[ZFS tank]"]);
        assert!(in_use.of("sde", None, None, &[]).is_empty());
    }
}
