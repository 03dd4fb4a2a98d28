//! A medium: a file or a stick, opened where it is.

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{
    FOLDER,
    area::{AREA, Embedded, WORDS},
    manifest::{self, Manifest},
    volume::{Extent, Volume},
};
use crate::{
    bundle::{
        digest::Summing,
        manifest::Listed,
        news::{Listener, News, Units},
    },
    failure::{Exit, Failure},
};

/// Bytes that are read at once while digests are compared.
const PIECE: u64 = 1 << 20;

/// A medium that was recognised by its files.
#[derive(Debug)]
pub struct Medium {
    pub manifest: Manifest,
    path: PathBuf,
    file: File,
    volume: Volume,
    area: Extent,
    words: Extent,
}

/// What is done to a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

impl Medium {
    /// Opens an image or a device. Exit 2 where it is no medium of ours, 6 where another command writes to it.
    pub fn open(path: &Path, access: Access) -> Result<Self, Failure> {
        let at = |error: io::Error| {
            let failure = Failure::new(Exit::Usage, format!("open {}: {error}", path.display()));
            match error.raw_os_error() {
                Some(nix::libc::EACCES) => failure.hint("A stick is written by root; an image by its owner."),
                Some(nix::libc::EROFS) => failure.hint("It is write-protected."),
                _ => failure,
            }
        };
        let file = File::options().read(true).write(access == Access::Write).open(path).map_err(at)?;
        if access == Access::Write {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another command writes to {}", path.display());
                    return Err(Failure::new(Exit::Locked, message));
                }
                Err(TryLockError::Error(error)) => return Err(at(error)),
            }
        }
        let other = |why: &str| {
            Failure::new(Exit::Usage, format!("{} is no install medium of ciab: {why}", path.display()))
                .hint("`ciab iso build FILE` makes one.")
        };
        let volume = Volume::read(&file).map_err(at)?.ok_or_else(|| other("there is no ISO 9660 volume"))?;
        let find = |name: &str| {
            let name = format!("{FOLDER}/{name}");
            let found = volume.find(&file, &name).map_err(at)?;
            found.ok_or_else(|| other(&format!("its volume `{}` has no {name}", volume.label)))
        };
        let (area, words, about) = (find("area")?, find("words.cfg")?, find("manifest.json")?);
        if area.size != AREA as u64 || words.size != WORDS as u64 || about.size > manifest::SIZE_MAX {
            return Err(other("its files have other sizes; another version of ciab made it"));
        }
        let text = bytes(&file, about).map_err(at)?;
        let name = format!("{}: {FOLDER}/manifest.json", path.display());
        let text = String::from_utf8(text).map_err(|_| other("its manifest is no text"))?;
        let manifest = Manifest::parse(&name, &text)?;
        Ok(Self { manifest, path: path.to_owned(), file, volume, area, words })
    }

    /// What is embedded. Exit 2 where it is damaged.
    pub fn embedded(&self) -> Result<Embedded, Failure> {
        let damaged = |why: String| {
            let message = format!("what is embedded in {} is damaged: {why}", self.path.display());
            Failure::new(Exit::Usage, message)
                .hint("`ciab iso embed` writes it anew; `ciab iso reset` takes it out.")
        };
        let area = bytes(&self.file, self.area).with_context(|| self.about("read"))?;
        let embedded = Embedded::read(&area).map_err(damaged)?;
        let words = bytes(&self.file, self.words).with_context(|| self.about("read"))?;
        if words != embedded.words() {
            return Err(damaged(
                "the words for the kernel are others than those beside the box file".to_owned(),
            ));
        }
        Ok(embedded)
    }

    /// Writes what shall be embedded in the place of what is; nothing but the two files changes.
    pub fn embed(&self, embedded: &Embedded) -> Result<(), Failure> {
        // Both are known to have room before the first byte is written.
        let (area, words) = (embedded.area()?, embedded.words());
        // A cut between them is seen: they say the same words, or the medium is damaged.
        self.file.write_all_at(&area, self.area.offset).with_context(|| self.about("write"))?;
        self.file.write_all_at(&words, self.words.offset).with_context(|| self.about("write"))?;
        self.file.sync_all().with_context(|| self.about("sync"))?;
        Ok(())
    }

    /// Compares every large file with its digest; those that differ or are not there.
    pub fn check(&self, listener: &dyn Listener) -> Result<Vec<String>, Failure> {
        let total = self.manifest.files.iter().map(|file| file.size).sum();
        listener.hear(News::Stage { title: "Checking digests", units: Units::Bytes, total });
        let mut wrong = Vec::new();
        for file in &self.manifest.files {
            wrong.extend(self.differs(file, listener).with_context(|| self.about("read"))?);
        }
        listener.hear(News::Ended);
        Ok(wrong)
    }

    fn differs(&self, listed: &Listed, listener: &dyn Listener) -> io::Result<Option<String>> {
        let path = listed.path.as_str();
        let Some(extent) = self.volume.find(&self.file, path)? else {
            return Ok(Some(format!("{path} is not there")));
        };
        if extent.size != listed.size {
            return Ok(Some(format!("{path} has {} bytes, not {}", extent.size, listed.size)));
        }
        let mut sums = Summing::new();
        let mut reader = &self.file;
        reader.seek(SeekFrom::Start(extent.offset))?;
        let mut left = extent.size;
        let mut piece = vec![0; usize::try_from(PIECE).unwrap_or(usize::MAX)];
        while left > 0 {
            let part = &mut piece[..usize::try_from(left.min(PIECE)).unwrap_or(usize::MAX)];
            reader.read_exact(part)?;
            sums.take(part);
            left -= part.len() as u64;
            listener.hear(News::Advanced(part.len() as u64));
        }
        Ok((sums.done().sha256 != listed.sha256).then(|| format!("{path} is damaged")))
    }

    fn about(&self, act: &str) -> String {
        format!("{act} {}", self.path.display())
    }
}

