//! `ciab check`: judges the box before anything is changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::look::{Measuring, Sight};
use crate::{
    boxfile::{args::BoxArgs, names::CheckId},
    failure::{Exit, Failure},
    measure::Measured,
    plan::check::{Case, Report, find, judge, page},
    report::out,
};

/// Judges the box before anything is changed.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    pub boxfile: BoxArgs,
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

/// What was found, in both forms; `exit` is `Done` where nothing stands against a deployment.
#[derive(Clone, Debug)]
pub struct Checked {
    pub exit: Exit,
    pub text: String,
    pub json: Value,
    pub report: Report,
}

/// Judges everything at once.
pub fn check(case: &Case<'_>, ignore: &[CheckId]) -> Checked {
    let report = Report::new(judge(case, ignore));
    Checked {
        exit: if report.fails() { Exit::Preflight } else { Exit::Done },
        text: page(&report.findings),
        json: json!(report),
        report,
    }
}

/// Looks at the box, measures, and prints every finding.
pub async fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let measuring = if args.measures.is_some() { Measuring::No } else { Measuring::Yes };
    let mut sight = Sight::of(&args.boxfile, args.replay.as_deref(), measuring).await?;
    if let Some(file) = &args.measures {
        sight.measured = Some(read_measures(file)?);
    }
    let checked = check(&sight.case(), &args.ignore);
    if args.json { out::json(&checked.json) } else { out::page(&checked.text) }?;
    super::certificates::operators(&sight.wanted.boxfile)?;
    Ok(checked.exit)
}

/// Reads what was measured from a file.
fn read_measures(file: &Path) -> Result<Measured, Failure> {
    let bytes = fs::read(file).map_err(|error| {
        Failure::new(Exit::Usage, format!("read the measures {}: {error}", file.display()))
    })?;
    Measured::parse(&bytes)
        .map_err(|failure| Failure { message: format!("{}: {}", file.display(), failure.message), ..failure })
}

/// Reads an id that a check has; a misspelt one would ignore nothing and say nothing.
pub(super) fn known(text: &str) -> Result<CheckId, String> {
    let id: CheckId = text.parse()?;
    match find(id.as_str()) {
        Some(_) => Ok(id),
        None => Err(format!("there is no check `{id}`; `ciab check` shows their ids")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: CheckArgs,
    }

    #[test]
    fn only_checks_can_be_ignored() {
        let args = |id: &str| Cli::try_parse_from(["check", "--ignore", id]);
        assert_eq!(args("memory.size").unwrap().args.ignore[0].as_str(), "memory.size");
        for id in ["memory.sise", "memory", "plan.possible", "apt.lock"] {
            assert!(args(id).is_err(), "{id}");
        }
    }
}
