//! Runs every check over one box.

use super::{Applies, Finding, Status, catalogue, verdict::Verdict};
use crate::{
    boxfile::{BoxFile, names::CheckId},
    facts::Facts,
    plan::{Bound, Plan, PlanError},
    profile::{Profile, hints},
};

/// Everything that is judged.
pub struct Case<'a> {
    pub facts: &'a Facts,
    pub wanted: &'a BoxFile,
    pub profile: &'a Profile,
    pub plan: Result<&'a Plan, &'a [PlanError]>,
    /// What an earlier run on this box has bound; with it this is a later run.
    pub bound: Option<&'a Bound>,
}

/// What came out.
pub type Judged = Vec<Finding>;

impl Case<'_> {
    /// Whether an interface is our own work, or Docker's.
    pub(super) fn is_ours(&self, interface: &str) -> bool {
        let internal = self.plan.is_ok_and(|plan| plan.network.internal.interface == interface);
        is_dockers(interface) || (self.bound.is_some() && internal)
    }
}

/// Whether Docker made an interface, by the names it gives.
pub(super) fn is_dockers(interface: &str) -> bool {
    interface == "docker0" || interface.starts_with("br-") || interface.starts_with("veth")
}

/// What helps against any finding of this id.
fn mend(id: &str) -> Option<String> {
    hints().get(id).map(|hint| hint.mend.clone())
}

/// Every finding, in the catalogue's order; those in `ignore` or in `checks.ignore` stop nothing.
pub fn judge(case: &Case<'_>, ignore: &[CheckId]) -> Judged {
    let mut findings = Vec::new();
    for check in catalogue() {
        let verdicts = if check.applies == Applies::First && case.bound.is_some() {
            vec![Verdict::skipped("looked at before the first run only; now it would see our own work")]
        } else {
            (check.judge)(case)
        };
        let ignored = ignore.iter().chain(&case.wanted.checks.ignore).any(|id| id.as_str() == check.id);
        findings.extend(verdicts.into_iter().map(|verdict| Finding {
            id: check.id.to_owned(),
            category: check.category().to_owned(),
            subject: verdict.subject,
            status: match verdict.status {
                Status::Fail | Status::Warn if ignored => Status::Ignored,
                status => status,
            },
            needs: verdict.needs,
            measured: verdict.measured,
            message: verdict.message,
            hint: match verdict.status {
                Status::Fail | Status::Warn => verdict.hint.or_else(|| mend(check.id)),
                Status::Pass | Status::Skipped | Status::Ignored => verdict.hint,
            },
        }));
    }
    findings
}