fn bytes(file: &File, extent: Extent) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(extent.size).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, extent.offset)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{bundle::digest::Sum, bundle::news::Nobody, iso::volume::tests::volume};

    const SYSTEM: &[u8] = b"all the system";

    fn manifest() -> String {
        let (sum, digest) = (Sum::of(SYSTEM), "0f".repeat(32));
        format!(
            r#"{{"schema": "ciab/medium/v1", "label": "CIAB_1", "made": "2026-11-16T10:17:00Z",
                "ciab": {{"version": "0.1.0", "sha256": "{digest}"}}, "codename": "bookworm",
                "architecture": "amd64", "kernel": "6.1.0-56-amd64", "packages": [],
                "files": [{{"path": "ciab/system", "size": {}, "sha256": "{}"}}]}}"#,
            sum.size, sum.sha256
        )
    }

    /// A medium of these files, and the folder that it is in.
    fn medium(system: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let empty = Embedded::default();
        let (area, words, about) = (empty.area().unwrap(), empty.words(), manifest());
        let mut image = volume(
            "CIAB_1",
            &[
                ("AREA.;1", &area),
                ("MANIFEST.JSON;1", about.as_bytes()),
                ("SYSTEM.;1", system),
                ("WORDS.CFG;1", &words),
            ],
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("medium.iso");
        image.seek(SeekFrom::Start(0)).unwrap();
        io::copy(&mut image, &mut File::create(&path).unwrap()).unwrap();
        (folder, path)
    }

    #[test]
    fn what_is_embedded_is_taken_out_to_the_last_byte() {
        let (_folder, path) = medium(SYSTEM);
        let before = std::fs::read(&path).unwrap();
        let one = Embedded { boxfile: Some("profile: base\n".to_owned()), words: vec!["quiet".to_owned()] };
        let medium = Medium::open(&path, Access::Write).unwrap();
        assert!(medium.embedded().unwrap().is_empty());
        medium.embed(&one).unwrap();
        assert_eq!(Medium::open(&path, Access::Read).unwrap().embedded().unwrap(), one);
        let after = std::fs::read(&path).unwrap();
        assert_eq!(after.len(), before.len());
        // Of two writers the second one is sent away.
        assert_eq!(Medium::open(&path, Access::Write).unwrap_err().exit, Exit::Locked);
        medium.embed(&Embedded::default()).unwrap();
        assert!(std::fs::read(&path).unwrap() == before, "other bytes than before");
    }

    #[test]
    fn a_write_that_was_cut_off_is_seen_and_mended() {
        let (_folder, path) = medium(SYSTEM);
        let one = Embedded { boxfile: None, words: vec!["quiet".to_owned()] };
        let medium = Medium::open(&path, Access::Write).unwrap();
        medium.file.write_all_at(&one.area().unwrap(), medium.area.offset).unwrap();
        assert!(medium.embedded().unwrap_err().message.contains("damaged"));
        medium.embed(&one).unwrap();
        assert_eq!(medium.embedded().unwrap(), one);
    }

    #[test]
    fn damage_and_other_files_are_told() {
        let (_folder, path) = medium(SYSTEM);
        let check = |path: &Path| Medium::open(path, Access::Read).unwrap().check(&Nobody).unwrap();
        assert!(check(&path).is_empty());
        let (_folder, path) = medium(b"all the sysTem");
        assert_eq!(check(&path), ["ciab/system is damaged"]);
        let (_folder, path) = medium(b"all");
        assert_eq!(check(&path), ["ciab/system has 3 bytes, not 14"]);
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        File::create(&other).unwrap().write_all(&[0; 40000]).unwrap();
        for (path, why) in [(other, "no ISO 9660 volume"), (folder.path().join("none"), "open")] {
            let failure = Medium::open(&path, Access::Read).unwrap_err();
            assert!(failure.exit == Exit::Usage && failure.message.contains(why), "{}", failure.message);
        }
    }
}
