//! A volume group of LVM, made once on a disk or a partition.
//!
//! That it was made stands in our record, `groups/<name>`. A group that was there and is not found any more is never made
//! again: under another name, or behind a disk that cannot be read, it still has what was kept in it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::{Changed, Host, disk};
use crate::{
    agent::durable::{self, Meta},
    step::{Answer, Extent},
};

/// What `pvs --reportformat json` says (lvmreport(7)).
#[derive(Deserialize)]
struct Said {
    report: Vec<Report>,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    pv: Vec<Volume>,
}

/// A physical volume.
#[derive(Deserialize)]
struct Volume {
    pv_name: String,
    /// Empty where it is of no group.
    vg_name: String,
}

pub(super) fn probe(name: &str, on: Option<&Extent>, host: &Host) -> Result<Answer> {
    let stands = devices(name, host)?;
    let Some(extent) = on else {
        return Ok(match stands.is_empty() {
            true => Answer::Missing(format!("there is no volume group {name}")),
            false => Answer::Holds,
        });
    };
    let device = disk::find(&extent.disk, host)?.part(extent.partition);
    if stands.is_empty() {
        return Ok(Answer::Missing(format!("{device} carries no volume group {name}")));
    }
    let here = real(&device, host)?;
    let there = stands.iter().map(|stands| real(stands, host)).collect::<Result<Vec<_>>>()?;
    ensure!(there.contains(&here), "volume group {name} stands on {}, not on {device}", stands.join(", "));
    Ok(Answer::Holds)
}

pub(super) fn apply(name: &str, on: Option<&Extent>, host: &Host) -> Result<Changed> {
    let Some(extent) = on else {
        bail!("there is no volume group {name} on this box: make it, or name a disk for it");
    };
    let record = host.state(format!("groups/{name}"));
    if let Some(made) = durable::read(&record)? {
        let made = String::from_utf8_lossy(&made).into_owned();
        bail!(
            "volume group {name} was made on {} and is not there any more; the disk is not wiped a second time. Where nothing on it \
             is needed, remove {}",
            made.trim(),
            record.display()
        );
    }
    let found = disk::find(&extent.disk, host)?;
    let device = found.part(extent.partition);
    match extent.partition {
        None => found.empty(host)?,
        // Without force: a partition that is in use is left as it is.
        Some(_) => _ = host.call(["wipefs", "--all", &device]).ok()?,
    }
    host.call(["vgcreate", "--yes", name, &device]).ok()?;
    durable::write(&record, format!("{}\n", extent.disk.id).as_bytes(), Meta::PRIVATE)?;
    Ok(Changed::new(format!("made on {device}")))
}

/// The devices that the group stands on.
fn devices(name: &str, host: &Host) -> Result<Vec<String>> {
    let words = ["pvs", "--reportformat", "json", "--options", "pv_name,vg_name"];
    let said: Said = serde_json::from_str(&host.call(words).ok()?).context("read what pvs says")?;
    let volumes = said.report.into_iter().flat_map(|report| report.pv);
    Ok(volumes.filter(|volume| volume.vg_name == name).map(|volume| volume.pv_name).collect())
}

/// Under the name that is no link; LVM may prefer another one.
fn real(device: &str, host: &Host) -> Result<String> {
    let path = host.path(device)?;
    let path = fs::canonicalize(&path).unwrap_or(path);
    Ok(path.file_name().unwrap_or(Path::new(device).as_os_str()).to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent::want::testing::Box, step::DiskName, units::Bytes};

    const SAID: &str = r#"{"report": [{"pv": [{"pv_name":"/dev/vdb", "vg_name":"volumes"},
        {"pv_name":"/dev/vdc", "vg_name":""}, {"pv_name":"/dev/vdd", "vg_name":"volumes"}]}]}"#;

    #[test]
    fn a_group_that_somebody_else_makes_is_there_or_not() {
        let b = Box::new().says("pvs", 0, SAID);
        assert_eq!(devices("volumes", &b.host).unwrap(), ["/dev/vdb", "/dev/vdd"]);
        assert_eq!(probe("volumes", None, &b.host).unwrap(), Answer::Holds);
        let missing = probe("other", None, &b.host).unwrap();
        assert_eq!(missing, Answer::Missing("there is no volume group other".to_owned()));
        assert!(apply("other", None, &b.host).unwrap_err().to_string().contains("name a disk for it"));
        let none = Box::new().says("pvs", 0, r#"{"report": [{"pv": []}]}"#);
        assert_eq!(devices("volumes", &none.host).unwrap(), [""; 0]);
    }

    #[test]
    fn what_was_made_once_is_not_made_again() {
        let b = Box::new();
        let disk = DiskName { id: "ata-a".to_owned(), serial: None, size: Bytes::gib(1) };
        let extent = Extent { disk, partition: None };
        let record = b.host.state("groups/volumes");
        fs::create_dir_all(record.parent().unwrap()).unwrap();
        fs::write(record, "ata-a\n").unwrap();
        let why = apply("volumes", Some(&extent), &b.host).unwrap_err().to_string();
        assert!(why.contains("was made on ata-a and is not there any more"), "{why}");
        assert_eq!(b.ran(), [""; 0]);
    }
}
