//! Disks that the profile takes.

use super::{
    Applies, Case, Check,
    verdict::{Verdict, at_least},
};
use crate::{
    boxfile::names::Role,
    plan::{cloud, text::plural, wipe},
};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "disk.size", applies: Applies::Always, judge: size },
    Check { id: "disk.fsync-p99", applies: Applies::First, judge: super::reach::fsync },
    Check { id: "disk.leftover", applies: Applies::First, judge: leftover },
    Check { id: "disk.copies", applies: Applies::Always, judge: copies },
];

const NONE: &str = "this profile takes no disk";
const NO_PLAN: &str = "no plan is possible, so no disk is chosen";

fn size(case: &Case<'_>) -> Vec<Verdict> {
    let taken = |role: &&Role| cloud::wants(role, case.wanted, case.profile);
    let needs = || case.profile.needs.disks.iter().filter(|(role, _)| taken(role));
    if needs().next().is_none() {
        return vec![Verdict::pass(NONE)];
    }
    let Ok(plan) = case.plan else {
        return vec![Verdict::skipped(NO_PLAN)];
    };
    let mut verdicts = Vec::new();
    for (role, need) in needs() {
        for disk in plan.disks.get(role).into_iter().flatten() {
            verdicts
                .push(at_least(disk.size, &need.size, |n| n.human()).about(format!("{role} ({})", disk.id)));
        }
    }
    verdicts
}

fn leftover(case: &Case<'_>) -> Vec<Verdict> {
    if !case.profile.needs.disks.keys().any(|role| cloud::wants(role, case.wanted, case.profile)) {
        return vec![Verdict::pass(NONE)];
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

/// Whether a disk may die.
fn copies(case: &Case<'_>) -> Vec<Verdict> {
    let Ok(plan) = case.plan else {
        return vec![Verdict::skipped(NO_PLAN)];
    };
    let storage = plan.cloud.as_ref().map(|cloud| &cloud.storage);
    let Some(ceph) = storage.and_then(|storage| storage.ceph.as_ref()) else {
        return vec![Verdict::pass("nothing is kept in Ceph")];
    };
    let disks = ceph.devices.len().max(1);
    let measured = plural(disks, "disk");
    let verdict = match ceph.replicated {
        true => Verdict::pass(format!("{} copies of everything, each on another disk", ceph.pool_size)),
        false => Verdict::warn("there is one copy of everything, which is lost with the disk"),
    };
    vec![verdict.measured(measured)]
}
