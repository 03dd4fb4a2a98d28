//! `ciab testbed`: boxes on this machine, to try everything on before it is done to a real one.

mod console;
mod power;
mod show;
mod ssh;
mod up;

use std::path::PathBuf;

use super::place::{cache_base, state_base};
use crate::{
    failure::{Exit, Failure},
    testbed::machine::{Machine, Place},
};

/// Makes virtual machines to try things on, with the disks and the power cord of real ones.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Testbed {
    Up(up::Args),
    List(show::Args),
    Ssh(ssh::Args),
    Console(console::Args),
    Snapshot(power::SnapshotArgs),
    Off(power::OffArgs),
    Cut(power::CutArgs),
    Down(power::DownArgs),
}

impl Testbed {
    /// Whether one JSON document is wanted.
    pub fn json(&self) -> bool {
        match self {
            Self::Up(args) => args.json,
            Self::List(args) => args.json,
            Self::Ssh(_)
            | Self::Console(_)
            | Self::Snapshot(_)
            | Self::Off(_)
            | Self::Cut(_)
            | Self::Down(_) => false,
        }
    }

    pub fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Up(args) => up::run(args),
            Self::List(args) => show::run(args),
            Self::Ssh(args) => ssh::run(args),
            Self::Console(args) => console::run(args),
            Self::Snapshot(args) => power::snapshot(args),
            Self::Off(args) => power::off(args),
            Self::Cut(args) => power::cut(args),
            Self::Down(args) => power::down(args),
        }
    }
}

/// Where the machines are.
fn base() -> Result<PathBuf, Failure> {
    Ok(state_base()?.join("testbed"))
}

/// Where what is made once for all of them is.
fn cache() -> Result<PathBuf, Failure> {
    Ok(cache_base()?.join("testbed"))
}

/// A machine that is there, and its folder.
fn there(name: &str) -> Result<(Machine, Place), Failure> {
    let place = Place::of(&base()?, name)?;
    Ok((place.machine()?, place))
}
