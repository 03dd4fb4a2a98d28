//! `ciab testbed off|cut|down|snapshot`: the button, the cord, the bin, and states to go back to.

use std::time::Duration;

use super::there;
use crate::{
    failure::{Exit, Failure},
    testbed::power,
};

/// Presses the machine's button and waits until its system has switched it off.
#[derive(clap::Args, Clone, Debug)]
pub struct OffArgs {
    /// The machine's name.
    pub name: String,
    /// Seconds that it may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait: u64,
}

pub(super) fn off(args: &OffArgs) -> Result<Exit, Failure> {
    let (machine, place) = there(&args.name)?;
    power::off(&machine, &place, Duration::from_secs(args.wait))?;
    Ok(Exit::Done)
}

/// Pulls the power cord: what the machine has written and not flushed is lost. `up` switches it on again.
#[derive(clap::Args, Clone, Debug)]
pub struct CutArgs {
    /// The machine's name.
    pub name: String,
}

pub(super) fn cut(args: &CutArgs) -> Result<Exit, Failure> {
    let (machine, place) = there(&args.name)?;
    power::cut(&machine, &place)?;
    Ok(Exit::Done)
}

/// Takes machines away: what runs of them, their disks and their keys.
#[derive(clap::Args, Clone, Debug)]
pub struct DownArgs {
    /// The machines' names.
    #[arg(required = true)]
    pub names: Vec<String>,
}

pub(super) fn down(args: &DownArgs) -> Result<Exit, Failure> {
    // All have to be there before the first one goes.
    let places = args.names.iter().map(|name| there(name)).collect::<Result<Vec<_>, _>>()?;
    for (_, place) in places {
        power::end(&place)?;
        place.remove()?;
    }
    Ok(Exit::Done)
}

/// Keeps the state of a machine, memory and disks, under a name; or goes back to one.
#[derive(clap::Args, Clone, Debug)]
pub struct SnapshotArgs {
    /// The machine's name.
    pub name: String,
    /// The state's name.
    #[arg(value_parser = state)]
    pub state: String,
    /// Go back to that state; the machine is switched on where it is off.
    #[arg(long)]
    pub back: bool,
}

/// A word that QEMU's monitor takes for one.
fn state(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    // It takes a number for one that it gave itself.
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(good) && text.len() <= 64 {
        return Ok(text.to_owned());
    }
    Err("a state's name begins with a letter and has letters, digits, `-` and `_`".to_owned())
}

pub(super) fn snapshot(args: &SnapshotArgs) -> Result<Exit, Failure> {
    let (machine, place) = there(&args.name)?;
    match args.back {
        true => power::back(&machine, &place, &args.state)?,
        false => power::save(&machine, &place, &args.state)?,
    }
    Ok(Exit::Done)
}
