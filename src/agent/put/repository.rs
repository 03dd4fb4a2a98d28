//! The git repository of a tree: opened after a crash, asked about our paths, and committed to for them alone.

use std::{
    collections::BTreeMap, fmt::Write as _, fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    agent::{
        durable::{self, Meta},
        want::{Call, Host},
    },
    step::Answer,
};

/// A tree of some hundred files takes well under a second; a slow disk under load has to be waited for.
const LIMIT: Duration = Duration::from_secs(300);

/// Of every git command; they win over those of the repository.
const SETTINGS: [(&str, &str); 9] = [
    ("user.name", "ciab"),
    ("user.email", "ciab@localhost"),
    ("core.fsync", "all"),
    ("core.fsyncMethod", "fsync"),
    ("core.hooksPath", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.fileMode", "true"),
    ("commit.gpgSign", "false"),
    ("gc.auto", "0"),
];

/// Below `.git`: what a commit of ours is made from.
const INDEX: &str = "ciab-index";

/// Round our lines in `.git/info/exclude`.
const BEGIN: &str = "# ciab: secret files, never committed";
const END: &str = "# ciab: end";

/// A file as git sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    runs: bool,
    id: String,
}

/// A repository whose work tree is `root`, a path of the box. Paths are of the box too.
pub(super) struct Repository<'a> {
    root: &'a str,
    host: &'a Host,
}

impl<'a> Repository<'a> {
    pub(super) fn new(root: &'a str, host: &'a Host) -> Self {
        Self { root: root.trim_end_matches('/'), host }
    }

    /// Makes the repository if there is none, and removes what a killed git left.
    pub(super) fn prepare(&self) -> Result<()> {
        let git = self.host.path(&format!("{}/.git", self.root))?;
        durable::folders(&git, 0o755)?;
        self.alone()?;
        for lock in ["index", INDEX, "HEAD", "config", "refs/heads/main"] {
            durable::remove(&git.join(format!("{lock}.lock")))?;
        }
        // An empty file is one whose content a power cut took. Without it git makes it anew.
        for file in ["HEAD", "index"] {
            empty_away(&git.join(file))?;
        }
        empty_objects_away(&git.join("objects"))?;
        // Completes a half-made repository, and leaves a whole one as it is.
        self.git(&["init", "--quiet", "--initial-branch=main"])?.ok()?;
        let index = git.join("index");
        if !index.exists() || !self.git(&["ls-files"])?.output()?.good() {
            // Made again from the last commit; files are not touched.
            durable::remove(&index)?;
            if self.head()? {
                self.git(&["reset", "--quiet"])?.ok()?;
            }
        }
        durable::sync_all_of(&git)
    }

    /// Whether all these paths are in the last commit as they lie there.
    pub(super) fn holds(&self, paths: &[&str]) -> Result<Answer> {
        let git = format!("{}/.git", self.root);
        if !self.host.path(&git)?.is_dir() {
            return Ok(Answer::Missing(format!("{git} does not exist")));
        }
        if !self.head()? {
            return Ok(Answer::Missing(format!("nothing is committed in {}", self.root)));
        }
        let (committed, here) = (self.committed()?, self.here(paths)?);
        let other =
            paths.iter().find(|path| !here.contains_key(**path) || committed.get(**path) != here.get(**path));
        Ok(other.map_or(Answer::Holds, |path| Answer::Missing(format!("{path} is not committed"))))
    }

    /// Commits `paths` as they lie there, and the absence of those `gone`; nothing else, whatever is staged.
    /// Says whether there was something to commit.
    pub(super) fn commit(&self, message: &str, paths: &[&str], gone: &[&str]) -> Result<bool> {
        let (committed, here) = (self.committed()?, self.here(paths)?);
        let other = paths.iter().filter(|path| committed.get(**path) != here.get(**path));
        let lost = gone.iter().filter(|path| committed.contains_key(**path));
        let nothing = other.chain(lost).next().is_none();
        self.stage(paths, gone, &|call| call)?;
        if nothing {
            return Ok(false);
        }
        // From an index of its own, so that what the operator has staged stays staged.
        let index = self.host.path(&format!("{}/.git/{INDEX}", self.root))?;
        durable::remove(&index)?;
        let with = |call: Call<'a>| call.env("GIT_INDEX_FILE", &index.to_string_lossy());
        if self.head()? {
            with(self.git(&["read-tree", "HEAD"])?).ok()?;
        }
        self.stage(paths, gone, &with)?;
        with(self.git(&["commit", "--quiet", "--no-verify", "--message", message])?).ok()?;
        durable::remove(&index)?;
        Ok(true)
    }

