//! How processors are shared between services and servers.

use super::Has;
use crate::profile::{ProcessorRules, WorkerRules};

/// Processes of each API, as far as threads decide; memory may allow fewer.
pub(super) fn workers(rules: &WorkerRules, has: &Has<'_>) -> u32 {
    (has.threads / rules.each.max(1)).clamp(rules.least, rules.most)
}

/// Threads that servers do not get; never more than half of them.
pub(super) fn reserved(rules: &ProcessorRules, has: &Has<'_>, say: &mut impl FnMut(&str, String)) -> u32 {
    let services = (has.threads / rules.reserved_each.max(1)).clamp(1, rules.reserved_most.max(1));
    let disks = has.osds.div_ceil(rules.disks_each.max(1));
    let mut reason = format!("one for each {} threads, 1 to {}", rules.reserved_each, rules.reserved_most);
    if disks > 0 {
        reason += &format!(", and one for each {} disks of Ceph", rules.disks_each);
    }
    let half = has.threads / 2;
    if services + disks > half {
        reason += "; at most half of all threads";
    }
    say("reserved_cpus", reason);
    (services + disks).min(half)
}

/// Virtual processors for each thread: the most that a `V` in a flavor's name allows.
pub(super) fn ratio(rules: &ProcessorRules, has: &Has<'_>, say: &mut impl FnMut(&str, String)) -> u32 {
    let (ratio, reason) = match has.whole_cores {
        true => (rules.per_core, "the most that SCS-0100-v3 allows for a `V` on a core without threads"),
        false => (rules.per_thread, "the most that SCS-0100-v3 allows for a `V` on a thread"),
    };
    say("cpu_ratio", reason.to_owned());
    ratio
}
