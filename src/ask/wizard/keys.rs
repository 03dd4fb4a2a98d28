//! Who may log in later.

use std::{fs, path::Path};

use super::{Answer, Eyes, Go, Person, Talk, judge};
use crate::{ask::Picks, boxfile::ssh_key::SshKey, failure::Failure, plan::check::Status};

/// A public key of the person's, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    pub key: SshKey,
    /// A file's path, or `agent`.
    pub from: String,
}

/// More are not looked at.
const MOST: usize = 50;

/// The keys in `~/.ssh/*.pub`, in alphabetical order, then those that only the agent has (the text of `ssh-add -L`).
/// What is no key that OpenSSH takes is passed over, and so is one whose private half is published.
pub fn find(folder: &Path, agent: &str) -> Vec<FoundKey> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "pub"))
        .collect();
    files.sort();
    let texts =
        files.iter().filter_map(|path| Some((path.display().to_string(), fs::read_to_string(path).ok()?)));
    let lines = texts.chain([("agent".to_owned(), agent.to_owned())]);
    let mut found: Vec<FoundKey> = Vec::new();
    for (from, text) in lines {
        for key in text.lines().filter_map(|line| line.trim().parse::<SshKey>().ok()) {
            let known = found.iter().any(|other| other.key.line() == key.line());
            if !known && key.published_in().is_none() && found.len() < MOST {
                found.push(FoundKey { key, from: from.clone() });
            }
        }
    }
    found
}

impl FoundKey {
    /// `ciab` itself logs in with these; RSA is for the person's own `ssh` only.
    fn is_usable(&self) -> bool {
        self.key.kind() != "ssh-rsa"
    }

    fn about(&self) -> String {
        let own = if self.is_usable() { "" } else { ", not for ciab itself" };
        let comment = self.key.to_string();
        let comment = comment.strip_prefix(&self.key.line()).unwrap_or_default().trim();
        let name = if comment.is_empty() { self.key.fingerprint() } else { comment.to_owned() };
        format!("{} {name} ({}{own})", self.key.kind(), self.from)
    }
}

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn keys(&mut self) -> Result<Go, Failure> {
        if self.found.is_empty() {
            return Ok(Go::Over);
        }
        self.explain(
            "Public keys that may log in as `operator`, the user that is made on the box. Those that you can log in \
             with from here are marked.",
        )?;
        let first = self.draft.ssh_keys.is_empty();
        let taken = |found: &FoundKey| {
            if first { found.is_usable() } else { self.draft.ssh_keys.contains(&found.key.to_string()) }
        };
        let items: Vec<_> = self.found.iter().map(|found| (found.about(), taken(found))).collect();
        let picks = Picks { question: "Keys".to_owned(), items };
        loop {
            let Answer::Given(chosen) = self.person.pick(&picks).await? else { return Ok(Go::Back) };
            let keys = chosen
                .iter()
                .filter_map(|at| self.found.get(*at))
                .map(|found| found.key.to_string())
                .collect();
            let draft = super::Draft { ssh_keys: keys, ..self.draft.clone() };
            match judge::faults(&draft, "access.ssh_keys", None, Status::Fail)?.as_slice() {
                [] => {
                    self.draft = draft;
                    return Ok(Go::On);
                }
                faults => self.person.say(&super::fold(&faults.join("\n")))?,
            }
        }
    }

    /// Where none was found, or none was marked, one has to be given: nobody could log in.
    pub(super) async fn own_key(&mut self) -> Result<Go, Failure> {
        let found = |key: &String| self.found.iter().any(|found| found.key.to_string() == *key);
        if !self.draft.ssh_keys.is_empty() && self.draft.ssh_keys.iter().all(found) {
            return Ok(Go::Over);
        }
        self.explain(
            "A public key that may log in: a line such as `ssh-ed25519 AAAA... you@example.org`. Without one nobody \
             could. `ssh-keygen -t ed25519` makes a pair; the line stands in the file that ends in .pub.",
        )?;
        let default = self.draft.ssh_keys.first().cloned();
        self.fill("access.ssh_keys", "Public key", default, |draft, typed| {
            draft.ssh_keys = vec![typed.to_owned()]
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made for this test; its private half was never kept.
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B";

    #[test]
    fn keys_are_found_once_and_rubbish_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.pub"), format!("{KEY} me@example.org\n")).unwrap();
        fs::write(folder.path().join("a.pub"), "not a key\n").unwrap();
        fs::write(folder.path().join("c.pub"), [0xff, 0xfe]).unwrap();
        fs::write(folder.path().join("id"), KEY).unwrap();
        let found = find(folder.path(), &format!("{KEY} again\nThe agent has no identities.\n"));
        assert_eq!(found.len(), 1);
        assert!(found[0].about().starts_with("ssh-ed25519 me@example.org ("), "{}", found[0].about());
        assert!(find(Path::new("/no/such/folder"), "").is_empty());
        assert_eq!(find(Path::new("/no/such/folder"), KEY)[0].from, "agent");
    }
}