    fn stage(&self, paths: &[&str], gone: &[&str], with: &dyn Fn(Call<'a>) -> Call<'a>) -> Result<()> {
        if !gone.is_empty() {
            with(self.about(&["rm", "--cached", "--force", "--quiet", "--ignore-unmatch"], gone)?).ok()?;
        }
        if !paths.is_empty() {
            with(self.about(&["add", "--force"], paths)?).ok()?;
        }
        Ok(())
    }

    /// What the last commit has, by path of the box.
    pub(super) fn committed(&self) -> Result<BTreeMap<String, Blob>> {
        if !self.head()? {
            return Ok(BTreeMap::new());
        }
        let text = self.git(&["ls-tree", "-r", "-z", "--full-tree", "HEAD"])?.ok()?;
        let lines = text.split('\0').filter_map(|line| line.split_once('\t'));
        let blob = |(what, path): (&str, &str)| {
            let mut words = what.split(' ');
            let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
            Some((format!("{}/{path}", self.root), Blob { runs: mode == "100755", id: id.to_owned() }))
        };
        Ok(lines.filter_map(blob).collect())
    }

    /// What git would make of those of the paths that are files. Writes nothing, not even git's index, which
    /// `git status` and `git diff` would.
    pub(super) fn here(&self, paths: &[&str]) -> Result<BTreeMap<String, Blob>> {
        let mut found = Vec::new();
        for path in paths {
            if let Some(meta) = durable::look(&self.host.path(path)?)?.filter(fs::Metadata::is_file) {
                found.push((*path, meta.mode() & 0o100 != 0));
            }
        }
        let names: String = found.iter().map(|(path, _)| format!("{}\n", self.inside(path))).collect();
        let ids = self.git(&["hash-object", "--stdin-paths"])?.input(names).ok()?;
        let blobs = found.into_iter().zip(ids.lines());
        Ok(blobs.map(|((path, runs), id)| (path.to_owned(), Blob { runs, id: id.to_owned() })).collect())
    }

    /// Keeps `git status` and `git add` of the operator away from secret files.
    pub(super) fn hide(&self, paths: &[&str]) -> Result<()> {
        let place = self.host.path(&format!("{}/.git/info/exclude", self.root))?;
        let old = durable::read(&place)?.unwrap_or_default();
        let old = String::from_utf8_lossy(&old).into_owned();
        let mut text = without_ours(&old);
        let lines: String = paths.iter().map(|path| format!("/{}\n", escape(self.inside(path)))).collect();
        if !lines.is_empty() {
            let _ = write!(text, "{BEGIN}\n{lines}{END}\n");
        }
        if text == old { Ok(()) } else { durable::write(&place, text.as_bytes(), Meta::READABLE) }
    }

    fn head(&self) -> Result<bool> {
        let output = self.git(&["rev-parse", "--quiet", "--verify", "HEAD^{tree}"])?.output()?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => bail!(
                "the repository in {} is damaged ({}); move {}/.git away and it is made anew",
                self.root,
                output.tail(),
                self.root
            ),
        }
    }

    /// Refuses to go on while somebody's git works here: its locks are its own.
    fn alone(&self) -> Result<()> {
        let (proc, root) = (self.host.path("/proc")?, self.host.path(self.root)?);
        if !proc.is_dir() {
            return Ok(());
        }
        for process in fs::read_dir(&proc).context("list processes")?.flatten() {
            let path = process.path();
            // Processes end while they are looked at.
            let git = fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "git");
            if git && fs::read_link(path.join("cwd")).is_ok_and(|folder| folder.starts_with(&root)) {
                bail!("git is at work in {} (process {})", self.root, process.file_name().to_string_lossy());
            }
        }
        Ok(())
    }

    /// A git command about exactly these paths.
    fn about(&self, words: &[&str], paths: &[&str]) -> Result<Call<'a>> {
        let inside: Vec<&str> = paths.iter().map(|path| self.inside(path)).collect();
        let words = [words, &["--pathspec-from-file=-", "--pathspec-file-nul"]].concat();
        Ok(self.git(&words)?.input(inside.join("\0")))
    }

    /// A path as git names it. All paths have been checked to be below the root.
    fn inside<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.root).unwrap_or(path).trim_start_matches('/')
    }

    /// A git command without the settings, hooks and keys of whoever uses this box, and with every write synced.
    fn git(&self, words: &[&str]) -> Result<Call<'a>> {
        let root = self.host.path(self.root)?.to_string_lossy().into_owned();
        let argv = ["git", "-C", &root].into_iter().chain(words.iter().copied());
        let mut call = self.host.call(argv).limit(LIMIT).env("GIT_LITERAL_PATHSPECS", "1");
        call = call.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        call = call.env("GIT_CONFIG_COUNT", &(SETTINGS.len() + 1).to_string());
        // The folder may belong to the operator, and git then asks for this before it works there as root.
        let settings = [("safe.directory", root.as_str())].into_iter().chain(SETTINGS);
        for (number, (key, value)) in settings.enumerate() {
            call = call.env(&format!("GIT_CONFIG_KEY_{number}"), key);
            call = call.env(&format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        Ok(call)
    }
}

/// The text without the lines between our marks, and the marks.
fn without_ours(text: &str) -> String {
    let mut ours = false;
    let mut kept = String::new();
    for line in text.lines() {
        ours |= line == BEGIN;
        if !ours {
            kept.push_str(line);
            kept.push('\n');
        }
        ours &= line != END;
    }
    kept
}

/// A path as a pattern that means only itself.
fn escape(path: &str) -> String {
    path.chars().flat_map(|c| "\\*?[ ".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

fn empty_away(path: &Path) -> Result<()> {
    if durable::look(path)?.is_some_and(|meta| meta.is_file() && meta.len() == 0) {
        durable::remove(path)?;
    }
    Ok(())
}

/// Git takes an empty object for one it has; without it, it is written again.
fn empty_objects_away(objects: &Path) -> Result<()> {
    if !objects.is_dir() {
        return Ok(());
    }
    for folder in fs::read_dir(objects)? {
        let folder = folder?;
        if folder.file_name().len() == 2 && folder.file_type()?.is_dir() {
            for object in fs::read_dir(folder.path())? {
                empty_away(&object?.path())?;
            }
        }
    }
    Ok(())
}
