//! `ciab bundle list`: what a bundle carries.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::json;

use crate::{
    bundle::{manifest::Kind, verify::Opened},
    failure::{Exit, Failure},
    report::out,
    units::Bytes,
};

/// Lists what a bundle carries; its files are not checked.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The bundle's folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// The version of the document of `--json`.
const SCHEMA: &str = "ciab/bundle-list/v1";

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let opened = Opened::read(&args.folder, None)?;
    let items = opened.items()?;
    let bytes = Bytes(items.iter().map(|item| item.size).sum());
    let manifest = &opened.manifest;
    if args.json {
        let document = json!({
            "schema": SCHEMA, "key": opened.key.to_string(), "bytes": bytes.0, "manifest": manifest,
        });
        return out::json(&document).map(|()| Exit::Done);
    }
    let release = manifest.release.as_ref().map_or(String::new(), |release| format!(" {release}"));
    let system = &manifest.system;
    let mut text = format!(
        "Profile {}, engine {}{release}, for {} {} ({}, {}); made {}, signed with\n{}\n\n",
        manifest.profile,
        manifest.engine,
        system.id,
        system.version,
        system.codename,
        system.architecture,
        manifest.made,
        opened.key
    );
    let width = manifest.parts.iter().map(|part| part.name.as_str().len()).max().unwrap_or_default();
    for kind in Kind::ALL {
        for part in manifest.parts.iter().filter(|part| part.kind == kind) {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{kind:<10}  {:<width$}  {}", part.name.as_str(), part.version);
        }
    }
    let (parts, files) = (manifest.parts.len(), items.len());
    let _ = writeln!(text, "\n{parts} parts in {files} files, {}", bytes.human());
    out::page(&text).map(|()| Exit::Done)
}
