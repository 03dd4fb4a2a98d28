//! What an earlier run may have left without its record.

use super::{Applies, Case, Check, verdict::Verdict};

pub(super) const CHECKS: &[Check] =
    &[Check { id: "ciab.leftover", applies: Applies::First, judge: leftover }];

/// The GPT name of a disk whose installation was begun (protocol: "On the medium").
const INSTALLING: &str = "ciab-installing";

fn leftover(case: &Case<'_>) -> Vec<Verdict> {
    let seen = &case.facts.observed;
    // Every system has at least the loopback interface.
    if seen.links.is_empty() {
        return vec![Verdict::unknown(case.facts, "observed.links")];
    }
    let links = seen.links.iter().filter(|link| link.name.starts_with("ciab")).map(|link| link.name.clone());
    let halves = seen
        .disks
        .iter()
        .filter(|disk| disk.partitions.iter().any(|p| p.label.as_deref() == Some(INSTALLING)))
        .map(|disk| format!("a half-made installation on {}", disk.disk));
    let found: Vec<String> = links.chain(halves).collect();
    vec![match found.is_empty() {
        true => Verdict::pass("none"),
        false => Verdict::warn("an earlier run was here, and its record is not").measured(found.join(", ")),
    }]
}
