//! `ciab iso inspect`: what a medium is made of, and what is embedded in it.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    boxfile::redacted,
    bundle::news::{Listener, Nobody},
    failure::{Exit, Failure},
    iso::medium::{Access, Medium},
    report::{self, out},
};

/// Shows what a medium is made of and what is embedded in it, without secrets.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The medium: an image, or the device of a stick.
    #[arg(value_name = "MEDIUM")]
    pub medium: PathBuf,
    /// Read all of it and compare the digests; ends with 7 where one differs.
    #[arg(long)]
    pub check: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// The version of the document of `--json`.
const SCHEMA: &str = "ciab/medium-inspect/v1";

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let medium = Medium::open(&args.medium, Access::Read)?;
    let wrong = match args.check {
        false => Vec::new(),
        true => {
            let work = report::Work::on_stderr();
            let listener: &dyn Listener = if args.json { &Nobody } else { &work };
            medium.check(listener)?
        }
    };
    if !wrong.is_empty() {
        let failure = Failure::new(Exit::Verify, format!("{}: {}", args.medium.display(), wrong.join("; ")));
        return Err(failure.hint("Copy it to the stick again, or make it anew; do not start from it."));
    }
    let embedded = medium.embedded()?;
    let boxfile = embedded.boxfile.as_deref().map(redacted);
    let manifest = &medium.manifest;
    if args.json {
        let document = json!({
            "schema": SCHEMA, "manifest": manifest, "box": boxfile, "words": embedded.words, "checked": args.check,
        });
        return out::json(&document).map(|()| Exit::Done);
    }
    let mut text = format!(
        "medium {}, made of {} packages of Debian {} ({}) as of {}\nkernel {}, ciab {}\nsha256 of ciab {}\n",
        manifest.label,
        manifest.packages.len(),
        manifest.codename,
        manifest.architecture,
        manifest.made,
        manifest.kernel,
        manifest.ciab.version,
        manifest.ciab.sha256
    );
    if args.check {
        text += "all digests are those of the manifest\n";
    }
    if !embedded.words.is_empty() {
        text += &format!("\nwords for the kernel: {}\n", embedded.words.join(" "));
    }
    match boxfile {
        Some(boxfile) => text += &format!("\nbox file:\n\n{boxfile}"),
        None => text += "\nno box file is embedded\n",
    }
    out::page(&text).map(|()| Exit::Done)
}
