//! `templates/manifest.yaml`: every file that is laid on a box, and how.

use std::{str::FromStr, sync::LazyLock};

use serde::{Deserialize, Deserializer, de};

use super::fault;
use crate::{embedded, failure::Failure, yaml};

/// The manifest as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub files: Vec<File>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Absolute, `<< >>` being filled in from the plan.
    pub path: String,
    /// Left out, it is `path` with `.j2`.
    #[serde(default)]
    template: Option<String>,
    /// The step that brings the file.
    pub step: String,
    /// An expression that gives a list: there is one such file for each value, which is called `item`.
    #[serde(default)]
    pub each: Option<String>,
    /// An expression over the plan.
    #[serde(default)]
    pub when: Option<String>,
    /// What becomes of the file where `when` is false.
    #[serde(default)]
    pub otherwise: Otherwise,
    #[serde(default)]
    pub mode: Mode,
    #[serde(default = "root")]
    pub owner: String,
    #[serde(default = "root")]
    pub group: String,
    #[serde(default)]
    pub secret: bool,
    /// Encrypted as a whole by Ansible Vault, and then no secret file.
    #[serde(default)]
    pub vault: bool,
    /// Argv that must accept the file; the word `%` is its path.
    #[serde(default)]
    pub check: Vec<String>,
}

/// What becomes of a file that the plan does not ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// The path is ours alone.
    #[default]
    Remove,
    /// The distribution has a file there too.
    Keep,
}

/// Permission bits, written as chmod(1) takes them and quoted: YAML readers differ on `0440`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(u32);

fn root() -> String {
    "root".to_owned()
}

impl File {
    /// The name of the template below `templates/`.
    pub fn template(&self) -> String {
        self.template.clone().unwrap_or_else(|| format!("{}.j2", self.path.trim_start_matches('/')))
    }
}

impl Mode {
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl Default for Mode {
    fn default() -> Self {
        Self(0o644)
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match u32::from_str_radix(text, 8) {
            Ok(bits) if text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(bits)),
            _ => Err(format!("`{text}` is no mode: write four octal digits such as \"0440\"")),
        }
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The manifest of this binary, or what is wrong with it.
pub fn read() -> Result<&'static Manifest, Failure> {
    static MANIFEST: LazyLock<Result<Manifest, String>> =
        LazyLock::new(|| parse(embedded::text("templates/manifest.yaml")));
    MANIFEST.as_ref().map_err(|why| fault(format!("templates/manifest.yaml: {why}")))
}

fn parse(text: &str) -> Result<Manifest, String> {
    let manifest: Manifest = yaml::from_str(text).map_err(|error| error.to_string())?;
    match manifest.files.iter().find(|file| file.secret && file.vault) {
        Some(file) => {
            Err(format!("{}: what is encrypted is no secret: `vault` or `secret`, not both", file.path))
        }
        None => Ok(manifest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_an_entry_and_every_entry_a_template() {
        let mut named: Vec<String> = read().unwrap().files.iter().map(File::template).collect();
        named.sort();
        // Several files may have one text.
        named.dedup();
        let paths = embedded::below("templates").filter(|path| path.ends_with(".j2"));
        let there: Vec<&str> = paths.filter_map(|path| path.strip_prefix("templates/")).collect();
        assert_eq!(named, there);
    }

    #[test]
    fn a_wrong_manifest_is_told_with_its_place() {
        for (text, said) in [
            ("files:\n  - path: /a\n", "step"),
            ("files:\n  - path: /a\n    step: b\n    mod: \"0440\"\n", "mod"),
            ("files:\n  - path: /a\n    step: b\n    mode: \"440\"\n", "four octal digits"),
            ("files:\n  - path: /a\n    step: b\n    mode: \"0498\"\n", "four octal digits"),
            ("files:\n  - path: /a\n    step: b\n    secret: true\n    vault: true\n", "not both"),
            ("files: [", "line 1"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }
}
