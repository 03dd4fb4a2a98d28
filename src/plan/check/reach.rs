//! What was tried: names, time servers, registries, addresses in use, a disk's speed.

use std::net::IpAddr;

use super::{Applies, Case, Check, verdict::Verdict};

pub(super) const CHECKS: &[Check] =
    &[Check { id: "registry.reach", applies: Applies::Always, judge: registry }];

const UNTRIED: &str = "not tried";

fn registry(_case: &Case<'_>) -> Vec<Verdict> {
    vec![Verdict::skipped("this profile takes no images")]
}

pub(super) fn dns(_case: &Case<'_>) -> Vec<Verdict> {
    vec![Verdict::skipped(UNTRIED)]
}

pub(super) fn ntp(_case: &Case<'_>) -> Vec<Verdict> {
    vec![Verdict::skipped(UNTRIED)]
}

pub(super) fn clock_offset(_case: &Case<'_>) -> Vec<Verdict> {
    vec![Verdict::skipped(UNTRIED)]
}

pub(super) fn fsync(_case: &Case<'_>) -> Vec<Verdict> {
    vec![Verdict::skipped(UNTRIED)]
}

pub(super) fn address_free(_case: &Case<'_>, _address: IpAddr) -> Verdict {
    Verdict::skipped(UNTRIED)
}
