//! Lays a tree below a folder and commits it in the git repository there (`Action::Put`).
//!
//! Only the tree's own paths are touched: what else lies there, tracked or not, staged or not, is the
//! operator's. Paths that an earlier tree laid and this one lacks are removed; `put/<root>.json` in our record
//! remembers them. What the operator changed in our files is committed before it is overwritten. A secret file
//! is laid and never committed: a repository is copied and pushed, and forgets nothing.

mod repository;

use std::{collections::BTreeSet, io::Write};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use self::repository::Repository;
use super::{
    durable::{self, Meta, Staged},
    want::{Host, file, stamp},
};
use crate::{step::Answer, tree::Tree};

/// What is to be laid: `Action::Put`.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The folder, absolute; every path of the tree is below it.
    pub root: &'a str,
    pub tree: &'a Tree,
    /// Of the commit.
    pub message: &'a str,
}

/// What we have laid below a root: a list that is never too short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    paths: BTreeSet<String>,
}

/// Whether the tree is there, with nothing left of an earlier one, and committed.
pub fn probe(put: &Put<'_>, host: &Host) -> Answer {
    look(put, host).unwrap_or_else(|error| Answer::CannotTell(format!("{}: {error:#}", put.root)))
}

/// Lays the tree and commits it; says what changed. Doing it again changes nothing and makes no commit.
pub fn apply(put: &Put<'_>, host: &Host, out: &mut dyn Write) -> Result<()> {
    check(put)?;
    let root = host.path(put.root)?;
    durable::folders(&root, 0o755)?;
    let repository = Repository::new(put.root, host);
    repository.prepare()?;
    let kept = Manifest::kept(put, host)?;
    rescue(put, &kept, &repository, host, out)?;

    // From here on a crash leaves paths of both trees; the list has to name them all before the first is laid.
    let both = Manifest { paths: kept.paths.iter().chain(put.tree.0.keys()).cloned().collect() };
    both.keep(put, host)?;
    lay(put, host, out)?;
    let gone: Vec<&str> =
        kept.paths.iter().filter(|path| !put.tree.0.contains_key(*path)).map(String::as_str).collect();
    for path in &gone {
        stamp::forget(path, host)?;
        if durable::remove(&host.path(path)?)
            .with_context(|| format!("remove {path}, which the tree lacks"))?
        {
            writeln!(out, "removed: {path}")?;
        }
    }
    // A path that has become secret leaves the repository and stays where it is.
    let secret: Vec<&str> = put.of(Kind::Secret);
    repository.hide(&secret)?;
    if repository.commit(put.message, &put.of(Kind::Public), &[gone, secret].concat())? {
        writeln!(out, "committed: {}", put.message)?;
    }
    durable::sync_all_of(&root)?;
    Manifest { paths: put.tree.0.keys().cloned().collect() }.keep(put, host)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Committed.
    Public,
    Secret,
}

impl Put<'_> {
    fn of(&self, kind: Kind) -> Vec<&str> {
        let wanted = self.tree.0.iter().filter(|(_, entry)| entry.secret == (kind == Kind::Secret));
        wanted.map(|(path, _)| path.as_str()).collect()
    }

    fn record(&self) -> String {
        format!("put/{}.json", self.root.trim_matches('/').replace('/', "-"))
    }
}

impl Manifest {
    fn kept(put: &Put<'_>, host: &Host) -> Result<Self> {
        let place = host.state(put.record());
        durable::read(&place)?.map_or(Ok(Self::default()), |bytes| {
            serde_json::from_slice(&bytes).with_context(|| format!("read {}", place.display()))
        })
    }

    fn keep(&self, put: &Put<'_>, host: &Host) -> Result<()> {
        let place = host.state(put.record());
        let bytes = serde_json::to_vec(self)?;
        if durable::read(&place)?.as_deref() == Some(&bytes) {
            return Ok(());
        }
        durable::write(&place, &bytes, Meta::PRIVATE)
    }
}

fn check(put: &Put<'_>) -> Result<()> {
    for (path, entry) in &put.tree.0 {
        let inside =
            path.strip_prefix(put.root.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
        ensure!(inside.is_some_and(|rest| !rest.is_empty()), "{path} is not below {}", put.root);
        ensure!(
            path.split('/').all(|part| part != ".git") && !path.contains('\n'),
            "{path:?} is no path for git"
        );
        ensure!(!entry.secret || entry.mode & 0o077 == 0, "{path} is secret and has mode {:04o}", entry.mode);
    }
    Ok(())
}

fn look(put: &Put<'_>, host: &Host) -> Result<Answer> {
    check(put)?;
    for (path, entry) in &put.tree.0 {
        if let Some(why) = file::difference(path, entry, host)? {
            return Ok(Answer::Missing(why));
        }
    }
    let kept = Manifest::kept(put, host)?;
    if let Some(left) = kept.paths.iter().find(|path| !put.tree.0.contains_key(*path)) {
        return Ok(Answer::Missing(format!("{left} of an earlier tree may still be there")));
    }
    if put.tree.0.keys().any(|path| !kept.paths.contains(path)) {
        return Ok(Answer::Missing(format!("files below {} were not laid by us", put.root)));
    }
    Repository::new(put.root, host).holds(&put.of(Kind::Public))
}

/// Writes what differs: all beside its place, one sync for all, then each into its place.
fn lay(put: &Put<'_>, host: &Host, out: &mut dyn Write) -> Result<()> {
    let mut staged = Vec::new();
    for (path, entry) in &put.tree.0 {
        if file::difference(path, entry, host)?.is_none() {
            continue;
        }
        let place = host.path(path)?;
        file::refuse(path, host)?;
        durable::parents(&place)?;
        staged.push((path, Staged::new(&place, entry.text.as_bytes(), file::meta(path, entry, host)?)?));
    }
    durable::sync_all_of(&host.path(put.root)?)?;
    for (path, file) in staged {
        stamp::forget(path, host)?;
        file.place()?;
        writeln!(out, "laid: {path}")?;
    }
    Ok(())
}

/// Commits what somebody else wrote where the tree is to lie, so that laying it loses nothing.
fn rescue(
    put: &Put<'_>,
    kept: &Manifest,
    repository: &Repository<'_>,
    host: &Host,
    out: &mut dyn Write,
) -> Result<()> {
    let committed = repository.committed()?;
    let paths: BTreeSet<&str> = kept.paths.iter().chain(put.tree.0.keys()).map(String::as_str).collect();
    let here = repository.here(&paths.into_iter().collect::<Vec<_>>())?;
    let mut found = Vec::new();
    for (path, blob) in &here {
        let wanted = put.tree.0.get(path);
        // What is there as the tree has it was laid by a try that was cut short; so was what only our list knows.
        let known = match committed.get(path) {
            Some(last) => last == blob,
            None => kept.paths.contains(path),
        };
        if known || wanted.is_some_and(|entry| is_text(path, &entry.text, host)) {
            continue;
        }
        ensure!(
            wanted.is_none_or(|entry| !entry.secret),
            "{path} is there and not ours, and nothing secret is kept by overwriting it; move it away"
        );
        found.push(path.as_str());
    }
    if !found.is_empty() && repository.commit("Keep what was found on the box", &found, &[])? {
        writeln!(out, "committed as found: {}", found.join(" "))?;
    }
    Ok(())
}

fn is_text(path: &str, text: &str, host: &Host) -> bool {
    let bytes = host.path(path).and_then(|place| durable::read(&place));
    bytes.is_ok_and(|bytes| bytes.as_deref() == Some(text.as_bytes()))
}

#[cfg(test)]
mod real_tests;
#[cfg(test)]
mod tests;
