//! A rendered tree: path, mode, owner, text, secret or not. What `render` makes and a `Put` step lays on the box.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Text files by absolute path. Order is the path's, so the same tree has the same bytes everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(pub BTreeMap<String, Entry>);

/// One file of a tree.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Permission bits, as `chmod` takes them (`0o644`).
    pub mode: u32,
    /// User and group by name; they exist on the box when the tree is laid.
    pub owner: String,
    pub group: String,
    /// A secret text is never printed, neither whole nor as a difference.
    pub secret: bool,
    pub text: String,
}

impl Entry {
    /// A file of root's that everybody may read.
    pub fn public(text: impl Into<String>) -> Self {
        Self { mode: 0o644, owner: "root".into(), group: "root".into(), secret: false, text: text.into() }
    }

    /// A file that only root may read, and that is never printed.
    pub fn secret(text: impl Into<String>) -> Self {
        Self { mode: 0o600, owner: "root".into(), group: "root".into(), secret: true, text: text.into() }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.text.len();
        write!(f, "Entry({:04o} {}:{}, {bytes} bytes)", self.mode, self.owner, self.group)
    }
}

/// How one path of a tree compares with what is on the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Not on the box yet.
    Added,
    /// There, with other bytes, mode or owner.
    Changed,
    /// There, the same.
    Same,
}

impl Tree {
    /// The SHA-256 of all paths, modes, owners and texts, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (path, entry) in &self.0 {
            for part in [path.as_str(), &entry.mode.to_string(), &entry.owner, &entry.group, &entry.text] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part.as_bytes());
            }
        }
        hex(&hash.finalize())
    }

    /// Every folder that holds a file of the tree, parents first.
    pub fn folders(&self) -> BTreeSet<String> {
        let mut folders = BTreeSet::new();
        for path in self.0.keys() {
            let mut rest = path.as_str();
            while let Some((parent, _)) = rest.rsplit_once('/') {
                if parent.is_empty() || !folders.insert(parent.to_owned()) {
                    break;
                }
                rest = parent;
            }
        }
        folders
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_sees_every_field_and_no_boundary_can_be_shifted() {
        let one = |path: &str, entry: Entry| Tree(BTreeMap::from([(path.to_owned(), entry)])).digest();
        let base = one("/a", Entry::public("bc"));
        assert_ne!(base, one("/ab", Entry::public("c")));
        assert_ne!(base, one("/a", Entry { mode: 0o600, ..Entry::public("bc") }));
        assert_ne!(base, one("/a", Entry { owner: "ciab".into(), ..Entry::public("bc") }));
        assert_eq!(base, one("/a", Entry::public("bc")));
    }

    #[test]
    fn folders_come_parents_first() {
        let tree = Tree(BTreeMap::from([("/etc/ssh/x.d/y".to_owned(), Entry::public(""))]));
        assert_eq!(tree.folders().into_iter().collect::<Vec<_>>(), ["/etc", "/etc/ssh", "/etc/ssh/x.d"]);
    }

    #[test]
    fn a_secret_text_is_not_in_debug_output() {
        assert!(!format!("{:?}", Entry::secret("canary")).contains("canary"));
    }
}
