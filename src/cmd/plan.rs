//! `ciab plan`: shows what would be done to the box, and changes nothing.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::look::{Measuring, Sight};
use crate::{
    boxfile::args::BoxArgs,
    facts::Facts,
    failure::{Exit, Failure},
    plan::{self, Plan, Row, page, wipe},
    report::out,
};

/// Shows what would be done to the box, and changes nothing.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    pub boxfile: BoxArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Plan for the box in this recording of `ciab detect --record`.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// The version of the document of `--json`.
pub const SCHEMA: &str = "ciab/plan-report/v1";

/// The answer in both forms.
#[derive(Clone, Debug)]
pub struct Planned {
    pub text: String,
    pub json: Value,
}

/// The plan with what it would wipe and the steps that would run.
pub fn show(plan: &Plan, facts: &Facts, steps: &[Row]) -> Planned {
    let wiped = wipe::report(facts, plan);
    Planned {
        text: page(plan, &wiped, steps),
        json: json!({ "schema": SCHEMA, "plan": plan, "wipe": wiped, "steps": steps }),
    }
}

/// Looks at the box, and prints what would be done.
pub async fn run(args: &PlanArgs) -> Result<Exit, Failure> {
    let sight = Sight::of(&args.boxfile, args.replay.as_deref(), Measuring::No).await?;
    let plan = sight.plan.as_ref().map_err(|errors| plan::refused(errors))?;
    let rows = sight.rows(plan).await?;
    let planned = show(plan, &sight.facts, &rows);
    if args.json { out::json(&planned.json) } else { out::page(&planned.text) }.map(|()| Exit::Done)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::facts::machines::{self, names, recording};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: PlanArgs,
    }

    #[test]
    fn a_recording_takes_the_place_of_the_box() {
        let args = Cli::try_parse_from(["plan", "my.yaml", "--replay", "nuc.json", "--json"]).unwrap().args;
        assert_eq!(args.replay, Some("nuc.json".into()));
        assert_eq!(args.boxfile.file, Some("my.yaml".into()));
        assert!(args.json);
    }

    /// Through the files and functions of `detect`, `check` and `plan --replay`.
    #[test]
    fn every_recorded_machine_is_planned_down_to_its_steps() {
        let folder = tempfile::tempdir().unwrap();
        let (file, facts) = (folder.path().join("box.yaml"), folder.path().join("facts.json"));
        std::fs::copy(machines::folder().join("plan-container/box.yaml"), &file).unwrap();
        let boxfile = BoxArgs { file: Some(file), set: Vec::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for name in names() {
            std::fs::write(&facts, recording(&name).to_json().unwrap()).unwrap();
            let sight = runtime.block_on(Sight::of(&boxfile, Some(&facts), Measuring::No)).unwrap();
            assert!(super::super::check::check(&sight.case(), &[]).text.contains("passed"), "{name}");
            let plan = sight.plan.as_ref().unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            let rows = runtime.block_on(sight.rows(plan)).unwrap();
            assert!(!rows.is_empty(), "{name}");
            let text = show(plan, &sight.facts, &rows).text;
            assert!(rows.iter().all(|row| text.contains(&row.id)), "{name}:\n{text}");
        }
    }
}
