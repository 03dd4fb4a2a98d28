//! Main memory.

use super::{
    Applies, Case, Check,
    verdict::{Verdict, at_least},
};
use crate::facts::machine::Hypervisor;

pub(super) const CHECKS: &[Check] = &[
    Check { id: "memory.size", applies: Applies::Always, judge: size },
    Check { id: "memory.ecc", applies: Applies::Always, judge: ecc },
];

fn size(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match case.facts.identity.memory.size {
        Some(size) => at_least(size, &case.profile.needs.memory, |n| n.human()),
        None => Verdict::unknown(case.facts, "identity.memory.size"),
    };
    vec![verdict]
}

fn ecc(case: &Case<'_>) -> Vec<Verdict> {
    let bare = matches!(case.facts.identity.hypervisor, None | Some(Hypervisor::None));
    let verdict = match case.facts.identity.memory.ecc {
        Some(true) => Verdict::pass("errors are corrected").measured("ECC"),
        _ if !bare => Verdict::skipped("a virtual machine does not see its host's memory"),
        Some(false) => Verdict::warn("errors go unnoticed").measured("no ECC"),
        None => Verdict::unknown(case.facts, "identity.memory.ecc"),
    };
    vec![verdict]
}
