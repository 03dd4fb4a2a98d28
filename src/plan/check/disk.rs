//! Disks that the profile takes.

use super::{
    Applies, Case, Check,
    verdict::{Verdict, at_least},
};
use crate::plan::wipe;

pub(super) const CHECKS: &[Check] = &[
    Check { id: "disk.size", applies: Applies::Always, judge: size },
    Check { id: "disk.fsync-p99", applies: Applies::First, judge: super::reach::fsync },
    Check { id: "disk.leftover", applies: Applies::First, judge: leftover },
];

const NONE: &str = "this profile takes no disk";
const NO_PLAN: &str = "no plan is possible, so no disk is chosen";

fn size(case: &Case<'_>) -> Vec<Verdict> {
    let needs = &case.profile.needs.disks;
    if needs.is_empty() {
        return vec![Verdict::skipped(NONE)];
    }
    let Ok(plan) = case.plan else {
        return vec![Verdict::skipped(NO_PLAN)];
    };
    let mut verdicts = Vec::new();
    for (role, need) in needs {
        for disk in plan.disks.get(role).into_iter().flatten() {
            verdicts
                .push(at_least(disk.size, &need.size, |n| n.human()).about(format!("{role} ({})", disk.id)));
        }
    }
    verdicts
}

fn leftover(case: &Case<'_>) -> Vec<Verdict> {
    if case.profile.needs.disks.is_empty() {
        return vec![Verdict::skipped(NONE)];
    }
    let Ok(plan) = case.plan else {
        return vec![Verdict::skipped(NO_PLAN)];
    };
    wipe::report(case.facts, plan)
        .iter()
        .map(|disk| {
            let verdict = match disk.lost.as_slice() {
                [] => Verdict::pass("empty"),
                lost => Verdict::warn("will be lost").measured(lost.join(", ")),
            };
            verdict.about(format!("{} ({})", disk.role, disk.id))
        })
        .collect()
}
