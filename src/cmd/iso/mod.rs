//! `ciab iso`: the install medium.

mod build;
mod embed;
mod inspect;
mod reset;

use crate::failure::{Exit, Failure};

/// Makes the install medium, and writes a box file into it without unpacking it.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Iso {
    Build(build::Args),
    Embed(embed::Args),
    Inspect(inspect::Args),
    Reset(reset::Args),
}

impl Iso {
    /// Whether one JSON document is wanted.
    pub fn json(&self) -> bool {
        match self {
            Self::Build(args) => args.json,
            Self::Inspect(args) => args.json,
            Self::Embed(_) | Self::Reset(_) => false,
        }
    }

    pub fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Build(args) => build::run(args),
            Self::Embed(args) => embed::run(args),
            Self::Inspect(args) => inspect::run(args),
            Self::Reset(args) => reset::run(args),
        }
    }
}
