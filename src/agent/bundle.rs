//! A bundle comes to the box: what the engine says of it, and what the helper does.
//!
//! Pieces go through the same frames as everything else, as base64: two thirds of what a line carries is payload, and
//! no second channel has to be opened, kept alive and authenticated.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};

use crate::bundle::store::{Lack, ROOT, Store, Wanted};

/// What is asked; all of it changes the box and needs the lock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleRequest {
    /// Which of these files are missing or damaged.
    Lacks { files: Vec<Wanted> },
    /// A piece of a file from byte `at` on, in base64.
    Piece { file: Wanted, at: u64, bytes: String },
    /// Everything has come: `manifest.json`, `manifest.json.sig`, and the key that the engine has compared.
    Finish { manifest: String, signature: String, key: String },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleReply {
    /// With the bytes that are free where the bundle goes to.
    Lacks {
        lacks: Vec<Lack>,
        free: u64,
    },
    Taken,
}

/// A piece as a request carries it.
pub fn encoded(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub(super) fn answer(request: BundleRequest) -> Result<BundleReply> {
    let store = Store::at(Path::new(ROOT));
    match request {
        BundleRequest::Lacks { files } => {
            let (lacks, free) = store.lacks(&files)?;
            Ok(BundleReply::Lacks { lacks, free })
        }
        BundleRequest::Piece { file, at, bytes } => {
            let bytes = Base64::decode_vec(&bytes).ok().context("a piece is no base64")?;
            store.piece(&file, at, &bytes).map(|()| BundleReply::Taken)
        }
        BundleRequest::Finish { manifest, signature, key } => {
            let key = key.parse().map_err(anyhow::Error::msg)?;
            store.finish(manifest.as_bytes(), signature.as_bytes(), key).map(|()| BundleReply::Taken)
        }
    }
}
