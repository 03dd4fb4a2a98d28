//! Makes a medium: the live system, what starts it, and the volume. Same packages and same program, same bytes.
//!
//! Every file of the medium has the time at which the newest of its packages was made (SOURCE_DATE_EPOCH of
//! reproducible-builds.org), and its label is the digest of its manifest.

mod boot;
mod system;
mod volume;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use self::system::System;
use super::{
    FOLDER, SYSTEM,
    area::Embedded,
    manifest::{Manifest, Program, Schema},
};
use crate::{
    bundle::{
        digest::Sum,
        manifest::Listed,
        news::{Listener, News, Units},
    },
    failure::{Exit, Failure},
    tool::{
        call::{self, Call},
        debian::CODENAME,
    },
};

/// Stages that are told.
const STAGES: u64 = 5;
/// Programs that a medium is made with, each with its package.
const TOOLS: [(&str, &str); 7] = [
    ("chroot", "coreutils"),
    ("mcopy", "mtools"),
    ("mformat", "mtools"),
    ("mksquashfs", "squashfs-tools"),
    ("mmd", "mtools"),
    ("mmdebstrap", "mmdebstrap"),
    ("xorriso", "xorriso"),
];

/// What was made.
#[derive(Debug)]
pub struct Made {
    pub manifest: Manifest,
    /// Bytes of the medium.
    pub size: u64,
}

/// Makes a medium at `to`; what stands there is replaced when the new one is whole. Exit 2 where that cannot be begun.
pub fn build(to: &Path, listener: &dyn Listener) -> Result<Made, Failure> {
    refuse(to)?;
    let folder = to.parent().unwrap_or(Path::new("/"));
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    // Beside it, for the move at the end; a name that the next build knows, for one that was killed.
    let work = folder.join(format!(".{name}.ciab"));
    clear(&work)?;
    let work = Work { folder: work, listener };
    listener.hear(News::Stage { title: "Making the medium", units: Units::Things, total: STAGES });
    let manifest = work.all()?;
    listener.hear(News::Ended);
    let made = work.path("medium.iso");
    let size = fs::metadata(&made).with_context(|| format!("read {}", made.display()))?.len();
    fs::File::open(&made).and_then(|file| file.sync_all()).with_context(|| "sync the medium".to_owned())?;
    fs::rename(&made, to).with_context(|| format!("put {} in place", to.display()))?;
    clear(&work.folder)?;
    Ok(Made { manifest, size })
}

fn refuse(to: &Path) -> Result<(), Failure> {
    if !nix::unistd::geteuid().is_root() {
        let failure = Failure::new(Exit::Usage, "a medium can be made by root alone");
        return Err(failure.hint("Its files belong to root: run the command with sudo."));
    }
    call::need(&TOOLS)?;
    let (there, folder) = (fs::symlink_metadata(to), to.parent().unwrap_or(Path::new("/")));
    if there.as_ref().is_ok_and(|about| !about.is_file()) {
        let failure = Failure::new(Exit::Usage, format!("{} is no file", to.display()));
        return Err(
            failure.hint("Name a file; what is written to a stick afterwards is that file, as it is.")
        );
    }
    if !folder.is_dir() {
        return Err(Failure::new(Exit::Usage, format!("there is no folder {}", folder.display())));
    }
    Ok(())
}

fn clear(folder: &Path) -> Result<()> {
    match folder.exists() {
        true => fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display())),
        false => Ok(()),
    }
}

/// The folder that everything is made in.
struct Work<'a> {
    folder: PathBuf,
    listener: &'a dyn Listener,
}

impl Work<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn run<S: Into<String>>(&self, log: &str, words: impl IntoIterator<Item = S>) -> Result<()> {
        Call::new(&self.path("log").join(log), words).run()
    }

    /// The same, for tools that write the time somewhere.
    fn run_at<S: Into<String>>(
        &self,
        log: &str,
        time: i64,
        words: impl IntoIterator<Item = S>,
    ) -> Result<()> {
        Call::new(&self.path("log").join(log), words).env("SOURCE_DATE_EPOCH", time.to_string()).run()
    }

    fn said(&self, what: &str) {
        self.listener.hear(News::Said(what));
    }

    fn stage_done(&self) {
        self.listener.hear(News::Advanced(1));
    }

    fn all(&self) -> Result<Manifest> {
        let medium = self.path("medium");
        for folder in ["live", "boot/grub", FOLDER] {
            fs::create_dir_all(medium.join(folder)).with_context(|| format!("make {folder}"))?;
        }
        self.said("Putting the live system together");
        let system = System::make(self)?;
        self.stage_done();
        self.said("Packing it");
        system.pack(self, &medium)?;
        self.stage_done();
        let manifest = self.manifest(&system, &medium)?;
        self.said("Making what starts it");
        boot::put(self, &system, &medium, manifest.label.as_str())?;
        self.stage_done();
        let empty = Embedded::default();
        let text = serde_json::to_string_pretty(&manifest)? + "\n";
        let area = empty.area()?;
        for (name, bytes) in
            [("area", area), ("words.cfg", empty.words()), ("manifest.json", text.into_bytes())]
        {
            fs::write(medium.join(FOLDER).join(name), bytes).with_context(|| format!("write {name}"))?;
        }
        self.stage_done();
        self.said("Writing the volume");
        volume::write(self, &medium, manifest.label.as_str(), system.time)?;
        self.stage_done();
        Ok(manifest)
    }

    /// Of what stands on the medium now; the label is the digest of all of it.
    fn manifest(&self, system: &System, medium: &Path) -> Result<Manifest> {
        let word = |text: &str| text.parse().map_err(anyhow::Error::msg);
        let mut files = Vec::new();
        for name in ["live/initrd.img", SYSTEM, "live/vmlinuz"] {
            let sum = Sum::of_file(&medium.join(name), |_| ()).with_context(|| format!("read {name}"))?;
            let path = name.parse().map_err(anyhow::Error::msg)?;
            files.push(Listed { path, size: sum.size, sha256: sum.sha256 });
        }
        let mut manifest = Manifest {
            schema: Schema::V1,
            label: word("CIAB_00000000")?,
            made: word(&Timestamp::from_second(system.time)?.to_string())?,
            ciab: Program { version: word(env!("CARGO_PKG_VERSION"))?, sha256: system.program.clone() },
            codename: word(CODENAME)?,
            architecture: word("amd64")?,
            kernel: word(&system.kernel)?,
            packages: system.packages.clone(),
            files,
        };
        let all = Sum::of(&serde_json::to_vec(&manifest)?).sha256;
        manifest.label = word(&format!("CIAB_{}", all.as_str()[..8].to_uppercase()))?;
        Ok(manifest)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_become_a_medium_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for to in [folder.path().to_owned(), folder.path().join("no/medium.iso")] {
            assert_eq!(refuse(&to).unwrap_err().exit, Exit::Usage);
        }
    }
}
