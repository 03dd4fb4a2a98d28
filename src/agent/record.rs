//! The record on the box: what was begun, what ended, what is done. One folder an attempt, every word synced.
//!
//! `began`, `end` and `done` are files of one block, filled with zeros before the attempt starts: writing one
//! later needs no space, so a full disk cannot keep an end from being written. A block that is all zeros was
//! not written yet; one whose digest does not match was cut off while it was written, and counts as doubt.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::wire::{Boot, Exit, InMemory};
use crate::{
    step::{Answer, StepId},
    tree::sha256,
};

/// Where the record is on a box.
pub const ROOT: &str = "/var/lib/ciab";

/// The version of this layout; a newer one is refused.
pub const FORMAT: u32 = 1;

/// One block of the usual file systems: written in place, it needs no new space.
const BLOCK: usize = 4096;

/// A box's record, at its root folder.
#[derive(Clone, Debug)]
pub struct Record {
    root: PathBuf,
}

/// `box.json`: written once, by whoever came first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub format: u32,
    pub box_id: String,
    /// The name the box file gave it.
    pub name: String,
}

/// `spec`: what an attempt's unit executes. Read by the helper, so that no unit property holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub run: u64,
    pub step: crate::step::Step,
    /// The keyed digest of the step's inputs.
    pub inputs: String,
}

/// `began`: written by the attempt's own process right before it acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    pub boot: Boot,
    pub pid: u32,
    /// systemd's number of this start of the unit (systemd.exec(5), `$INVOCATION_ID`); empty in older records.
    #[serde(default)]
    pub invocation: String,
    /// Milliseconds of the boot-time clock.
    pub at: u64,
}

/// `end`: written after the file systems were synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub exit: Exit,
    /// The box was shutting down: whatever the exit says, nobody knows.
    pub stopping: bool,
    pub boot: Boot,
    /// Milliseconds of the boot-time clock.
    pub at: u64,
}

/// `done`: the probe said Holds for these inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub inputs: String,
    pub proof: Answer,
}

/// A one-block file as it was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Block<T> {
    Blank,
    Written(T),
    Damaged,
}

impl<T> Block<T> {
    pub fn written(self) -> Option<T> {
        match self {
            Self::Written(value) => Some(value),
            Self::Blank | Self::Damaged => None,
        }
    }
}

/// The folder of one attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub folder: PathBuf,
    pub number: u32,
}

impl Record {
    /// The record at this folder, whether or not it exists yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the folders and, if nobody did before, the identity of this box.
    pub fn create(&self, name: &str, new_id: impl FnOnce() -> Result<String>) -> Result<Identity> {
        make_folder(&self.root)?;
        if let Some(parent) = self.root.parent() {
            sync_folder(parent)?;
        }
        refuse_memory(&self.root)?;
        for folder in ["steps", "runs", "bin"] {
            make_folder(&self.path(folder))?;
        }
        if let Some(identity) = self.identity()? {
            return Ok(identity);
        }
        let identity = Identity { format: FORMAT, box_id: new_id()?, name: name.to_owned() };
        let path = self.path("box.json");
        let mut temporary = tempfile::NamedTempFile::new_in(&self.root)?;
        serde_json::to_writer(&mut temporary, &identity)?;
        temporary.write_all(b"\n")?;
        temporary.as_file().sync_all()?;
        // Linked, not renamed: the first writer wins, and the second reads what the first wrote.
        match fs::hard_link(temporary.path(), &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("write {}", path.display())),
        }
        sync_folder(&self.root)?;
        self.identity()?.context("box.json vanished while it was written")
    }

    /// Who this box is; `None` before the first run. A damaged or newer file is an error with its path.
    pub fn identity(&self) -> Result<Option<Identity>> {
        let Some(identity) = read_json::<Identity>(&self.path("box.json"))? else { return Ok(None) };
        if identity.format > FORMAT {
            bail!(
                "{} has format {}, and this ciab knows up to {FORMAT}: use a newer ciab",
                self.path("box.json").display(),
                identity.format
            );
        }
        Ok(Some(identity))
    }

    /// The latest run's number, 0 before the first.
    pub fn run(&self) -> Result<u64> {
        let path = self.path("current");
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().with_context(|| format!("read {}: no number", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }

    /// Keeps a run's documents and makes it the current one. Call it under the lock.
    pub fn begin(&self, documents: &[(&str, &[u8])]) -> Result<u64> {
        let mut number = self.run()? + 1;
        while self.path("runs").join(number.to_string()).exists() {
            // A run that was cut before it became current.
            number += 1;
        }
        let folder = self.path("runs").join(number.to_string());
        make_folder(&folder)?;
        for (name, bytes) in documents {
            write_whole(&folder.join(name), bytes)?;
        }
        sync_folder(&self.path("runs"))?;
        write_whole(&self.path("current"), format!("{number}\n").as_bytes())?;
        Ok(number)
    }

    /// A document of the current run.
    pub fn document<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let run = self.run()?;
        if run == 0 {
            return Ok(None);
        }
        read_json(&self.path("runs").join(run.to_string()).join(name))
    }

    /// Names of all steps that ever had an attempt.
    pub fn steps(&self) -> Result<Vec<StepId>> {
        Ok(names(&self.path("steps"))?.into_iter().filter_map(|name| StepId::new(name).ok()).collect())
    }

    /// The attempt with this number, whether or not it exists.
    pub fn attempt(&self, step: &StepId, number: u32) -> Attempt {
        let folder = self.path("steps").join(step.as_str()).join(number.to_string());
        Attempt { folder, number }
    }

    /// The latest attempt of a step.
    pub fn latest(&self, step: &StepId) -> Result<Option<Attempt>> {
        let folder = self.path("steps").join(step.as_str());
        let last = names(&folder)?.iter().filter_map(|name| name.parse().ok()).max();
        Ok(last.map(|number| self.attempt(step, number)))
    }
}

