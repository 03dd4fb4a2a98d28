//! `profiles/secrets.yaml`: the secrets of a cloud by the name that upstream's playbooks read, what each is like, who
//! uses it, in which file it stands, and which of them are one secret.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde::Deserialize;

use super::{Kind, SecretSpec};
use crate::{embedded, yaml};

/// Characters of a password that says no other length; kolla-genpwd's.
const PASSWORD: usize = 40;
/// Bytes of a key in hexadecimal that says no other length; kolla-genpwd's HMAC-MD5 keys.
const HEX: usize = 16;

/// The whole catalogue, by the name of a set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    pub sets: BTreeMap<String, Set>,
}

/// The secrets that stand in one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Engine to the file, below the configuration's root. An engine that is not here has none.
    pub file: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Entry>,
}

/// One secret in one file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Entry {
    kind: Word,
    /// Characters, or bytes for `hex`.
    length: Option<usize>,
    /// The services that read it; empty for what every cloud needs.
    pub users: BTreeSet<String>,
    /// Another name, or the same one in another set, that this is the same secret as.
    pub same: Option<String>,
    /// The secret that a hash is made from.
    of: Option<String>,
    /// Whether it is an identifier that everybody may see.
    public: bool,
}

/// What an entry is like, as the catalogue says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    #[default]
    Password,
    Digits,
    Uuid,
    Hex,
    Fernet,
    BcryptSalt,
    /// A pair that stands in its file as a map of `private_key` and `public_key`.
    SshKey,
    /// The private half alone; the public one has `.pub` behind its name.
    SshPrivateKey,
    Crypt,
    /// Comes from the operator or from a service, and is not made.
    Brought,
}

/// What a cloud needs of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// What is to be made, each behind what it is made from.
    pub specs: Vec<SecretSpec>,
    /// Set to the names that stand in its file.
    pub names: BTreeMap<String, Vec<String>>,
    /// A name to the one that it is the same secret as.
    pub same: BTreeMap<String, String>,
    /// Pairs that stand in their files as maps.
    pub pairs: BTreeSet<String>,
}

/// The catalogue of this program.
pub fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
        // The program's own file, held to its type by the tests.
        yaml::from_str(embedded::text("profiles/secrets.yaml"))
            .unwrap_or_else(|error| unreachable!("profiles/secrets.yaml: {error}"))
    });
    &CATALOG
}

impl Catalog {
    /// What these services need under an engine.
    pub fn needed(&self, engine: &str, services: &BTreeSet<String>) -> Needed {
        let mut needed = Needed::default();
        let mut made = BTreeSet::new();
        let mut hashes = BTreeSet::new();
        for (title, set) in self.sets.iter().filter(|(_, set)| set.file.contains_key(engine)) {
            let read = |entry: &Entry| entry.users.is_empty() || !entry.users.is_disjoint(services);
            let wanted = set.secrets.iter().filter(|(_, entry)| entry.kind != Word::Brought && read(entry));
            let names = needed.names.entry(title.clone()).or_default();
            for (name, entry) in wanted {
                names.push(name.clone());
                let source = entry.same.as_ref().unwrap_or(name);
                if source != name {
                    needed.same.insert(name.clone(), source.clone());
                }
                made.insert(source.as_str());
            }
        }
        for name in made.clone() {
            match self.original(name) {
                Some(entry) if entry.kind == Word::Crypt => {
                    hashes.insert(name);
                    made.remove(name);
                    made.extend(entry.of.as_deref());
                }
                Some(entry) if entry.kind == Word::SshKey => drop(needed.pairs.insert(name.to_owned())),
                _ => {}
            }
        }
        let specs = made.into_iter().chain(hashes).filter_map(|name| Some((name, self.original(name)?)));
        needed.specs = specs.filter_map(|(name, entry)| Some(SecretSpec::new(name, entry.kind()?))).collect();
        needed
    }

    /// The entry that says how a secret is made.
    fn original(&self, name: &str) -> Option<&Entry> {
        let mut entries = self.sets.values().filter_map(|set| set.secrets.get(name));
        entries.find(|entry| entry.same.is_none())
    }

    pub(super) fn is_public(&self, name: &str) -> bool {
        self.sets.values().any(|set| set.secrets.get(name).is_some_and(|entry| entry.public))
    }
}

impl Entry {
    fn kind(&self) -> Option<Kind> {
        Some(match self.kind {
            Word::Password => Kind::Password { length: self.length.unwrap_or(PASSWORD) },
            Word::Digits => Kind::Digits { length: self.length.unwrap_or(PASSWORD) },
            Word::Uuid => Kind::Uuid,
            Word::Hex => Kind::Hex { bytes: self.length.unwrap_or(HEX) },
            Word::Fernet => Kind::Fernet,
            Word::BcryptSalt => Kind::BcryptSalt,
            Word::SshKey | Word::SshPrivateKey => Kind::SshKey,
            Word::Crypt => Kind::Crypt { of: self.of.clone()? },
            Word::Brought => return None,
        })
    }
}

#[cfg(test)]
mod tests;
