//! What the services take of the box, what is left, and which of the mandatory SCS flavors would run on that.

use serde::{Deserialize, Serialize};

use super::{
    Bound,
    flavor::{MANDATORY, PER_THREAD},
};
use crate::{facts::Facts, profile::Service, units::Bytes};

/// Memory, processors and disk, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// `None` where the box does not tell.
    pub memory: Option<Take<Bytes>>,
    /// Thousandths of a logical processor.
    pub millicores: Option<Take<u64>>,
    /// Of the root file system, as it was when the first run began.
    pub disk: Option<Take<Bytes>>,
    /// One for each mandatory SCS flavor, in the standard's order; empty where memory or processors are unknown.
    pub flavors: Vec<Fits>,
}

/// What there is of something, what the services take, what is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take<T> {
    pub has: T,
    pub taken: T,
    pub left: T,
}

/// How many machines of one flavor would run on what is left, if there were no others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fits {
    pub flavor: String,
    pub times: u64,
}

/// A thread in thousandths.
const THREAD: u64 = 1000;

pub(super) fn make(facts: &Facts, services: &[Service], bound: &Bound) -> Fit {
    let sum = |of: fn(&Service) -> u64| services.iter().map(of).sum::<u64>();
    let bytes = |has: Option<Bytes>, taken: u64| {
        has.map(|has| Take { has, taken: Bytes(taken), left: Bytes(has.0.saturating_sub(taken)) })
    };
    let threads = facts.identity.cpu.threads.or(bound.threads).map(u64::from);
    let busy = sum(|s| s.millicores.into());
    let millicores =
        threads.map(|n| Take { has: n * THREAD, taken: busy, left: (n * THREAD).saturating_sub(busy) });
    let memory = bytes(facts.identity.memory.size.or(bound.memory), sum(|s| s.memory.0));
    let disk = bytes(bound.file_systems.get("/").and_then(|fs| fs.available), sum(|s| s.disk.0));
    let flavors = match (&memory, &millicores) {
        (Some(memory), Some(cpu)) => flavors(memory.left, cpu, disk.as_ref().map_or(Bytes(0), |d| d.left)),
        _ => Vec::new(),
    };
    Fit { memory, millicores, disk, flavors }
}

fn flavors(memory: Bytes, cpu: &Take<u64>, disk: Bytes) -> Vec<Fits> {
    let times = |vcpus: u64, ram: Bytes, local: Bytes| {
        // Placement never gives one machine more processors than the box has threads.
        if vcpus * THREAD > cpu.has {
            return 0;
        }
        let by_disk = disk.0.checked_div(local.0).unwrap_or(u64::MAX);
        (memory.0 / ram.0).min(cpu.left * PER_THREAD / (vcpus * THREAD)).min(by_disk)
    };
    MANDATORY
        .iter()
        .map(|f| Fits { flavor: f.name.to_owned(), times: times(f.vcpus, f.memory, f.disk) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_resource_decides() {
        let cpu = Take { has: 4000, taken: 0, left: 4000 };
        let fits = flavors(Bytes::gib(24), &cpu, Bytes::gib(50));
        let times = |name: &str| fits.iter().find(|f| f.flavor == name).unwrap().times;
        assert_eq!(times("SCS-1V-4"), 6, "memory");
        assert_eq!(times("SCS-1L-1"), 12, "processors");
        assert_eq!(times("SCS-2V-4-20s"), 2, "disk");
        assert_eq!(times("SCS-8V-16"), 0, "more processors than there are");
    }
}
