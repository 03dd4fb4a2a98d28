//! The wipe report: everything that would be lost, disk by disk, as it is now.
//!
//! It is made of what is observed, so it stands beside the plan and not in it.

use serde::{Deserialize, Serialize};

use super::{ChosenDisk, Consent, Plan};
use crate::{
    facts::{
        Facts,
        disk::usage::{DiskUse, Family, PartitionTable, Signature},
    },
    units::Bytes,
};

/// One disk that will be wiped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wiped {
    pub role: String,
    pub id: String,
    pub serial: Option<String>,
    pub size: Bytes,
    pub consent: Consent,
    /// The kernel's name now.
    pub name: Option<String>,
    /// Everything that was recognised, a line each; empty for an empty disk.
    pub lost: Vec<String>,
}

/// Every disk that the plan takes; empty when it takes none.
pub fn report(facts: &Facts, plan: &Plan) -> Vec<Wiped> {
    let all = plan.disks.iter().flat_map(|(role, disks)| disks.iter().map(move |disk| (role, disk)));
    all.map(|(role, disk)| one(facts, role.as_str(), disk)).collect()
}

/// One disk, as it is now.
pub fn one(facts: &Facts, role: &str, disk: &ChosenDisk) -> Wiped {
    let usage = facts.observed.disks.iter().find(|usage| usage.disk == disk.id);
    Wiped {
        role: role.to_owned(),
        id: disk.id.clone(),
        serial: disk.serial.clone(),
        size: disk.size,
        consent: disk.consent,
        name: usage.map(|usage| usage.name.clone()),
        lost: usage.map(lost).unwrap_or_else(|| vec!["unknown: what is on it could not be read".into()]),
    }
}

fn lost(usage: &DiskUse) -> Vec<String> {
    let mut lines = Vec::new();
    match usage.table {
        Some(PartitionTable::Gpt) => lines.push("GPT partition table".to_owned()),
        Some(PartitionTable::Dos) => lines.push("DOS partition table".to_owned()),
        Some(PartitionTable::Other) => lines.push("partition table".to_owned()),
        None => {}
    }
    lines.extend(usage.signatures.iter().map(|s| format!("whole disk: {}", describe(s))));
    for partition in &usage.partitions {
        let size = partition.size.map_or(String::new(), |size| format!(" {}", size.human()));
        let kinds: Vec<String> = partition.signatures.iter().map(describe).collect();
        let kinds = if kinds.is_empty() { "nothing recognised".to_owned() } else { kinds.join(", ") };
        let label = partition.label.as_ref().map_or(String::new(), |l| format!(" `{l}`"));
        lines.push(format!("partition {}{size}{label}: {kinds}", partition.number));
    }
    lines.extend(usage.holders.iter().map(|h| {
        let label = h.label.as_deref().unwrap_or(&h.name);
        let kinds: Vec<String> = h.signatures.iter().map(describe).collect();
        let content = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
        format!("{label} on {}{content}", h.on)
    }));
    lines
}

fn describe(signature: &Signature) -> String {
    let what = match signature.family() {
        Family::Bcache => "bcache",
        Family::Ceph => "Ceph",
        Family::FileSystem => signature.kind.as_str(),
        Family::Luks => "LUKS",
        Family::Lvm => "LVM",
        Family::Md => "RAID member",
        Family::Swap => "swap",
        Family::Zfs => "ZFS",
    };
    match &signature.label {
        Some(label) => format!("{what} `{label}`"),
        None => what.to_owned(),
    }
}
