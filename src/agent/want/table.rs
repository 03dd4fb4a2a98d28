//! The partition table of a disk: exactly these partitions.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{Changed, Host, disk};
use crate::step::{Answer, DiskName, Slice};

/// What `sfdisk --json` says (sfdisk(8)).
#[derive(Deserialize)]
struct Said {
    partitiontable: Table,
}

#[derive(Deserialize)]
struct Table {
    label: String,
    sectorsize: u64,
    #[serde(default)]
    partitions: Vec<Entry>,
}

/// In sectors.
#[derive(Deserialize)]
struct Entry {
    start: u64,
    size: u64,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
}

pub(super) fn probe(wanted: &DiskName, slices: &[Slice], host: &Host) -> Result<Answer> {
    let found = disk::find(wanted, host)?;
    let output = host.call(["sfdisk", "--json", &found.device()]).output()?;
    if !output.good() {
        return Ok(Answer::Missing(format!("{} has no partition table", wanted.id)));
    }
    let said: Said = serde_json::from_str(&output.stdout).context("read what sfdisk says")?;
    let table = said.partitiontable;
    let same = |(entry, slice): (&Entry, &Slice)| {
        let at = (entry.start * table.sectorsize, entry.size * table.sectorsize);
        at == (slice.start.0, slice.size.0)
            && entry.kind.eq_ignore_ascii_case(&slice.type_id)
            && slice.name == entry.name
    };
    let all = table.label == "gpt"
        && table.partitions.len() == slices.len()
        && table.partitions.iter().zip(slices).all(same);
    Ok(if all {
        Answer::Holds
    } else {
        Answer::Missing(format!("{} has another partition table", wanted.id))
    })
}

pub(super) fn apply(wanted: &DiskName, slices: &[Slice], host: &Host) -> Result<Changed> {
    let found = disk::find(wanted, host)?;
    found.empty(host)?;
    let device = found.device();
    let mut script = "label: gpt\n".to_owned();
    for slice in slices {
        let name = &slice.name;
        script += &format!(
            "start={}MiB, size={}MiB, type={}, name=\"{name}\"\n",
            slice.start.0 >> 20,
            slice.size.0 >> 20,
            slice.type_id
        );
    }
    let words = ["sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "always", &device];
    host.call(words).input(script).ok()?;
    host.call(["udevadm", "settle"]).ok()?;
    Ok(Changed::new("made"))
}

pub(super) fn probe_name(wanted: &DiskName, partition: u32, name: &str, host: &Host) -> Result<Answer> {
    let device = disk::find(wanted, host)?.device();
    let now = host.call(["sfdisk", "--part-label", &device, &partition.to_string()]).ok()?;
    Ok(match now.trim() == name {
        true => Answer::Holds,
        false => Answer::Missing(format!("partition {partition} is named `{}`", now.trim())),
    })
}

pub(super) fn apply_name(wanted: &DiskName, partition: u32, name: &str, host: &Host) -> Result<Changed> {
    let device = disk::find(wanted, host)?.device();
    host.call(["sfdisk", "--quiet", "--part-label", &device, &partition.to_string(), name]).ok()?;
    host.call(["blockdev", "--flushbufs", &device]).ok()?;
    Ok(Changed::new("named"))
}
