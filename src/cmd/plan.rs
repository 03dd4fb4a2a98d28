//! `ciab plan`: shows what would be done to the box, and changes nothing.

use std::path::PathBuf;

use serde::Serialize;

use crate::{
    boxfile::args::BoxArgs,
    facts::Facts,
    plan::{
        Plan, Row,
        wipe::{self, Wiped},
    },
};

/// Shows what would be done to the box, and changes nothing.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub file: BoxArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Plan for the box in this recording of `ciab detect --record`.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// The version of the document of `--json`.
pub const SCHEMA: &str = "ciab/plan-report/v1";

/// What `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub plan: Plan,
    pub wipe: Vec<Wiped>,
    pub steps: Vec<Row>,
}

impl Report {
    pub fn new(plan: Plan, facts: &Facts, steps: Vec<Row>) -> Self {
        Self { schema: SCHEMA, wipe: wipe::report(facts, &plan), plan, steps }
    }

    /// For a terminal of 80 columns.
    pub fn page(&self) -> String {
        crate::plan::page(&self.plan, &self.wipe, &self.steps)
    }
}
