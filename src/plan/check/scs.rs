//! Whether the names of the flavors that every SCS cloud has would be true of this box.

use super::{Applies, Case, Check, cpu, verdict::Verdict};
use crate::{facts::machine::Hypervisor, plan::fit};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "scs.flavor.cpu", applies: Applies::Always, judge: cpu },
    Check { id: "scs.flavor.memory", applies: Applies::Always, judge: memory },
    Check { id: "scs.flavor.disk", applies: Applies::Always, judge: disk },
];

/// What every check here says of a box without servers.
fn asked(case: &Case<'_>) -> Result<(), Vec<Verdict>> {
    match case.profile.cloud {
        Some(_) => Ok(()),
        None => Err(vec![Verdict::pass("this profile offers no servers")]),
    }
}

/// A name without `i` promises that no guest reads another's memory.
fn cpu(case: &Case<'_>) -> Vec<Verdict> {
    if let Err(idle) = asked(case) {
        return idle;
    }
    let Some(text) = case.facts.observed.cpu.vulnerabilities.get("l1tf") else {
        return vec![Verdict::unknown(case.facts, "observed.cpu.vulnerabilities")];
    };
    let verdict = match cpu::leaks(text) {
        Some(_) => Verdict::warn("names without `i` promise that guests are kept apart"),
        None => Verdict::pass("guests are kept apart, as names without `i` promise"),
    };
    vec![verdict.measured(text)]
}

/// A name without `u` promises memory with ECC.
fn memory(case: &Case<'_>) -> Vec<Verdict> {
    if let Err(idle) = asked(case) {
        return idle;
    }
    let bare = matches!(case.facts.identity.hypervisor, None | Some(Hypervisor::None));
    let verdict = match case.facts.identity.memory.ecc {
        Some(true) => Verdict::pass("errors are corrected, as names without `u` promise").measured("ECC"),
        _ if !bare => Verdict::skipped("a virtual machine does not see its host's memory"),
        Some(false) => Verdict::warn("names without `u` promise memory with ECC").measured("no ECC"),
        None => Verdict::unknown(case.facts, "identity.memory.ecc"),
    };
    vec![verdict]
}

/// A name with `s` promises an SSD.
fn disk(case: &Case<'_>) -> Vec<Verdict> {
    if let Err(idle) = asked(case) {
        return idle;
    }
    let Ok(plan) = case.plan else {
        return vec![Verdict::skipped("no plan is possible, so no disk is chosen")];
    };
    let kept = plan.cloud.as_ref().map(|cloud| fit::rotating(case.facts, cloud)).unwrap_or_default();
    if kept.is_empty() {
        return vec![Verdict::pass("no disk that servers are kept on is known to rotate")];
    }
    kept.into_iter()
        .map(|disk| Verdict::warn("names with `s` promise an SSD, and it rotates").about(disk))
        .collect()
}
