//! `ciab iso embed`: writes a box file into a medium.

use std::path::PathBuf;

use crate::{
    boxfile::{args, layers::Layers, place::Layer},
    failure::{Exit, Failure},
    iso::{
        area::{Embedded, kernel_words},
        medium::{Access, Medium},
    },
    report::out,
};

/// Writes a box file, words for the kernel, or both, into a medium; what was embedded before is replaced.
///
/// Nothing is unpacked, and `ciab iso reset` takes it out to the last byte. No secret stands in a box file, and no
/// private key belongs on a medium: every box makes its own.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The medium: an image, or the device of a stick.
    #[arg(value_name = "MEDIUM")]
    pub medium: PathBuf,
    /// The box file.
    #[arg(value_name = "BOX", required_unless_present = "words")]
    pub file: Option<PathBuf>,
    /// Words for the kernel, such as `ciab.name=box1 console=ttyS1,115200`.
    #[arg(long, value_name = "WORDS")]
    pub words: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let words = kernel_words(args.words.as_deref().unwrap_or_default())?;
    let mut text = None;
    let mut layers = Layers::new();
    if let Some(path) = &args.file {
        let bytes = args::bytes(path)?;
        layers.document(Layer::Embedded, &path.display().to_string(), &bytes);
        text = Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    layers.cmdline(&words.join(" "));
    // The words alone are no whole box file; what is wrong with them is wrong all the same.
    let said = match (layers.wanted(), &text) {
        (Ok(wanted), Some(_)) => {
            format!("profile {}, {}", wanted.boxfile.profile, wanted.boxfile.fqdn())
        }
        (Err(findings), Some(_)) => return Err(findings.into()),
        (Err(findings), None) if findings.concern(Layer::Cmdline) => return Err(findings.into()),
        (_, None) => "words for the kernel alone".to_owned(),
    };
    let medium = Medium::open(&args.medium, Access::Write)?;
    medium.embed(&Embedded { boxfile: text, words })?;
    out::note(&format!("embedded in {}: {said}", args.medium.display()));
    Ok(Exit::Done)
}
