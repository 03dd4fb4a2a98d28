//! A file system on a partition, made once; and where it is mounted while a system is put onto it.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Changed, Host, disk};
use crate::{
    facts::mount::{MountLine, parse_mountinfo},
    step::{Answer, DiskName},
};

/// A large disk that turns takes minutes.
const LIMIT: Duration = Duration::from_secs(600);
/// Exit status of fsck(8): nothing is wrong, or all that was is not any more.
const MENDED: [i32; 2] = [0, 1];

/// What is wanted on a partition.
pub(super) struct FileSystem<'a> {
    pub(super) disk: &'a DiskName,
    pub(super) partition: u32,
    /// `ext4`, `vfat` or `swap`.
    pub(super) kind: &'a str,
    pub(super) label: &'a str,
    /// As blkid(8) writes it.
    pub(super) uuid: &'a str,
    /// Where it is mounted, if anywhere.
    pub(super) at: Option<&'a str>,
}

/// Whether the device has the file system, as blkid(8) reads it now and not from its cache.
fn made(wanted: &FileSystem<'_>, device: &str, host: &Host) -> Result<bool> {
    let told = |what: &str| -> Result<String> {
        let words = ["blkid", "--probe", "--output", "value", "--match-tag", what, device];
        Ok(host.call(words).output()?.stdout.trim().to_owned())
    };
    Ok(told("TYPE")? == wanted.kind && told("UUID")?.eq_ignore_ascii_case(wanted.uuid))
}

pub(super) fn probe(wanted: &FileSystem<'_>, host: &Host) -> Result<Answer> {
    let device = disk::find(wanted.disk, host)?.partition(wanted.partition);
    if !made(wanted, &device, host)? {
        return Ok(Answer::Missing(format!("{device} has no {} of ours", wanted.kind)));
    }
    let Some(at) = wanted.at else { return Ok(Answer::Holds) };
    Ok(match mounted(&device, at, host)? {
        true => Answer::Holds,
        false => Answer::Missing(format!("{device} is not mounted at {at}")),
    })
}

pub(super) fn apply(wanted: &FileSystem<'_>, host: &Host) -> Result<Changed> {
    let device = disk::find(wanted.disk, host)?.partition(wanted.partition);
    let there = made(wanted, &device, host)?;
    let number = wanted.uuid.replace('-', "");
    let words = match (wanted.kind, there) {
        ("ext4", false) => vec!["mkfs.ext4", "-q", "-F", "-L", wanted.label, "-U", wanted.uuid, &device],
        ("swap", false) => vec!["mkswap", "--label", wanted.label, "--uuid", wanted.uuid, &device],
        ("swap", true) => return Ok(Changed::new("was there")),
        ("vfat", false) => vec!["mkfs.vfat", "-F", "32", "-n", wanted.label, "-i", &number, &device],
        // What a cut has left is looked over before anything is written to it.
        ("ext4", true) => vec!["e2fsck", "-p", &device],
        ("vfat", true) => vec!["fsck.vfat", "-a", &device],
        (other, _) => bail!("{other} is no file system of ours"),
    };
    if let Some(at) = wanted.at
        && mounted(&device, at, host)?
    {
        return Ok(Changed::new("is mounted"));
    }
    let name = words[0];
    let output = host.call(words).limit(LIMIT).output()?;
    let mended = there && output.status.code().is_some_and(|code| MENDED.contains(&code));
    ensure!(output.good() || mended, "{name}: {}: {}", output.status, output.tail());
    let Some(at) = wanted.at else { return Ok(Changed::new("made")) };
    fs::create_dir_all(host.path(at)?).with_context(|| format!("make {at}"))?;
    host.call(["mount", &device, at]).ok()?;
    Ok(Changed::new(if there { "mounted" } else { "made" }))
}

/// Everything that is mounted, the latest last.
fn mounts(host: &Host) -> Result<Vec<MountLine>> {
    let table = fs::read_to_string(host.path("/proc/self/mountinfo")?).context("read the mounts")?;
    Ok(parse_mountinfo(&table))
}

/// Whether this device, and no other one, is mounted there.
fn mounted(device: &str, at: &str, host: &Host) -> Result<bool> {
    let Some(there) = mounts(host)?.into_iter().rfind(|mount| mount.point == at) else { return Ok(false) };
    ensure!(there.source == device, "{} is mounted at {at}, not {device}", there.source);
    Ok(true)
}

/// Mount points at a path and below it, the latest last.
fn below(at: &str, host: &Host) -> Result<Vec<String>> {
    let inside =
        |place: &str| place.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    Ok(mounts(host)?.into_iter().map(|mount| mount.point).filter(|place| inside(place)).collect())
}

pub(super) fn probe_no_mount(at: &str, host: &Host) -> Result<Answer> {
    let there = below(at, host)?;
    Ok(match there.is_empty() {
        true => Answer::Holds,
        false => Answer::Missing(format!("mounted: {}", there.join(", "))),
    })
}

/// Unmounting writes what is left to write.
pub(super) fn apply_no_mount(at: &str, host: &Host) -> Result<Changed> {
    for place in below(at, host)?.iter().rev() {
        host.call(["umount", place]).limit(LIMIT).ok()?;
    }
    Ok(Changed::new("closed"))
}
