//! `ciab logs`: what a run said, or what one of its steps wrote; `-f` goes on with it.

use std::{path::PathBuf, time::Duration};

use tokio::time::sleep;

use super::{
    look::{Look, ask, odd},
    status,
};
use crate::{
    agent::wire::{Reply, Request, State},
    boxfile::args::BoxArgs,
    failure::{Exit, Failure},
    report::{self, out},
    step::StepId,
};

/// How often a run is asked for news.
const NEWS: Duration = Duration::from_millis(500);

/// Shows what the run on the box said, or what one of its steps wrote.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// A step; the whole run when left out.
    #[arg(value_name = "STEP")]
    pub step: Option<StepId>,
    /// Go on until the run or the step has ended.
    #[arg(short, long)]
    pub follow: bool,
    /// The box file; ./box.yaml when left out.
    #[arg(long = "box", value_name = "BOX")]
    pub file: Option<PathBuf>,
    /// A value that replaces the one in the box file, such as access.target=root@192.0.2.7.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print the events, one JSON object a line.
    #[arg(long, conflicts_with = "step")]
    pub json: bool,
}

pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let file = BoxArgs { file: args.file.clone(), set: args.set.clone() };
    let wanted = file.load()?;
    let look = Look::at(&wanted.boxfile).await?;
    match &args.step {
        Some(step) => of_step(&look, step, args.follow).await,
        None => of_run(&look, args).await,
    }
}

async fn of_step(look: &Look, step: &StepId, follow: bool) -> Result<Exit, Failure> {
    let status = status::status(look).await?;
    let Some(standing) = status.standings.iter().find(|standing| standing.step == *step) else {
        let known: Vec<String> = status.standings.iter().map(|standing| standing.step.to_string()).collect();
        return Err(Failure::new(Exit::Usage, format!("the run has no step `{step}`"))
            .hint(format!("its steps are: {}", known.join(", "))));
    };
    if standing.attempt == 0 {
        return Err(Failure::new(Exit::Usage, format!("step `{step}` has not begun yet")));
    }
    let mut from = 0;
    loop {
        let question = Request::Follow { step: step.clone(), attempt: standing.attempt, from };
        let Reply::Output(output) = ask(&look.client, question).await? else { return Err(odd()) };
        if !output.text.is_empty() && out::part(&output.text)? == out::Reader::Gone {
            return Ok(Exit::Done);
        }
        let grown = output.next > from;
        from = output.next;
        if output.state != State::Active || (!follow && !grown) {
            return Ok(Exit::Done);
        }
    }
}

async fn of_run(look: &Look, args: &Args) -> Result<Exit, Failure> {
    let mut after = 0;
    loop {
        // First whether somebody is at work, then the events: what is said in between is not missed.
        let Reply::Holder(holder) = ask(&look.client, Request::Holder).await? else { return Err(odd()) };
        let lines = status::events(look, after).await?;
        for line in &lines {
            after = after.max(report::event(line).map_or(0, |event| event.seq));
        }
        let text = if args.json {
            lines.iter().map(|line| format!("{line}\n")).collect()
        } else {
            report::history(&lines)
        };
        if !text.is_empty() && out::part(&text)? == out::Reader::Gone {
            return Ok(Exit::Done);
        }
        if !args.follow || (holder.is_none() && lines.is_empty()) {
            return Ok(Exit::Done);
        }
        sleep(NEWS).await;
    }
}
