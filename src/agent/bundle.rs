//! A bundle comes to the box: what the engine says of it, and what the helper does.
//!
//! The bytes of a piece follow the frame that announces them, as they are: no second channel has to be opened, kept alive and
//! authenticated, and nothing is written as text and read again.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bundle::store::{Lack, ROOT, Store, Wanted};

/// What is asked; all of it changes the box and needs the lock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleRequest {
    /// Which of these files are missing or damaged.
    Lacks { files: Vec<Wanted> },
    /// A piece of a file from byte `at` on. Its bytes, so many, are no part of the document: see `wire`.
    Piece {
        file: Wanted,
        at: u64,
        size: u32,
        #[serde(skip)]
        bytes: Vec<u8>,
    },
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

pub(super) fn answer(request: BundleRequest) -> Result<BundleReply> {
    let store = Store::at(Path::new(ROOT));
    match request {
        BundleRequest::Lacks { files } => {
            let (lacks, free) = store.lacks(&files)?;
            Ok(BundleReply::Lacks { lacks, free })
        }
        BundleRequest::Piece { file, at, bytes, .. } => {
            store.piece(&file, at, &bytes).map(|()| BundleReply::Taken)
        }
        BundleRequest::Finish { manifest, signature, key } => {
            let key = key.parse().map_err(anyhow::Error::msg)?;
            store.finish(manifest.as_bytes(), signature.as_bytes(), key).map(|()| BundleReply::Taken)
        }
    }
}
