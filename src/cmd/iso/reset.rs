//! `ciab iso reset`: takes out what is embedded in a medium.

use std::path::PathBuf;

use crate::{
    failure::{Exit, Failure},
    iso::{
        area::Embedded,
        medium::{Access, Medium},
    },
    report::out,
};

/// Takes out what is embedded in a medium: it has the bytes that it was made with.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The medium: an image, or the device of a stick.
    #[arg(value_name = "MEDIUM")]
    pub medium: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let medium = Medium::open(&args.medium, Access::Write)?;
    medium.embed(&Embedded::default())?;
    out::note(&format!("nothing is embedded in {} any more", args.medium.display()));
    Ok(Exit::Done)
}
