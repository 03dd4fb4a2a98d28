//! Preflight: judges facts, measures and plan against what the profile needs, all at once.
//!
//! One file a category; each holds a table of [`Check`]s. Nothing is measured here (`measure/`), and what is not
//! known is `skipped` with the reason, never a pass; what the profile needs nothing of passes, and says so. A check
//! fails only where deploying this profile would break or harm.

mod access;
mod clock;
mod cpu;
mod disk;
mod firmware;
mod judge;
mod leftover;
mod memory;
mod net;
mod os;
mod overlap;
mod page;
mod reach;
mod scs;
mod verdict;

use serde::{Deserialize, Serialize};

use self::verdict::Verdict;
pub use self::{
    judge::{Case, Judged, judge},
    page::page,
};

/// The version of the document.
pub const SCHEMA: &str = "ciab/check/v1";

/// Something that is looked at; what it means and what helps stand under its id in `profiles/hints.yaml`.
pub struct Check {
    /// Stable; what `--ignore` and `checks.ignore` name.
    pub id: &'static str,
    pub applies: Applies,
    judge: fn(&Case<'_>) -> Vec<Verdict>,
}

impl Check {
    /// The part of the id before its dot.
    pub fn category(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(category, _)| category)
    }
}

/// In which runs a check has something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applies {
    /// Only before this box was ever touched: later it would see our own work.
    First,
    Always,
}

/// Every check, in the order in which findings are shown.
pub fn catalogue() -> impl Iterator<Item = &'static Check> {
    [
        cpu::CHECKS,
        memory::CHECKS,
        disk::CHECKS,
        firmware::CHECKS,
        net::CHECKS,
        clock::CHECKS,
        reach::CHECKS,
        access::CHECKS,
        os::CHECKS,
        leftover::CHECKS,
        scs::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// The check of this id.
pub fn find(id: &str) -> Option<&'static Check> {
    catalogue().find(|check| check.id == id)
}

/// What one check says about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub id: String,
    pub category: String,
    /// Which of several: a role, a folder, a module.
    pub subject: Option<String>,
    pub status: Status,
    /// What the profile needs, where it needs something.
    pub needs: Option<String>,
    /// What was found, where something was.
    pub measured: Option<String>,
    /// What that means: a lower-case fragment.
    pub message: String,
    /// What helps: a whole sentence; with a warning or failure.
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    /// Not known, or not to be judged; the message says why.
    Skipped,
    /// Failed or warned, and the operator said not to mind.
    Ignored,
    Warn,
    Fail,
}

/// What `check --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub schema: String,
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { schema: SCHEMA.to_owned(), findings }
    }

    /// Whether anything stands against a deployment.
    pub fn fails(&self) -> bool {
        self.failing().next().is_some()
    }

    /// What stands against a deployment.
    pub fn failing(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.status == Status::Fail)
    }
}
