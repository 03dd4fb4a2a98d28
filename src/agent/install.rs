//! Keeps the helper's own binary on the box: units need it for as long as they run.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::{
    record::{Record, sync_folder},
    unit,
};
use crate::tree::hex;

/// Puts this process's binary to `bin/<digest>`, and takes older ones away when no unit of ours is loaded.
pub(super) fn keep_helper(record: &Record, digest: &str) -> Result<PathBuf> {
    let folder = record.path("bin");
    let path = folder.join(digest);
    if !path.exists() {
        copy_self(record, digest).with_context(|| format!("write {}", path.display()))?;
        // An armed revert names the helper it was armed with.
        if unit::loaded()?.is_empty() && !super::guard::any_armed()? {
            for entry in fs::read_dir(&folder)? {
                let old = entry?.path();
                if old != path {
                    fs::remove_file(old)?;
                }
            }
        }
        sync_folder(&folder)?;
    }
    Ok(path)
}

fn copy_self(record: &Record, digest: &str) -> Result<()> {
    let folder = record.path("bin");
    // Left by a copy that was cut; the lock is held, so nobody is writing it.
    let temporary = folder.join("new");
    let mut from = File::open("/proc/self/exe").context("open this binary")?;
    let mut to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o700).open(&temporary)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            n => {
                hash.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
            }
        }
    }
    ensure!(hex(&hash.finalize()) == digest, "this binary is not the one that was sent");
    to.sync_all()?;
    fs::rename(&temporary, folder.join(digest))?;
    Ok(())
}

/// The digest of the binary that runs, as the engine names it.
pub fn own_digest() -> io::Result<String> {
    let mut file = File::open("/proc/self/exe")?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}
