//! `ciab iso build`: makes the medium.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    bundle::news::{Listener, Nobody},
    failure::{Exit, Failure},
    iso::build::build,
    report::{self, out},
    units::Bytes,
};

/// Makes a medium from Debian packages, which BIOS and UEFI start from a drive and from a stick. As root.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The file to make.
    pub file: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// The version of the document of `--json`.
const SCHEMA: &str = "ciab/medium-made/v1";

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let to = std::path::absolute(&args.file).map_err(anyhow::Error::from)?;
    let work = report::Work::on_stderr();
    let listener: &dyn Listener = if args.json { &Nobody } else { &work };
    let made = build(&to, listener)?;
    drop(work);
    if args.json {
        let document = json!({ "schema": SCHEMA, "file": to, "bytes": made.size, "manifest": made.manifest });
        return out::json(&document).map(|()| Exit::Done);
    }
    out::page(&format!(
        "medium {} of {} packages, {}, in {}\n`ciab iso embed` writes a box file into it; to a stick it is copied as it \
         is.\n",
        made.manifest.label,
        made.manifest.packages.len(),
        Bytes(made.size).human(),
        args.file.display()
    ))
    .map(|()| Exit::Done)
}
