//! Runs every check over one box.

use super::{Applies, Finding, Status, catalogue, verdict::Verdict};
use crate::{
    boxfile::{BoxFile, names::CheckId},
    facts::Facts,
    measure::Measured,
    plan::{
        Bound, Network, Plan, PlanError, Why, network,
        seen::{is_dockers, is_ours},
    },
    profile::{Profile, hints},
};

/// Everything that is judged.
pub struct Case<'a> {
    pub facts: &'a Facts,
    /// What was tried on the box; `None` where nothing was.
    pub measured: Option<&'a Measured>,
    pub wanted: &'a BoxFile,
    pub profile: &'a Profile,
    pub plan: Result<&'a Plan, &'a [PlanError]>,
    /// What an earlier run on this box has bound; with it this is a later run.
    pub bound: Option<&'a Bound>,
}

/// What came out.
pub type Judged = Vec<Finding>;

impl Case<'_> {
    /// The networks of the plan; or of what would be planned if nothing else stood against it, so that all is said
    /// at once.
    pub(super) fn network(&self) -> Option<Network> {
        match (self.plan, self.bound) {
            (Ok(plan), _) => Some(plan.network.clone()),
            (Err(_), Some(bound)) => network::make(self.wanted, self.profile, bound, &mut Why::new()).ok(),
            (Err(_), None) => {
                let bound = Bound::first(self.facts, self.wanted, self.profile).ok()?;
                network::make(self.wanted, self.profile, &bound, &mut Why::new()).ok()
            }
        }
    }

    /// Whether an interface is our own work, or Docker's.
    pub(super) fn is_ours(&self, interface: &str) -> bool {
        is_dockers(interface) || (self.bound.is_some() && is_ours(interface))
    }
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
    findings.extend(impossible(case, &findings));
    findings
}

/// What stands against any plan, unless a finding says it already. It has no check and cannot be ignored: without
/// a plan there is nothing to do.
fn impossible(case: &Case<'_>, said: &[Finding]) -> Vec<Finding> {
    let errors = case.plan.err().unwrap_or_default();
    let unsaid = |e: &&PlanError| !said.iter().any(|f| f.id == e.key && f.status == Status::Fail);
    let finding = |error: &PlanError| Finding {
        id: "plan.possible".to_owned(),
        category: "plan".to_owned(),
        subject: Some(error.key.clone()),
        status: Status::Fail,
        needs: None,
        measured: None,
        message: error.message.clone(),
        hint: Some(error.hint.clone()),
    };
    errors.iter().filter(unsaid).map(finding).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{boxfile::ProfileName, plan::sample};

    fn wanted() -> BoxFile {
        let text = r#"{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn judged(facts: &Facts, ignore: &[&str]) -> Vec<Finding> {
        let (wanted, profile) = (wanted(), Profile::load(ProfileName::Base).unwrap());
        let plan = Plan::make(facts, &wanted, &profile, None);
        let plan = plan.as_ref().map_err(Vec::as_slice);
        let ignore: Vec<CheckId> = ignore.iter().map(|id| id.parse().unwrap()).collect();
        judge(&Case { facts, measured: None, wanted: &wanted, profile: &profile, plan, bound: None }, &ignore)
    }

    #[test]
    fn ids_are_unique_well_formed_and_explained() {
        let ids: Vec<&str> = catalogue().map(|check| check.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        for id in ids {
            assert!(id.parse::<CheckId>().is_ok(), "{id}");
            assert!(mend(id).is_some(), "{id} stands in profiles/hints.yaml");
        }
    }

    #[test]
    fn a_box_that_tells_nothing_passes_nothing() {
        // Of these the profile needs nothing, whatever the box is.
        let idle = [
            "disk.leftover",
            "disk.size",
            "net.management",
            "net.ports",
            "registry.reach",
            "scs.flavor.cpu",
            "scs.flavor.disk",
            "scs.flavor.memory",
        ];
        let findings = judged(&Facts::default(), &[]);
        for finding in findings.iter().filter(|finding| !idle.contains(&finding.id.as_str())) {
            assert_ne!(finding.status, Status::Pass, "{finding:?}");
        }
    }

    #[test]
    fn what_is_ignored_stops_nothing_but_no_plan_is_no_plan() {
        let status = |ignore: &[&str], id: &str| {
            judged(&sample::too_small(), ignore).into_iter().find(|f| f.id == id).map(|f| f.status)
        };
        assert_eq!(status(&[], "memory.size"), Some(Status::Fail));
        assert_eq!(status(&["memory.size"], "memory.size"), Some(Status::Ignored));
        assert_eq!(status(&[], "plan.possible"), None, "os.release says it");
        assert_eq!(status(&["os.release"], "plan.possible"), Some(Status::Fail));
    }
}
