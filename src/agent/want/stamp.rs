//! What a unit's files were when we last (re)started or reloaded it: `units/<unit>.json` in our record.
//!
//! The stamp goes before a file changes and comes back after the restart. A crash between the two, even one
//! after which the old content is wanted again, so ends in one more restart and never in one too few.

use std::fs;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Host;
use crate::{
    agent::durable::{self, Meta},
    tree::hex,
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
    pub(super) fn kept(unit: &str, host: &Host) -> Result<Option<Self>> {
        let bytes = durable::read(&host.state(place(unit)))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    pub(super) fn keep(&self, unit: &str, host: &Host) -> Result<()> {
        durable::write(&host.state(place(unit)), &serde_json::to_vec(self)?, Meta::PRIVATE)
    }
}

/// Removes the stamp of one unit.
pub(super) fn drop(unit: &str, host: &Host) -> Result<()> {
    durable::remove(&host.state(place(unit))).map(|_| ())
}

/// Removes the stamp of every unit that reads this file; called before the file changes.
pub(crate) fn forget(path: &str, host: &Host) -> Result<()> {
    let folder = host.state(FOLDER);
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&folder).with_context(|| format!("list {}/", folder.display()))? {
        let kept = entry?.path();
        let stamp = durable::read(&kept)?.and_then(|bytes| serde_json::from_slice::<Stamp>(&bytes).ok());
        if stamp.is_some_and(|stamp| stamp.files.iter().any(|file| file == path)) {
            durable::remove(&kept)?;
        }
    }
    Ok(())
}

const FOLDER: &str = "units";

fn place(unit: &str) -> String {
    // An instance name may hold escaped slashes, never plain ones.
    format!("{FOLDER}/{unit}.json")
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
        for (unit, file) in [("a.service", "/etc/a"), ("b.service", "/etc/b")] {
            Stamp::of(&[file.to_owned()], &b.host).unwrap().keep(unit, &b.host).unwrap();
        }
        forget("/etc/a", &b.host).unwrap();
        assert_eq!(Stamp::kept("a.service", &b.host).unwrap(), None);
        assert!(Stamp::kept("b.service", &b.host).unwrap().is_some());
    }
}
