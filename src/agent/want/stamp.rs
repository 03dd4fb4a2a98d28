//! What a unit's files were when we last (re)started or reloaded it: `units/<unit>.<list>.json` in our record.
//!
//! Several wants may name one unit with other files (SSH's server reads the operator's keys and its own hardening),
//! so there is a stamp for each list of files.
//!
//! The stamp goes before a file changes and comes back after the restart. A crash between the two, even one
//! after which the old content is wanted again, so ends in one more restart and never in one too few.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Host;
use crate::{
    agent::durable::{self, Meta},
    tree::{hex, sha256},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    files: Vec<String>,
    /// SHA-256 over paths and contents; an absent file counts as absent.
    digest: String,
}

impl Stamp {
    /// Of the files as they are now.
    pub(super) fn of(files: &[String], host: &Host) -> Result<Self> {
        let mut hash = Sha256::new();
        for file in files {
            let bytes = durable::read(&host.path(file)?)?;
            hash.update(format!("{file}\n{}\n", bytes.as_ref().map_or(-1, |bytes| bytes.len() as i64)));
            hash.update(bytes.unwrap_or_default());
        }
        Ok(Self { files: files.to_vec(), digest: hex(&hash.finalize()) })
    }

    /// The one that was kept for a unit; what cannot be read counts as none.
    pub(super) fn kept(unit: &str, files: &[String], host: &Host) -> Result<Option<Self>> {
        let bytes = durable::read(&host.state(place(unit, files)))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    pub(super) fn keep(&self, unit: &str, host: &Host) -> Result<()> {
        durable::write(&host.state(place(unit, &self.files)), &serde_json::to_vec(self)?, Meta::PRIVATE)
    }
}

/// Removes every stamp of one unit.
pub(super) fn drop(unit: &str, host: &Host) -> Result<()> {
    let of_unit = |name: &str| {
        let list = name.strip_prefix(unit).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".json"));
        list.is_some_and(|list| list.len() == LIST && list.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    for kept in kept(host)? {
        if kept.file_name().is_some_and(|name| of_unit(&name.to_string_lossy())) {
            durable::remove(&kept)?;
        }
    }
    Ok(())
}

/// The files of all stamps.
fn kept(host: &Host) -> Result<Vec<PathBuf>> {
    let folder = host.state(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let list = || fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>();
    list().with_context(|| format!("list {}/", folder.display()))
}

/// Removes the stamp of every unit that reads this file; called before the file changes.
pub(crate) fn forget(path: &str, host: &Host) -> Result<()> {
    for kept in kept(host)? {
        let stamp = durable::read(&kept)?.and_then(|bytes| serde_json::from_slice::<Stamp>(&bytes).ok());
        if stamp.is_some_and(|stamp| stamp.files.iter().any(|file| file == path)) {
            durable::remove(&kept)?;
        }
    }
    Ok(())
}

const FOLDER: &str = "units";

/// Digits that name a list of files: a unit has a few lists at most.
const LIST: usize = 12;

fn place(unit: &str, files: &[String]) -> String {
    let list = &sha256(files.join("\n").as_bytes())[..LIST];
    // An instance name may hold escaped slashes, never plain ones.
    format!("{FOLDER}/{unit}.{list}.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    #[test]
    fn a_stamp_sees_content_and_absence() {
        let b = Box::new();
        let files = ["/etc/a".to_owned()];
        let absent = Stamp::of(&files, &b.host).unwrap();
        b.file("/etc/a", "");
        let empty = Stamp::of(&files, &b.host).unwrap();
        assert_ne!(absent, empty);
        b.file("/etc/a", "x");
        assert_ne!(empty, Stamp::of(&files, &b.host).unwrap());
    }

    #[test]
    fn a_change_of_a_file_forgets_the_units_that_read_it_and_no_other() {
        let b = Box::new();
        let files = |file: &str| [file.to_owned()];
        let kept = |unit: &str, file: &str| Stamp::kept(unit, &files(file), &b.host).unwrap().is_some();
        for (unit, file) in [("a.service", "/etc/a"), ("a.service", "/etc/b"), ("a.b.service", "/etc/b")] {
            Stamp::of(&files(file), &b.host).unwrap().keep(unit, &b.host).unwrap();
        }
        forget("/etc/a", &b.host).unwrap();
        assert!(!kept("a.service", "/etc/a"));
        assert!(kept("a.service", "/etc/b"), "another list of files of the same unit");
        drop("a.service", &b.host).unwrap();
        assert!(!kept("a.service", "/etc/b"));
        assert!(kept("a.b.service", "/etc/b"), "a unit whose name begins alike");
    }
}
