//! `ciab cancel`: asks a run that goes on elsewhere to begin nothing new, or to stop.

use super::{
    look::{Look, ask},
    status,
};
use crate::{
    agent::wire::{Request, State},
    boxfile::args::BoxArgs,
    failure::{Exit, Failure},
    report::out,
};

/// Asks the run on the box to begin nothing new.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub file: BoxArgs,
    /// Stop what runs as well.
    #[arg(long)]
    pub now: bool,
}

pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let wanted = args.file.load()?;
    let look = Look::at(&wanted.boxfile).await?;
    let there = status::status(&look).await?;
    if there.holder.is_none() && !there.standings.iter().any(|standing| standing.state == State::Active) {
        out::note("nothing is running on this box: there is nothing to cancel");
        return Ok(Exit::Done);
    }
    ask(&look.client, Request::Cancel { now: args.now }).await?;
    out::note(if args.now {
        "what ran was stopped, and nothing new is begun; `ciab deploy` goes on from there"
    } else {
        "nothing new is begun; what runs comes to its end; `ciab deploy` goes on from there"
    });
    Ok(Exit::Done)
}
