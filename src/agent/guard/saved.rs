//! A file as it was: its kind, and its content beside.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::agent::{
    durable::{self, Meta},
    want::Host,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) path: String,
    was: Was,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Was {
    Absent,
    Link { target: PathBuf },
    File { mode: u32, uid: u32, gid: u32 },
}

impl Saved {
    /// Copies a file's content to `kept`, synced.
    pub(super) fn keep(path: &str, kept: &Path, host: &Host) -> Result<Self> {
        let place = host.path(path)?;
        let was = match durable::look(&place)? {
            None => Was::Absent,
            Some(meta) if meta.is_symlink() => {
                Was::Link { target: fs::read_link(&place).with_context(|| format!("read the link {path}"))? }
            }
            Some(meta) if meta.is_file() => {
                let bytes = fs::read(&place).with_context(|| format!("read {path}"))?;
                durable::write(kept, &bytes, Meta::PRIVATE)?;
                Was::File { mode: meta.mode() & 0o7777, uid: meta.uid(), gid: meta.gid() }
            }
            Some(_) => bail!("{path} is neither a file nor a link, and cannot be saved"),
        };
        Ok(Self { path: path.to_owned(), was })
    }

    /// Makes the path what it was, synced.
    pub(super) fn restore(&self, kept: &Path, host: &Host) -> Result<()> {
        let place = host.path(&self.path)?;
        match &self.was {
            Was::Absent => durable::remove(&place).map(|_| ()),
            Was::Link { target } => durable::link(target, &place),
            Was::File { mode, uid, gid } => {
                let bytes = fs::read(kept).with_context(|| format!("read {}", kept.display()))?;
                durable::write(&place, &bytes, Meta { mode: *mode, owner: Some((*uid, *gid)) })
            }
        }
    }
}
