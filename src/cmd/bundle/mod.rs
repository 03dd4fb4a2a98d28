//! `ciab bundle`: everything that a profile needs, in one folder, for a box that reaches nothing.

mod build;
mod carry;
mod import;
mod list;
mod serve;
mod verify;

pub(super) use self::import::{bring, checked};
use crate::failure::{Exit, Failure};

/// Builds, checks and hands out everything that a box without a network needs.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Bundle {
    Build(build::Args),
    Verify(verify::Args),
    List(list::Args),
    Serve(serve::Args),
    Import(import::Args),
}

impl Bundle {
    /// Whether one JSON document is wanted.
    pub fn json(&self) -> bool {
        match self {
            Self::Build(args) => args.json,
            Self::Verify(args) => args.json,
            Self::List(args) => args.json,
            Self::Serve(_) | Self::Import(_) => false,
        }
    }

    pub async fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Build(args) => build::run(args),
            Self::Verify(args) => verify::run(args),
            Self::List(args) => list::run(args),
            Self::Serve(args) => serve::run(args).await,
            Self::Import(args) => import::run(args).await,
        }
    }
}
