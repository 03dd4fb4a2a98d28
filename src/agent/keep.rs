//! The box's secrets file: `secrets.yaml`, mode 0600, where only root reads; each secret is written once, and again when it
//! is due.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

use anyhow::{Context, Result};

use super::record::{Record, write_whole};
use crate::{
    secrets::{self, SecretSpec},
    yaml,
};

/// The name of the key that digests of inputs are made with.
const BOX_KEY: &str = "box.key";

/// The secrets of this box.
pub struct Keep {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

impl Keep {
    /// Opens the file; one that is not there yet is empty.
    pub fn open(record: &Record) -> Result<Self> {
        let path = record.path("secrets.yaml");
        let values = match fs::read_to_string(&path) {
            // The parser's own message quotes the line, which is a secret: only the place is told.
            Ok(text) => yaml::from_str(&text).map_err(|error| {
                let place =
                    error.location().map_or(String::new(), |l| format!(":{}:{}", l.line(), l.column()));
                anyhow::anyhow!("read {}{place}: the file is damaged", path.display())
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        Ok(Self { path, values })
    }

    /// Makes what is missing of these or due, and keeps it before anybody uses it.
    pub fn ensure(&mut self, specs: &[SecretSpec]) -> Result<()> {
        if secrets::complete(specs, &mut self.values)? { self.save() } else { Ok(()) }
    }

    /// The key of input digests, made when there is none.
    pub fn box_key(&mut self) -> Result<Vec<u8>> {
        if !self.values.contains_key(BOX_KEY) {
            self.values.insert(BOX_KEY.to_owned(), secrets::random_hex(32)?);
            self.save()?;
        }
        Ok(self.values[BOX_KEY].clone().into_bytes())
    }

    /// The key of input digests, where it exists.
    pub fn known_box_key(&self) -> Option<Vec<u8>> {
        self.values.get(BOX_KEY).map(|key| key.clone().into_bytes())
    }

    /// All secrets but the key of digests, which nothing outside of this box needs.
    pub fn for_render(&self) -> BTreeMap<String, String> {
        self.values.iter().filter(|(name, _)| *name != BOX_KEY).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// What must never be shown: every value that is a secret.
    pub fn confidential(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(name, _)| !secrets::is_public(name)).map(|(_, value)| value.as_str())
    }

    fn save(&self) -> Result<()> {
        write_whole(&self.path, yaml::to_string(&self.values)?.as_bytes())
    }
}
