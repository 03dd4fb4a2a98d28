//! `ciab status`: where a run stands, seen from any terminal.

use serde_json::json;

use super::look::{Look, ask, odd};
use crate::{
    agent::wire::{Reply, Request, Standing, State, Status},
    boxfile::args::BoxArgs,
    failure::{Exit, Failure},
    report::{self, out},
    step::Answer,
};

/// Shows where the run on the box stands: what is done, what runs, who holds the lock.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub file: BoxArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let wanted = args.file.load()?;
    let look = Look::at(&wanted.boxfile).await?;
    let status = status(&look).await?;
    if args.json {
        let document = json!({
            "schema": "ciab/status/v1",
            "name": look.hello.name,
            "box_id": status.box_id,
            "run": status.run,
            "holder": status.holder,
            "steps": status.standings,
        });
        out::json(&document)?;
        return Ok(Exit::Done);
    }
    let title = |standing: &Standing| {
        let step = status.graph.as_ref().and_then(|graph| graph.get(standing.step.as_str()));
        step.map_or_else(String::new, |step| step.title.clone())
    };
    let rows = status.standings.iter().map(|standing| report::Row {
        step: standing.step.to_string(),
        title: title(standing),
        state: word(standing),
        attempt: standing.attempt,
    });
    let last = events(&look, status.last_event.saturating_sub(LAST_EVENTS)).await?;
    let page = report::Status {
        name: look.hello.name.clone().unwrap_or_else(|| look.hello.hostname.clone()),
        run: status.run,
        holder: status.holder.clone(),
        rows: rows.collect(),
        events: last.iter().filter_map(|line| report::event(line)).collect(),
    };
    out::page(&report::status_page(&page))?;
    Ok(Exit::Done)
}

/// Events shown below the steps.
const LAST_EVENTS: u64 = 5;

/// Asks where the run stands.
pub async fn status(look: &Look) -> Result<Status, Failure> {
    match ask(&look.client, Request::Status).await? {
        Reply::Status(status) => Ok(*status),
        _ => Err(odd()),
    }
}

/// Events of the record after a number, as they were said.
pub async fn events(look: &Look, after: u64) -> Result<Vec<String>, Failure> {
    match ask(&look.client, Request::Events { after }).await? {
        Reply::Events(lines) => Ok(lines),
        _ => Err(odd()),
    }
}

/// A step's state in a word or two.
pub(super) fn word(standing: &Standing) -> String {
    match (&standing.state, &standing.answer) {
        (State::Waiting, _) => "waiting".into(),
        (State::Prepared, _) => "prepared".into(),
        (State::Active, _) => "running".into(),
        (State::InDoubt { why }, _) => format!("in doubt: {why}"),
        (State::Failed { exit }, _) => format!("failed: {exit}"),
        (State::Ended, _) => "ended".into(),
        (State::Done, _) if !standing.same_inputs => "done, with other inputs".into(),
        (State::Done, Answer::Holds) => "done".into(),
        (State::Done, Answer::Missing(why)) => format!("drifted: {why}"),
        (State::Done, Answer::CannotTell(why)) => format!("done, unclear now: {why}"),
    }
}
