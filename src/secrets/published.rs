//! Secrets that everybody knows: examples of upstream's repositories and defaults of manuals, as digests.

use std::{collections::BTreeSet, sync::LazyLock};

use serde::Deserialize;

use crate::{embedded, tree::sha256, yaml};

/// `profiles/published.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    places: Vec<Place>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// Where they are published, for people.
    source: String,
    /// SHA-256 of each text without white space at its ends, in hexadecimal.
    sha256: BTreeSet<String>,
}

/// Where this text is published, if it is a known one.
pub fn place(text: &str) -> Option<&'static str> {
    let digest = sha256(text.trim().as_bytes());
    published().places.iter().find(|place| place.sha256.contains(&digest)).map(|place| place.source.as_str())
}

fn published() -> &'static Published {
    static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
        // The program's own file, held to its type by the test below.
        yaml::from_str(embedded::text("profiles/published.yaml"))
            .unwrap_or_else(|error| unreachable!("profiles/published.yaml: {error}"))
    });
    &PUBLISHED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_manuals_are_known_and_a_made_secret_is_not() {
        for known in ["password", "changeme", "Changeme", " admin\n"] {
            assert!(place(known).is_some(), "{known}");
        }
        assert_eq!(place(&crate::secrets::random_hex(16).unwrap()), None);
    }

    #[test]
    fn every_entry_is_a_digest_and_stands_once() {
        let mut seen = BTreeSet::new();
        for place in &published().places {
            for digest in &place.sha256 {
                let good = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                assert!(digest.len() == 64 && digest.chars().all(good), "{digest}");
                assert!(seen.insert(digest), "{digest}");
            }
        }
        assert!(seen.len() > 100);
    }
}
