//! A system unpacked from an image; a stamp says that all of it is on the disk.

use std::{
    fs::{self, File},
    io::Write,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::{Changed, Host};
use crate::{bundle::digest::Sum, step::Answer};

/// Written last, when everything before it was synced.
const STAMP: &str = "etc/ciab/unpacked";
/// Seconds; a slow stick gives ten megabytes in each.
const LIMIT: Duration = Duration::from_secs(1800);

pub(super) fn probe(sha256: &str, to: &str, host: &Host) -> Result<Answer> {
    let stamp = host.path(to)?.join(STAMP);
    let there = fs::read_to_string(stamp).unwrap_or_default();
    Ok(match there.trim() == sha256 {
        true => Answer::Holds,
        false => Answer::Missing(format!("{to} is not, or not all, of the medium")),
    })
}

pub(super) fn apply(
    image: &str,
    sha256: &str,
    to: &str,
    host: &Host,
    out: &mut dyn Write,
) -> Result<Changed> {
    let sum = Sum::of_file(&host.path(image)?, |_| ()).with_context(|| format!("read {image}"))?;
    if sum.sha256.as_str() != sha256 {
        bail!("{image} is damaged: the medium is to be copied again, and nothing was installed of it");
    }
    let words = ["unsquashfs", "-force", "-no-progress", "-dest", to, image];
    host.call(words).limit(LIMIT).told(out)?;
    let folder = host.path(to)?;
    let root = File::open(&folder).with_context(|| format!("open {to}"))?;
    nix::unistd::syncfs(&root).context("sync the disk")?;
    let stamp = folder.join(STAMP);
    fs::create_dir_all(stamp.parent().unwrap_or(&folder))?;
    let mut file = File::create(&stamp).context("write the stamp")?;
    writeln!(file, "{sha256}")?;
    file.sync_all()?;
    nix::unistd::syncfs(&root).context("sync the disk")?;
    Ok(Changed::new("unpacked"))
}
