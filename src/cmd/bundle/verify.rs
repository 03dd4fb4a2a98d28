//! `ciab bundle verify`: signature and digests of everything.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    bundle::{
        key::PublicKey,
        news::{Listener, Nobody},
        verify::{Opened, verify},
    },
    failure::{Exit, Failure},
    report::{self, out},
    units::Bytes,
};

/// Checks the signature of a bundle, and every file in it against its digest.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The bundle's folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The key that must have signed it; `ciab bundle build` shows it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<PublicKey>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// The version of the document of `--json`.
const SCHEMA: &str = "ciab/bundle-verified/v1";

/// Exit 7 with everything that is damaged or missing.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let opened = Opened::read(&args.folder, args.key)?;
    let work = report::Work::on_stderr();
    let listener: &dyn Listener = if args.json { &Nobody } else { &work };
    let items = verify(&opened, listener)?;
    drop(work);
    let bytes = Bytes(items.iter().map(|item| item.size).sum());
    let (parts, files, key) = (opened.manifest.parts.len(), items.len(), opened.key);
    if args.json {
        let compared = args.key.is_some();
        let document = json!({
            "schema": SCHEMA, "key": key.to_string(), "compared": compared,
            "parts": parts, "files": files, "bytes": bytes.0,
        });
        return out::json(&document).map(|()| Exit::Done);
    }
    let mut text =
        format!("{parts} parts in {files} files, {}: all as {key} has signed them.\n", bytes.human());
    if args.key.is_none() {
        text += "Whose key that is was not asked: compare it with what the builder shows, or name it with --key.\n";
    }
    out::page(&text).map(|()| Exit::Done)
}
