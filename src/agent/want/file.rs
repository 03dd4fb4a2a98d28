//! Files, their absence, and folders.
//!
//! A symbolic link at a file's path is refused: we never make one there, so it is somebody's, and neither
//! replacing it nor writing through it can be right.

use std::{
    fs::{self, Metadata, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use super::{Changed, Host, accounts, stamp};
use crate::{
    agent::durable::{self, Meta, Staged},
    step::Answer,
    tree::Entry,
};

/// What is different at `path` from what is wanted there; nothing when all is the same. Never says content.
pub(crate) fn difference(path: &str, entry: &Entry, host: &Host) -> Result<Option<String>> {
    let place = host.path(path)?;
    let Some(meta) = durable::look(&place)? else {
        return Ok(Some(format!("{path} does not exist")));
    };
    if !meta.is_file() {
        return Ok(Some(format!("{path} is {}", kind(&meta))));
    }
    if let Some(why) = attributes(path, &meta, entry.mode, &entry.owner, &entry.group, host)? {
        return Ok(Some(why));
    }
    let same = meta.len() == entry.text.len() as u64
        && fs::read(&place).with_context(|| format!("read {path}"))? == entry.text.as_bytes();
    Ok((!same).then(|| format!("{path} has other content")))
}

/// The mode and numeric owner of an entry; an error while its owner does not exist.
pub(crate) fn meta(path: &str, entry: &Entry, host: &Host) -> Result<Meta> {
    Ok(Meta { mode: entry.mode, owner: Some(owner(path, &entry.owner, &entry.group, host)?) })
}

/// Refuses to write where something lies that is no plain file.
pub(crate) fn refuse(path: &str, host: &Host) -> Result<()> {
    match durable::look(&host.path(path)?)? {
        Some(meta) if !meta.is_file() => {
            bail!("{path} is {}; move it away, nobody but its maker can tell what it is for", kind(&meta))
        }
        _ => Ok(()),
    }
}

pub(super) fn probe(path: &str, entry: &Entry, host: &Host) -> Result<Answer> {
    Ok(difference(path, entry, host)?.map_or(Answer::Holds, Answer::Missing))
}

pub(super) fn apply(path: &str, entry: &Entry, check: &[String], host: &Host) -> Result<Changed> {
    let place = host.path(path)?;
    refuse(path, host)?;
    let meta = meta(path, entry, host)?;
    durable::parents(&place)?;
    let staged = Staged::new(&place, entry.text.as_bytes(), meta)?;
    if !check.is_empty() {
        let beside = staged.beside().to_string_lossy().into_owned();
        let argv = check.iter().map(|word| if word == "%" { beside.clone() } else { word.clone() });
        host.call(argv).ok().with_context(|| format!("{path} is left as it was, for its check failed"))?;
    }
    staged.sync()?;
    stamp::forget(path, host)?;
    staged.place()?;
    durable::sync_parent(&place)?;
    Ok(Changed::new("written"))
}

pub(super) fn probe_absent(path: &str, host: &Host) -> Result<Answer> {
    Ok(match durable::look(&host.path(path)?)? {
        None => Answer::Holds,
        Some(_) => Answer::Missing(format!("{path} exists")),
    })
}

pub(super) fn apply_absent(path: &str, host: &Host) -> Result<Changed> {
    let place = host.path(path)?;
    if durable::look(&place)?.is_some_and(|meta| meta.is_dir()) {
        bail!("{path} is a folder, and only files are removed");
    }
    stamp::forget(path, host)?;
    durable::remove(&place)?;
    Ok(Changed::new("removed"))
}

/// What a folder's want says beside its path.
pub(super) struct Folder<'a> {
    pub(super) mode: u32,
    pub(super) owner: &'a str,
    pub(super) group: &'a str,
}

pub(super) fn probe_folder(path: &str, want: &Folder<'_>, host: &Host) -> Result<Answer> {
    let why = match durable::look(&host.path(path)?)? {
        None => Some(format!("{path} does not exist")),
        Some(meta) if !meta.is_dir() => Some(format!("{path} is {}", kind(&meta))),
        Some(meta) => attributes(path, &meta, want.mode, want.owner, want.group, host)?,
    };
    Ok(why.map_or(Answer::Holds, Answer::Missing))
}

pub(super) fn apply_folder(path: &str, want: &Folder<'_>, host: &Host) -> Result<Changed> {
    let place = host.path(path)?;
    if let Some(meta) = durable::look(&place)?
        && !meta.is_dir()
    {
        bail!("{path} is {} and should be a folder; move it away", kind(&meta));
    }
    let (uid, gid) = owner(path, want.owner, want.group, host)?;
    durable::parents(&place)?;
    // Closed until it has its owner.
    durable::folders(&place, want.mode & 0o700)?;
    chown(&place, Some(uid), Some(gid)).with_context(|| format!("set the owner of {path}"))?;
    fs::set_permissions(&place, Permissions::from_mode(want.mode))
        .with_context(|| format!("set the mode of {path}"))?;
    fs::File::open(&place).and_then(|open| open.sync_all()).with_context(|| format!("sync {path}"))?;
    Ok(Changed::new("made"))
}

fn owner(path: &str, user: &str, group: &str, host: &Host) -> Result<(u32, u32)> {
    accounts::ids(host, user, group)?
        .with_context(|| format!("{path} is for {user}:{group}, who does not exist"))
}

fn attributes(
    path: &str,
    meta: &Metadata,
    mode: u32,
    user: &str,
    group: &str,
    host: &Host,
) -> Result<Option<String>> {
    let has = meta.mode() & 0o7777;
    if has != mode {
        return Ok(Some(format!("{path} has mode {has:04o}, not {mode:04o}")));
    }
    let Some(ids) = accounts::ids(host, user, group)? else {
        return Ok(Some(format!("{user}:{group}, whose {path} is to be, does not exist")));
    };
    let has = (meta.uid(), meta.gid());
    Ok((has != ids).then(|| format!("{path} belongs to {}:{}, not {user}:{group}", has.0, has.1)))
}

fn kind(meta: &Metadata) -> &'static str {
    match meta.file_type() {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a folder",
        kind if kind.is_file() => "a file",
        _ => "a device, pipe or socket",
    }
}

/// Whether a path of the box is below a folder of the box.
pub(super) fn below(path: &str, folder: &str) -> bool {
    Path::new(path).starts_with(folder)
}
