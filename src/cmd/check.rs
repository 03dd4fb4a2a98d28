//! `ciab check`: judges the box before anything is changed.

use std::path::PathBuf;

use crate::{
    boxfile::{args::BoxArgs, names::CheckId},
    failure::{Exit, Failure},
    plan::check::{Case, Report, find, judge},
};

/// Judges the box before anything is changed.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub file: BoxArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// A check whose failure stops nothing; may be given more than once.
    #[arg(long, value_name = "ID", value_parser = known)]
    pub ignore: Vec<CheckId>,
    /// Judge the box in this recording of `ciab detect --record`.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Take what was measured from this file instead of measuring.
    #[arg(long, value_name = "FILE")]
    pub measures: Option<PathBuf>,
}

/// Reads an id that a check has; a misspelt one would ignore nothing and say nothing.
fn known(text: &str) -> Result<CheckId, String> {
    let id: CheckId = text.parse()?;
    match find(id.as_str()) {
        Some(_) => Ok(id),
        None => Err(format!("there is no check `{id}`; `ciab check` shows their ids")),
    }
}

/// Everything that was found.
pub fn report(case: &Case<'_>, ignore: &[CheckId]) -> Report {
    Report::new(judge(case, ignore))
}

/// The end of the command: a failure when anything stands against a deployment.
pub fn verdict(report: &Report) -> Result<Exit, Failure> {
    if !report.fails() {
        return Ok(Exit::Done);
    }
    let mut ids: Vec<&str> = report.failing().map(|finding| finding.id.as_str()).collect();
    ids.dedup();
    let first = ids.first().copied().unwrap_or_default();
    Err(Failure::new(Exit::Preflight, format!("preflight failed: {}", ids.join(", ")))
        .hint(format!("`ciab hint {first}` says what it means and what helps.")))
}
