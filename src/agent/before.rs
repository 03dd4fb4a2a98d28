//! `before.json`: the box as it was before our first change; what a reset returns to.
//!
//! What is recorded once is never recorded again: a second run would record our own work. Files are kept by their
//! digest in `before/`, readable by root alone.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::record::{Record, make_folder, read_json, write_whole};
use crate::tree::sha256;

/// Larger files are noted, not kept: none that a profile writes is nearly as large.
const LARGEST: u64 = 16 << 20;

/// The document.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    pub schema: String,
    /// By absolute path.
    pub files: BTreeMap<String, Was>,
    /// Outputs of the field's tools, by command: packages, enabled units, addresses, firewall.
    pub said: BTreeMap<String, String>,
}

/// What stood at a path.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Was {
    Absent,
    File {
        mode: u32,
        uid: u32,
        gid: u32,
        digest: String,
    },
    Link {
        target: String,
    },
    /// A folder, a device, or too large to keep.
    Odd {
        why: String,
    },
}

const SCHEMA: &str = "ciab/before/v1";

const ASKED: [&[&str]; 6] = [
    &["hostnamectl", "hostname"],
    &["dpkg-query", "--show", "--showformat=${Package} ${Version} ${db:Status-Abbrev}\\n"],
    &["systemctl", "list-unit-files", "--state=enabled,masked", "--no-legend", "--no-pager"],
    &["ip", "-json", "address"],
    &["ip", "-json", "route"],
    &["nft", "list", "ruleset"],
];

/// Records what is not recorded yet.
pub fn record(record: &Record, paths: &[String]) -> Result<()> {
    let mut before = read(record)?.unwrap_or_default();
    before.schema = SCHEMA.to_owned();
    make_folder(&record.path("before"))?;
    for path in paths {
        if !before.files.contains_key(path) {
            let was = keep(record, path).with_context(|| format!("record {path}"))?;
            before.files.insert(path.clone(), was);
        }
    }
    for argv in ASKED {
        let name = argv.join(" ");
        before.said.entry(name).or_insert_with(|| said(argv));
    }
    write_whole(&record.path("before.json"), &serde_json::to_vec_pretty(&before)?)
}

/// Whether every path is recorded.
pub fn is_recorded(record: &Record, paths: &[String]) -> Result<bool> {
    Ok(read(record)?.is_some_and(|before| paths.iter().all(|path| before.files.contains_key(path))))
}

fn read(record: &Record) -> Result<Option<Before>> {
    read_json(&record.path("before.json"))
}

fn keep(record: &Record, path: &str) -> Result<Was> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Was::Absent);
        }
        Err(error) => return Err(error.into()),
    };
    if meta.is_symlink() {
        return Ok(Was::Link { target: fs::read_link(path)?.to_string_lossy().into_owned() });
    }
    if !meta.is_file() || meta.len() > LARGEST {
        return Ok(Was::Odd { why: format!("not a regular file, or larger than {LARGEST} bytes") });
    }
    let bytes = fs::read(path)?;
    let digest = sha256(&bytes);
    let copy = record.path("before").join(&digest);
    if !Path::new(&copy).exists() {
        write_whole(&copy, &bytes)?;
    }
    let mode = meta.permissions().mode() & 0o7777;
    Ok(Was::File { mode, uid: meta.uid(), gid: meta.gid(), digest })
}

fn said(argv: &[&str]) -> String {
    match Command::new(argv[0]).args(&argv[1..]).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        // A tool that is not there yet has nothing to say of the time before.
        Err(error) => format!("({error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_first_stays() {
        let folder = tempfile::Builder::new().tempdir_in("target").unwrap();
        let box_record = Record::at(folder.path().join("ciab"));
        box_record.create("box", || Ok("id".into())).unwrap();
        let file = folder.path().join("a").to_string_lossy().into_owned();
        let paths = [file.clone(), format!("{file}/below")];
        fs::write(&file, "old").unwrap();
        assert!(!is_recorded(&box_record, &paths).unwrap());
        record(&box_record, &paths).unwrap();
        fs::write(&file, "ours").unwrap();
        record(&box_record, &paths).unwrap();
        let before = read(&box_record).unwrap().unwrap();
        let Was::File { digest, .. } = &before.files[&file] else { panic!("{before:?}") };
        assert_eq!(*digest, sha256(b"old"));
        assert_eq!(before.files[&paths[1]], Was::Absent);
        assert!(is_recorded(&box_record, &paths).unwrap());
    }
}
