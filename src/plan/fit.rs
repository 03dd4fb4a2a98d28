//! What the services take of the box, what is left, and which of the mandatory SCS flavors would run on that.

use serde::{Deserialize, Serialize};

use super::{
    Bound, Cloud,
    gain::{self, Gain},
};
use crate::{
    boxfile::cloud::Backend,
    facts::{Facts, machine::Hypervisor},
    profile::{self, Service},
    scs::FlavorName,
    units::Bytes,
};

/// Memory, processors and disk, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// `None` where the box does not tell.
    pub memory: Option<Take<Bytes>>,
    /// Thousandths of a logical processor; with a cloud, what servers do not get of them.
    pub millicores: Option<Take<u64>>,
    /// Virtual processors that servers may have for each thread that is left.
    pub cpu_ratio: u64,
    /// Of the root file system, as it was when the first run began.
    pub disk: Option<Take<Bytes>>,
    /// One for each mandatory SCS flavor, in the standard's order; empty where memory or processors are unknown.
    pub flavors: Vec<Fits>,
    /// What would not be true of servers on this box, although the flavors' names promise it.
    pub untrue: Vec<String>,
    /// What may be switched off, the largest gain first.
    pub gains: Vec<Gain>,
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

/// Virtual processors for each hardware thread: the most that SCS-0100-v3 allows for a `V`.
const PER_THREAD: u64 = 3;

/// A thread in thousandths.
const THREAD: u64 = 1000;

pub(super) fn make(facts: &Facts, services: &[Service], bound: &Bound, cloud: Option<&Cloud>) -> Fit {
    let sum = |of: fn(&Service) -> u64| services.iter().map(of).sum::<u64>();
    let sizing = cloud.map(|cloud| &cloud.sizing);
    let bytes = |has: Option<Bytes>, taken: u64| {
        has.map(|has| Take { has, taken: Bytes(taken), left: Bytes(has.0.saturating_sub(taken)) })
    };
    let threads = facts.identity.cpu.threads.or(bound.threads).map(u64::from);
    let busy = sizing.map_or_else(|| sum(|s| s.millicores.into()), |s| u64::from(s.reserved_cpus) * THREAD);
    let millicores =
        threads.map(|n| Take { has: n * THREAD, taken: busy, left: (n * THREAD).saturating_sub(busy) });
    let resident =
        sizing.map_or_else(|| sum(|s| s.memory.0), |s| s.memory.iter().map(|part| part.memory.0).sum());
    let memory = bytes(facts.identity.memory.size.or(bound.memory), resident);
    let kept = sizing.map_or(0, |sizing| sizing.logs.0 + sizing.image_cache.0);
    let disk = bytes(bound.file_systems.get("/").and_then(|fs| fs.available), sum(|s| s.disk.0) + kept);
    let cpu_ratio = sizing.map_or(PER_THREAD, |sizing| sizing.cpu_ratio.into());
    let flavors = match (&memory, &millicores) {
        (Some(memory), Some(cpu)) => flavors(memory.left, cpu, cpu_ratio, root_disks(cloud, disk.as_ref())),
        _ => Vec::new(),
    };
    Fit {
        memory,
        millicores,
        cpu_ratio,
        disk,
        flavors,
        untrue: cloud.map(|cloud| untrue(facts, cloud)).unwrap_or_default(),
        gains: cloud.map(gain::gains).unwrap_or_default(),
    }
}

/// The room for disks that come with a flavor: Ceph's where there is Ceph, else the box's own.
fn root_disks(cloud: Option<&Cloud>, own: Option<&Take<Bytes>>) -> Bytes {
    let ceph = cloud.filter(|cloud| cloud.storage.backend == Backend::Ceph);
    match ceph {
        Some(cloud) => cloud.storage.holds.unwrap_or_default(),
        None => own.map_or(Bytes(0), |disk| disk.left),
    }
}

/// SCS-0100-v3: a name without `u` promises memory with ECC, `s` promises a disk that does not rotate.
fn untrue(facts: &Facts, cloud: &Cloud) -> Vec<String> {
    let mut untrue = Vec::new();
    // A virtual machine does not see its host's memory.
    let bare = matches!(facts.identity.hypervisor, Some(Hypervisor::None));
    if bare && facts.identity.memory.ecc == Some(false) {
        untrue.push("memory with ECC, as no name ends in `u`".to_owned());
    }
    if !rotating(facts, cloud).is_empty() {
        untrue.push("an SSD in names with `s`, as a disk of Ceph rotates".to_owned());
    }
    untrue
}

/// The disks of Ceph, by their names, that are known to rotate.
pub(super) fn rotating(facts: &Facts, cloud: &Cloud) -> Vec<String> {
    let devices = cloud.storage.ceph.iter().flat_map(|ceph| &ceph.devices);
    let ids = devices.map(|path| path.rsplit('/').next().unwrap_or(path));
    let rotates =
        |id: &str| facts.identity.disks.iter().any(|disk| disk.id == id && disk.rotational == Some(true));
    ids.filter(|id| rotates(id)).map(str::to_owned).collect()
}

fn flavors(memory: Bytes, cpu: &Take<u64>, ratio: u64, disk: Bytes) -> Vec<Fits> {
    let times = |vcpus: u64, ram: Bytes, local: Bytes| {
        // Placement never gives one machine more processors than the box has threads.
        if vcpus * THREAD > cpu.has {
            return 0;
        }
        let by_disk = disk.0.checked_div(local.0).unwrap_or(u64::MAX);
        (memory.0 / ram.0).min(cpu.left * ratio / (vcpus * THREAD)).min(by_disk)
    };
    let fits = |name: &FlavorName| Fits {
        flavor: name.to_string(),
        times: times(name.cpus.into(), Bytes::mib(name.mebibytes()), Bytes(name.gigabytes() * 1_000_000_000)),
    };
    profile::flavors().mandatory.iter().map(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_resource_decides() {
        let cpu = Take { has: 4000, taken: 0, left: 4000 };
        let fits = flavors(Bytes::gib(24), &cpu, PER_THREAD, Bytes::gib(50));
        let times = |name: &str| fits.iter().find(|f| f.flavor == name).unwrap().times;
        assert_eq!(times("SCS-1V-4"), 6, "memory");
        assert_eq!(times("SCS-1L-1"), 12, "processors");
        assert_eq!(times("SCS-2V-4-20s"), 2, "disk");
        assert_eq!(times("SCS-8V-16"), 0, "more processors than there are");
    }
}