impl Attempt {
    /// Makes the folder with everything that a later word will need. An attempt that exists is left as it is.
    pub fn prepare(&self, spec: &Spec) -> Result<()> {
        if !matches!(self.spec(), Ok(Block::Blank)) {
            return Ok(());
        }
        if let Some(step) = self.folder.parent() {
            make_folder(step)?;
            if let Some(steps) = step.parent() {
                sync_folder(steps)?;
            }
        }
        make_folder(&self.folder)?;
        for name in ["began", "end", "done"] {
            let file = private(&self.folder.join(name))?;
            file.write_all_at(&[0; BLOCK], 0)?;
            file.sync_all()?;
        }
        private(&self.folder.join("out"))?;
        // The specification comes last: without it nothing was prepared.
        let mut bytes = serde_json::to_vec(spec)?;
        let digest = sha256(&bytes);
        bytes.extend_from_slice(format!("\n{digest}\n").as_bytes());
        write_whole(&self.folder.join("spec"), &bytes)?;
        if let Some(step) = self.folder.parent() {
            sync_folder(step)?;
        }
        Ok(())
    }

    /// Another attempt of the same step.
    pub fn sibling(&self, number: u32) -> Self {
        Self { folder: self.folder.with_file_name(number.to_string()), number }
    }

    pub fn spec(&self) -> Result<Block<Spec>> {
        match fs::read(self.folder.join("spec")) {
            Ok(bytes) if bytes.is_empty() => Ok(Block::Damaged),
            Ok(bytes) => Ok(parse_block(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Block::Blank),
            Err(error) => Err(error).with_context(|| format!("read {}/spec", self.folder.display())),
        }
    }

    pub fn began(&self) -> Result<Block<Began>> {
        self.read_block("began")
    }

    pub fn end(&self) -> Result<Block<End>> {
        self.read_block("end")
    }

    pub fn done(&self) -> Result<Block<Done>> {
        self.read_block("done")
    }

    pub fn write_began(&self, began: &Began) -> Result<()> {
        self.write_block("began", began)
    }

    pub fn write_end(&self, end: &End) -> Result<()> {
        self.write_block("end", end)
    }

    pub fn write_done(&self, done: &Done) -> Result<()> {
        self.write_block("done", done)
    }

    /// Takes back an earlier `done`, before the same attempt's effects are made again.
    fn read_block<T: DeserializeOwned>(&self, name: &str) -> Result<Block<T>> {
        let path = self.folder.join(name);
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(2 * BLOCK as u64).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Block::Blank),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        Ok(parse_block(&bytes))
    }

    fn write_block(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.folder.join(name);
        let mut bytes = serde_json::to_vec(value)?;
        let digest = sha256(&bytes);
        bytes.extend_from_slice(format!("\n{digest}\n").as_bytes());
        if bytes.len() > BLOCK {
            bail!("write {}: {} bytes do not fit its block", path.display(), bytes.len());
        }
        bytes.resize(BLOCK, 0);
        let context = || format!("write {}", path.display());
        let file = OpenOptions::new().write(true).open(&path).with_context(context)?;
        file.write_all_at(&bytes, 0).with_context(context)?;
        file.sync_all().with_context(context)
    }
}

/// A block's document: JSON, a line end, its digest, a line end, zeros to the end.
fn parse_block<T: DeserializeOwned>(bytes: &[u8]) -> Block<T> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Block::Blank;
    }
    let filled = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let parse = || {
        let (json, digest) =
            bytes[..filled].strip_suffix(b"\n")?.split_at_checked(filled.checked_sub(66)?)?;
        if digest.first() != Some(&b'\n') || digest[1..] != *sha256(json).as_bytes() {
            return None;
        }
        serde_json::from_slice(json).ok()
    };
    parse().map_or(Block::Damaged, Block::Written)
}

