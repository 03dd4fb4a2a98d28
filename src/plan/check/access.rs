//! Logging in, now and later.

use super::{Applies, Case, Check, verdict::Verdict};
use crate::boxfile::access::Target;

pub(super) const CHECKS: &[Check] = &[
    Check { id: "access.host-key", applies: Applies::Always, judge: host_key },
    Check { id: "access.sudo", applies: Applies::Always, judge: sudo },
];

fn host_key(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match (&case.wanted.access.target, &case.wanted.access.host_key) {
        (Target::Local, _) => Verdict::skipped("the box is this machine"),
        (Target::Ssh(_), Some(key)) => Verdict::pass("pinned in the box file").measured(key.fingerprint()),
        (Target::Ssh(_), None) => {
            Verdict::skipped("not in the box file; the first contact shows it and asks, then it is pinned")
        }
    };
    vec![verdict]
}

fn sudo(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match case.facts.observed.privilege.uid {
        Some(0) => Verdict::pass("the facts were read as root").measured("uid 0"),
        Some(uid) => {
            Verdict::skipped("the facts were read without sudo; `deploy` tries it before anything else")
                .measured(format!("uid {uid}"))
        }
        None => Verdict::unknown(case.facts, "observed.privilege.uid"),
    };
    vec![verdict]
}
