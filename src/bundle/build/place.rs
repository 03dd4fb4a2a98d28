//! Puts files of a bundle in their places: made aside, synced, renamed; a file that stands is whole.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::Path,
};

use anyhow::{Context as _, Result};

use super::Ground;
use crate::{
    agent::durable::{self, Meta},
    bundle::{
        digest::Sum,
        manifest::{Kind, Part},
    },
};

/// Writes a file that everybody may read.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::write(path, bytes, Meta::READABLE)
}

/// Gives a file a second name; one that is there already is replaced. Both lie in the bundle's folder.
pub(super) fn link(from: &Path, to: &Path) -> Result<()> {
    let about = || format!("put {} in place", to.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(about)?;
    }
    // What a cut left short is found by its digest; the bytes have to be there before the name is.
    File::open(from).and_then(|file| file.sync_all()).with_context(about)?;
    let beside = to.with_extension("new-link");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(about),
        _ => {}
    }
    fs::hard_link(from, &beside).with_context(about)?;
    fs::rename(&beside, to).with_context(about)?;
    // Two names of one file: rename(2) leaves the first one where it is.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(about),
        _ => Ok(()),
    }
}

/// Takes away what an earlier build left in a folder and this one has no use for.
pub(super) fn only(folder: &Path, keep: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(&keep) {
            continue;
        }
        let path = entry.path();
        let gone =
            if entry.file_type()?.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

/// A part of the manifest, for a file that is in its place.
pub(super) fn made(ground: &Ground<'_>, kind: Kind, name: &str, version: &str, path: &str) -> Result<Part> {
    let whole = ground.settings.folder.join(path);
    let sum = Sum::of_file(&whole, |_| {}).with_context(|| format!("read {}", whole.display()))?;
    let word =
        |text: &str| text.parse().map_err(anyhow::Error::msg).with_context(|| whole.display().to_string());
    let path = path.parse().map_err(anyhow::Error::msg)?;
    Ok(Part { kind, name: word(name)?, version: word(version)?, path, size: sum.size, sha256: sum.sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_replaces_what_was_there_and_is_made_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("d/to"));
        fs::write(&from, "a").unwrap();
        link(&from, &to).unwrap();
        link(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "a");
        fs::remove_file(&from).unwrap();
        fs::write(&from, "b").unwrap();
        link(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "b");
        assert_eq!(fs::read_dir(folder.path().join("d")).unwrap().count(), 1);
        only(folder.path(), |name| name == "from").unwrap();
        assert!(from.exists() && !to.exists());
    }
}