/// Reads a document; `None` when there is no file. A damaged one is an error with path, line and column.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("read {}: the file is damaged", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Writes a file whole: temporary, synced, renamed, folder synced. Mode 0600.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file needs a folder")?;
    let write = || -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_folder(folder)
    };
    write().with_context(|| format!("write {}", path.display()))
}

/// Makes one folder that only root can enter; one that exists is fine.
pub fn make_folder(path: &Path) -> Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).with_context(|| format!("make {}", path.display())),
    }
}

/// Makes a folder's entries survive a power cut.
pub fn sync_folder(path: &Path) -> Result<()> {
    let sync = || File::open(path)?.sync_all();
    sync().with_context(|| format!("sync {}", path.display()))
}

/// The names in a folder, sorted; none when it does not exist.
fn names(path: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

fn private(path: &Path) -> Result<File> {
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    open.with_context(|| format!("make {}", path.display()))
}

/// A record in memory is gone when it is needed most.
fn refuse_memory(path: &Path) -> Result<()> {
    let kind = nix::sys::statfs::statfs(path).with_context(|| format!("look at {}", path.display()))?;
    if kind.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC {
        return Err(InMemory(path.display().to_string()).into());
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::step::{Action, InDoubt, Limit, Probe, Step};

    pub(in crate::agent) fn spec() -> Spec {
        let step = Step {
            id: StepId::new("one").unwrap(),
            title: "One".into(),
            needs: vec![],
            uses: vec![],
            holds: vec![],
            action: Action::Ensure(vec![]),
            probe: Probe::Action,
            limit: Limit { soft: 1, hard: 2 },
            retry: Default::default(),
            in_doubt: InDoubt::RunAgain,
            guard: None,
            mend: None,
        };
        Spec { run: 1, step, inputs: "digest".into() }
    }

    fn boot() -> Boot {
        Boot { id: "b".into(), pid1: 1 }
    }

    fn record() -> (tempfile::TempDir, Record) {
        let folder = tempfile::Builder::new().tempdir_in("target").unwrap();
        let record = Record::at(folder.path().join("ciab"));
        record.create("box", || Ok("id-1".into())).unwrap();
        (folder, record)
    }

    #[test]
    fn the_first_identity_stays() {
        let (_folder, record) = record();
        assert_eq!(record.create("other", || Ok("id-2".into())).unwrap().box_id, "id-1");
    }

    #[test]
    fn an_attempt_is_prepared_once_and_keeps_what_was_written() {
        let (_folder, record) = record();
        let attempt = record.attempt(&StepId::new("one").unwrap(), 1);
        attempt.prepare(&spec()).unwrap();
        let began = Began { boot: boot(), pid: 7, invocation: "i".into(), at: 3 };
        attempt.write_began(&began).unwrap();
        attempt.prepare(&spec()).unwrap();
        assert_eq!(attempt.began().unwrap(), Block::Written(began));
        assert_eq!(attempt.spec().unwrap(), Block::Written(spec()));
        assert_eq!(attempt.end().unwrap(), Block::Blank);
        assert_eq!(record.latest(&StepId::new("one").unwrap()).unwrap().unwrap().number, 1);
    }

    #[test]
    fn a_word_changed_at_any_byte_is_doubt_and_never_another_word() {
        let (_folder, record) = record();
        let attempt = record.attempt(&StepId::new("one").unwrap(), 1);
        attempt.prepare(&spec()).unwrap();
        let end = End { exit: Exit::Code(0), stopping: false, boot: boot(), at: 9 };
        attempt.write_end(&end).unwrap();
        let path = attempt.folder.join("end");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(attempt.end().unwrap(), Block::Damaged, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            let cut = attempt.end().unwrap();
            // What is cut off behind the last written byte says the same.
            assert!(matches!(&cut, Block::Blank | Block::Damaged) || cut == Block::Written(end.clone()));
        }
    }

    #[test]
    fn runs_are_numbered_and_a_cut_one_is_passed_over() {
        let (_folder, record) = record();
        assert_eq!(record.begin(&[("plan.json", b"{}")]).unwrap(), 1);
        fs::create_dir(record.path("runs").join("2")).unwrap();
        assert_eq!(record.begin(&[("plan.json", b"{}")]).unwrap(), 3);
        assert_eq!(record.run().unwrap(), 3);
    }

    #[test]
    fn a_damaged_identity_is_an_error_with_its_path() {
        let (_folder, record) = record();
        fs::write(record.path("box.json"), b"{\"format\":").unwrap();
        let error = format!("{:#}", record.identity().unwrap_err());
        assert!(error.contains("box.json") && error.contains("damaged"), "{error}");
    }
}
