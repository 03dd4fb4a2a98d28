//! `manifest.json`: every file of a bundle with its digest, and what each is for.

use std::{collections::BTreeSet, fmt};

use anyhow::{Context as _, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    boxfile::{
        Engine, ProfileName,
        content::{InsidePath, Sha256Text, Word},
        document,
        names::ReleaseName,
    },
    failure::{Exit, Failure},
};

/// Read no further than this: a thousand parts take a quarter of it.
pub const SIZE_MAX: usize = 1 << 20;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub schema: Schema,
    /// What the bundle is enough for.
    pub profile: ProfileName,
    pub engine: Engine,
    /// The release of the engine; none where the engine has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseName>,
    /// The system of the box.
    pub system: System,
    /// When it was made, RFC 3339.
    pub made: Word,
    /// What is carried.
    pub parts: Vec<Part>,
    /// What is there besides: indexes, keys, lists.
    pub files: Vec<Listed>,
}

/// The version of the document; another one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    #[serde(rename = "ciab/bundle/v1")]
    V1,
}

/// The system that the packages are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// `ID` of /etc/os-release.
    pub id: Word,
    /// `VERSION_ID`.
    pub version: Word,
    /// `VERSION_CODENAME`, and the suite of the archive in `apt/`.
    pub codename: Word,
    /// As Debian names it: `amd64`.
    pub architecture: Word,
}

/// One thing that is carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub kind: Kind,
    /// Of an image its repository, `kolla/keystone`.
    pub name: Word,
    /// Of an image its tag.
    pub version: Word,
    /// Of an image its manifest, which names the rest of it by digest.
    pub path: InsidePath,
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256Text,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A container image.
    Image,
    /// A Debian package.
    Deb,
    /// A Python package.
    Wheel,
    /// An Ansible collection.
    Collection,
    /// A disk image for servers.
    Guest,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Image, Self::Deb, Self::Wheel, Self::Collection, Self::Guest];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Image => "image",
            Self::Deb => "deb",
            Self::Wheel => "wheel",
            Self::Collection => "collection",
            Self::Guest => "guest",
        })
    }
}

/// A file that is no part of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub path: InsidePath,
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256Text,
}

impl Manifest {
    /// Reads the document; `name` is where it was found, for messages. Exit 2 with every fault and its place.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::new(Exit::Usage, format!("{name}: {why}"));
        if bytes.len() > SIZE_MAX {
            return Err(wrong(format!("it is larger than {SIZE_MAX} bytes: no manifest is")));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| wrong(format!("byte {} is not UTF-8", error.valid_up_to())))?;
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(wrong(format!("byte {at} is NUL")));
        }
        let manifest: Self = document::read(name, text)?;
        let faults = manifest.faults();
        match faults.is_empty() {
            true => Ok(manifest),
            false => Err(wrong(faults.join("\n"))),
        }
    }

    /// As it is written: the same manifest has the same bytes, whatever order things were found in.
    pub fn text(mut self) -> Result<String> {
        self.parts.sort_by(|a, b| {
            (a.kind, &a.name, &a.version, &a.path).cmp(&(b.kind, &b.name, &b.version, &b.path))
        });
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(serde_json::to_string_pretty(&self).context("write the manifest as JSON")? + "\n")
    }

    /// What the types cannot say.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut paths = BTreeSet::new();
        let mut names = BTreeSet::new();
        for part in &self.parts {
            let at = format!("{} {} {}", part.kind, part.name, part.version);
            if !names.insert((part.kind, &part.name, &part.version)) {
                faults.push(format!("{at} stands twice"));
            }
            // Two tags may be one image.
            if !paths.insert(&part.path) && part.kind != Kind::Image {
                faults.push(format!("{at}: `{}` is the path of another part", part.path));
            }
            let own = format!("{}/blobs/sha256/{}", super::OCI, part.sha256);
            if part.kind == Kind::Image && part.path.as_str() != own {
                faults.push(format!("{at}: an image is found by its digest, at `{own}`"));
            }
        }
        for file in &self.files {
            if !paths.insert(&file.path) {
                faults.push(format!("`{}` is the path of something else, too", file.path));
            }
            if [super::MANIFEST, super::SIGNATURE].contains(&file.path.as_str()) {
                faults.push(format!("`{}` cannot hold its own digest", file.path));
            }
        }
        faults
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::{prelude::*, test_runner::Config};

    use super::*;

    pub(in crate::bundle) fn sample() -> Manifest {
        let sha256: Sha256Text = "0f".repeat(32).parse().unwrap();
        let path = format!("oci/blobs/sha256/{sha256}").parse().unwrap();
        let word = |text: &str| text.parse::<Word>().unwrap();
        Manifest {
            schema: Schema::V1,
            profile: ProfileName::Core,
            engine: Engine::Kolla,
            release: Some("2025.1".parse().unwrap()),
            system: System {
                id: word("debian"),
                version: word("12"),
                codename: word("bookworm"),
                architecture: word("amd64"),
            },
            made: word("2026-01-02T03:04:05Z"),
            parts: vec![Part {
                kind: Kind::Image,
                name: word("kolla/cron"),
                version: word("2025.1-debian-bookworm"),
                path,
                size: 7,
                sha256: sha256.clone(),
            }],
            files: vec![Listed { path: "apt/Release".parse().unwrap(), size: 0, sha256 }],
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = sample().text().unwrap();
        assert_eq!(Manifest::parse("m", text.as_bytes()).unwrap(), sample());
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = sample().text().unwrap();
        let text =
            text.replace("\"kind\": \"image\"", "\"kind\": \"picture\"").replace("apt/Release", "../Release");
        let failure = Manifest::parse("m.json", text.as_bytes()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("`picture` is not known here"), "{failure}");
        assert!(failure.message.contains("`../Release` is no path inside of a folder"), "{failure}");
        assert!(failure.message.contains("m.json:15:"), "{failure}");
    }

    #[test]
    fn an_image_is_found_by_its_digest_and_no_path_is_taken_twice() {
        let mut manifest = sample();
        manifest.parts[0].path = "oci/blobs/sha256/other".parse().unwrap();
        manifest.files.push(manifest.files[0].clone());
        let failure = Manifest::parse("m", manifest.text().unwrap().as_bytes()).unwrap_err();
        assert!(failure.message.contains("found by its digest"), "{failure}");
        assert!(failure.message.contains("`apt/Release` is the path of something else"), "{failure}");
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(256) })]

        #[test]
        fn no_bytes_panic_it(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Manifest::parse("m", &bytes);
        }

        #[test]
        fn no_change_of_a_real_one_panics_it(at in 0_usize..800, with in any::<char>(), cut in 0_usize..1200) {
            let text = sample().text().unwrap();
            let mut chars: Vec<char> = text.chars().take(cut).collect();
            if let Some(place) = chars.get_mut(at) {
                *place = with;
            }
            let text: String = chars.into_iter().collect();
            if let Ok(manifest) = Manifest::parse("m", text.as_bytes()) {
                let again = manifest.clone().text().unwrap();
                prop_assert_eq!(Manifest::parse("m", again.as_bytes()).unwrap(), manifest);
            }
        }
    }
}
