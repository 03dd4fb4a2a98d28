//! `ciab/manifest.json` of a medium: what it was made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    boxfile::{
        content::{Sha256Text, Word},
        document,
    },
    bundle::manifest::Listed,
    failure::Failure,
};

/// Read no further than this: three hundred packages take a tenth of it.
pub(super) const SIZE_MAX: u64 = 1 << 20;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub schema: Schema,
    /// The volume's label, made of everything below.
    pub label: Word,
    /// When the newest of its packages was made, RFC 3339; every file of the medium has this time.
    pub made: Word,
    /// The program on it.
    pub ciab: Program,
    /// Debian's code name, and the architecture as Debian names it.
    pub codename: Word,
    pub architecture: Word,
    /// The kernel's release, as `uname -r` says it.
    pub kernel: Word,
    /// The Debian packages of the live system.
    pub packages: Vec<Package>,
    /// The large files of the medium.
    pub files: Vec<Listed>,
}

/// The version of the document; another one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    #[serde(rename = "ciab/medium/v1")]
    V1,
}

/// This program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    pub version: Word,
    pub sha256: Sha256Text,
}

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: Word,
    pub version: Word,
}

impl Manifest {
    /// Reads it; `name` is for messages.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        document::read(name, text).map_err(|findings| {
            let failure: Failure = findings.into();
            failure.hint("The medium was made by another version of ciab, or is damaged.")
        })
    }
}
