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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    fn mine(text: &str) -> Entry {
        Entry { owner: "me".into(), group: "me".into(), ..Entry::secret(text) }
    }

    fn why(b: &Box, entry: &Entry) -> String {
        difference("/etc/x", entry, &b.host).unwrap().unwrap_or_default()
    }

    #[test]
    fn each_difference_is_told_without_content() {
        let b = Box::new();
        let entry = mine("canary");
        assert_eq!(why(&b, &entry), "/etc/x does not exist");
        apply("/etc/x", &entry, &[], &b.host).unwrap();
        assert_eq!(why(&b, &entry), "");
        assert_eq!(why(&b, &mine("secret")), "/etc/x has other content");
        assert_eq!(why(&b, &Entry { mode: 0o640, ..mine("canary") }), "/etc/x has mode 0600, not 0640");
        let nobody = Entry { owner: "nobody".into(), ..mine("canary") };
        assert_eq!(why(&b, &nobody), "nobody:me, whose /etc/x is to be, does not exist");
        assert!(apply("/etc/x", &nobody, &[], &b.host).is_err());
    }

    #[test]
    fn a_link_is_refused_and_its_target_left_alone() {
        let b = Box::new();
        b.file("/etc/target", "precious");
        durable::link(Path::new("target"), &b.host.path("/etc/x").unwrap()).unwrap();
        assert_eq!(why(&b, &mine("precious")), "/etc/x is a symbolic link");
        let error = apply("/etc/x", &mine("new"), &[], &b.host).unwrap_err();
        assert!(error.to_string().starts_with("/etc/x is a symbolic link; move it away"), "{error}");
        assert_eq!(b.text("/etc/target"), "precious");
        apply_absent("/etc/x", &b.host).unwrap();
        assert_eq!(b.text("/etc/target"), "precious");
    }

    #[test]
    fn the_check_sees_the_new_file_and_its_no_keeps_the_old() {
        let b = Box::new().says("check", 1, "line 3 is odd");
        b.file("/etc/x", "old");
        let error = apply("/etc/x", &mine("new"), &["check".into(), "%".into()], &b.host).unwrap_err();
        assert!(format!("{error:#}").contains("line 3 is odd"), "{error:#}");
        assert!(b.ran()[0].ends_with("/etc/.x.ciab-new"));
        assert_eq!(b.text("/etc/x"), "old");
        assert!(!b.host.path("/etc/.x.ciab-new").unwrap().exists());
    }

    #[test]
    fn a_folder_is_given_its_mode_and_a_file_in_its_place_is_refused() {
        let b = Box::new();
        let want = Folder { mode: 0o2750, owner: "me", group: "me" };
        apply_folder("/srv/a/b", &want, &b.host).unwrap();
        assert_eq!(probe_folder("/srv/a/b", &want, &b.host).unwrap(), Answer::Holds);
        b.file("/srv/c", "");
        assert!(apply_folder("/srv/c", &want, &b.host).is_err());
        assert!(apply_absent("/srv/a/b", &b.host).is_err());
    }
}
