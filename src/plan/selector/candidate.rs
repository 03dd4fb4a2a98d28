//! What speaks against taking a disk, and by which name consent to wipe it can be given.

use std::fmt;

use crate::{
    facts::{
        Facts,
        disk::{
            Disk, DiskKind, Transport,
            usage::{DiskUse, HolderKind},
        },
    },
    units::Bytes,
};

/// Why a disk may not be taken, each a fragment: `it is mounted at /`. Empty: nothing speaks against it.
pub fn obstacles(disk: &Disk, facts: &Facts) -> Vec<String> {
    let mut reasons = Vec::new();
    match disk.kind {
        DiskKind::Disk => {}
        DiskKind::Floppy => reasons.push("it is a floppy drive".to_owned()),
        DiskKind::Optical => reasons.push("it is an optical drive".to_owned()),
    }
    if disk.size.is_none_or(|size| size.0 == 0) {
        reasons.push("it has no medium".to_owned());
    }
    let Some(usage) = facts.use_of(disk) else {
        // Without knowing its use nothing is safe.
        reasons.push("its present use is unknown".to_owned());
        return reasons;
    };
    if usage.boot_medium {
        reasons.push("the running system was started from it".to_owned());
    }
    match usage.read_only {
        Some(true) => reasons.push("it is read-only".to_owned()),
        Some(false) => {}
        None => reasons.push("whether it can be written is unknown".to_owned()),
    }
    reasons.extend(mounted(usage));
    reasons.extend(held(usage));
    reasons
}

/// Mounts of the disk, of its partitions and of everything that stands on them.
fn mounted(usage: &DiskUse) -> Option<String> {
    let partitions = usage.partitions.iter().flat_map(|p| &p.mounts);
    let holders = usage.holders.iter().flat_map(|h| &h.mounts);
    let mut places: Vec<&str> =
        usage.mounts.iter().chain(partitions).chain(holders).map(String::as_str).collect();
    places.sort_unstable();
    places.dedup();
    let (first, more) = places.split_first()?;
    // A disk with hundreds of bind mounts is told by the first few.
    let more: String = more.iter().take(3).map(|place| format!(", {place}")).collect();
    let rest = places.len().saturating_sub(4);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    Some(format!("it is in use at {first}{more}{rest}"))
}

/// Active volumes, arrays and maps that stand right on the disk; they must be stopped first, by a person.
fn held(usage: &DiskUse) -> impl Iterator<Item = String> {
    let is_base = |on: &str| on == usage.name || usage.partitions.iter().any(|p| p.name == on);
    usage.holders.iter().filter(move |holder| is_base(&holder.on)).map(|holder| {
        let kind = match holder.kind {
            HolderKind::Bcache => "the bcache",
            HolderKind::Crypt => "the opened encrypted volume",
            HolderKind::Dm => "the device-mapper map",
            HolderKind::Lvm => "the active LVM volume",
            HolderKind::Md => "the running MD array",
            HolderKind::Multipath => "the multipath map",
            HolderKind::Other => "the device",
        };
        format!("{} belongs to {kind} {}", holder.on, holder.label.as_deref().unwrap_or(&holder.name))
    })
}

/// What one should know before taking a disk.
pub fn warnings(disk: &Disk, facts: &Facts) -> Vec<String> {
    let mut warnings = Vec::new();
    if disk.removable == Some(true) || disk.transport == Some(Transport::Usb) {
        warnings.push("it can be pulled out".to_owned());
    }
    match naming(disk, facts) {
        Some(Naming::PathAndSize { .. }) => {
            warnings.push(
                "it has no serial of its own, so another disk in its place would pass for it".to_owned(),
            );
        }
        None => warnings.push("nothing tells it from another disk".to_owned()),
        Some(Naming::Serial(_) | Naming::ById(_)) => {}
    }
    if facts.why_unknown("observed.disks.signatures").is_some() && !has_content(disk, facts) {
        warnings.push("what is on it could not be read".to_owned());
    }
    warnings
}

fn has_content(disk: &Disk, facts: &Facts) -> bool {
    facts.use_of(disk).is_some_and(|u| u.table.is_some() || !u.signatures.is_empty())
}

/// How a disk is named for good, by what no other disk of the box has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    Serial(String),
    /// A name below `/dev/disk/by-id`.
    ById(String),
    /// A name below `/dev/disk/by-path`, and the size, for a disk with neither.
    PathAndSize {
        path: String,
        size: Bytes,
    },
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(serial) => write!(f, "serial {serial}"),
            Self::ById(name) => write!(f, "/dev/disk/by-id/{name}"),
            Self::PathAndSize { path, size } => write!(f, "path {path} and size {size}"),
        }
    }
}

/// The name by which consent to wipe is given; `None` for a disk that cannot be told from another.
pub fn naming(disk: &Disk, facts: &Facts) -> Option<Naming> {
    let others = || facts.identity.disks.iter().filter(|other| other.id != disk.id);
    if let Some(serial) = &disk.serial
        && others().all(|other| other.serial.as_ref() != Some(serial))
    {
        return Some(Naming::Serial(serial.clone()));
    }
    if let Some(name) = disk.by_id.iter().find(|name| others().all(|other| !other.by_id.contains(name))) {
        return Some(Naming::ById(name.clone()));
    }
    let path =
        disk.by_path.as_ref().filter(|path| others().all(|other| other.by_path.as_ref() != Some(path)));
    Some(Naming::PathAndSize { path: path?.clone(), size: disk.size? })
}
