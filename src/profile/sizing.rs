//! `profiles/sizing.yaml`: how large services are made, from what the box has.

use std::{collections::BTreeMap, sync::OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    boxfile::{document, names::ServiceName},
    units::Bytes,
};

const FILE: &str = "profiles/sizing.yaml";

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizingRules {
    pub workers: WorkerRules,
    pub memory: MemoryRules,
    pub processors: ProcessorRules,
    pub disk: DiskRules,
}

/// One `share`-th of something, but not less than `least` nor more than `most`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    pub share: u64,
    pub least: Bytes,
    pub most: Bytes,
    /// Where the numbers come from.
    pub source: String,
}

/// Processes that answer requests.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkerRules {
    /// One for each so many threads.
    pub each: u32,
    pub least: u32,
    pub most: u32,
    pub source: String,
    /// The most that answer messages instead of requests (`openstack_service_rpc_workers`).
    pub rpc_most: u32,
    /// What one more of each kind takes, by service.
    pub memory: BTreeMap<ServiceName, Bytes>,
    pub memory_source: String,
    /// Variables of the engines for processes that stay alone.
    pub single: Vec<WorkerVariable>,
    /// Variables of the engines that follow the count and would not by themselves.
    pub following: Vec<WorkerVariable>,
}

/// A variable of kolla-ansible that counts processes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkerVariable {
    pub service: ServiceName,
    pub variable: String,
}

/// Main memory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryRules {
    /// What no process ever sees.
    pub kernel: Plus,
    /// Services grow into one n-th of what their smallest sizes leave.
    pub growth_share: u64,
    /// MariaDB's `innodb_buffer_pool_size`.
    pub buffer_pool: Share,
    /// RabbitMQ's `vm_memory_high_watermark.absolute`.
    pub rabbitmq: Share,
    /// memcached's `-m`.
    pub memcached: Share,
    /// `osd_memory_target`: `share` is of all disks together, the bounds are of each.
    pub osd: Share,
    /// `opensearch_heap_size`.
    pub search_heap: Share,
    /// Left to the kernel for files, and to QEMU beside the servers' own memory.
    pub page_cache: Share,
}

/// One `share`-th of something and a fixed amount.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plus {
    pub share: u64,
    pub plus: Bytes,
    /// Where the numbers come from.
    pub source: String,
}

/// Processors.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessorRules {
    /// One thread is kept from servers for each so many, one at least.
    pub reserved_each: u32,
    pub reserved_most: u32,
    /// And one for each so many disks of Ceph.
    pub disks_each: u32,
    /// Virtual processors for each thread.
    pub per_thread: u32,
    /// Virtual processors for each core that has no threads.
    pub per_core: u32,
    /// Where the numbers come from.
    pub source: String,
}

/// File systems and disks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskRules {
    /// All logs of the services together.
    pub logs: Share,
    /// Files that a service writes to.
    pub log_files_each: u64,
    /// How many of each file there are at a time, the present one included.
    pub log_files_kept: u64,
    /// One file, before it is put aside.
    pub log_file: Bounds,
    /// Images beside the place where they are kept.
    pub image_cache: Share,
    /// How full Ceph may become, in percent.
    pub ceph_full_percent: u64,
    pub ceph_source: String,
}

/// Two bounds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    pub least: Bytes,
    pub most: Bytes,
}

impl Share {
    /// The share of `whole`, within the bounds.
    pub fn of(&self, whole: Bytes) -> Bytes {
        Bytes(whole.0 / self.share.max(1)).clamp(self.least, self.most)
    }
}

impl Plus {
    /// The share of `whole` and the fixed amount.
    pub fn of(&self, whole: Bytes) -> Bytes {
        Bytes(whole.0 / self.share.max(1) + self.plus.0)
    }
}

/// The rules of this program.
pub fn sizing_rules() -> &'static SizingRules {
    static RULES: OnceLock<SizingRules> = OnceLock::new();
    RULES.get_or_init(|| document::embedded(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::cloud_service;

    #[test]
    fn the_rules_are_of_services_that_are_there_and_hold_together() {
        let rules = sizing_rules();
        let workers = &rules.workers;
        let variables = workers.single.iter().chain(&workers.following).map(|v| &v.service);
        for name in workers.memory.keys().chain(variables) {
            assert!(cloud_service(name.as_str()).is_some(), "{name}");
        }
        let memory = &rules.memory;
        let shares = [
            &memory.buffer_pool,
            &memory.rabbitmq,
            &memory.memcached,
            &memory.osd,
            &memory.search_heap,
            &memory.page_cache,
            &rules.disk.logs,
            &rules.disk.image_cache,
        ];
        assert!(shares.iter().all(|share| share.share > 1 && share.least <= share.most));
        assert!(workers.least <= workers.most && memory.growth_share > 1);
        // The heap is counted twice: the page cache takes as much again. What the kernel takes nothing grows into.
        let part = |share: u64| 1.0 / share as f64;
        let all =
            [&memory.osd, &memory.buffer_pool, &memory.rabbitmq, &memory.memcached, &memory.search_heap];
        let grown: f64 =
            all.iter().map(|share| part(share.share)).sum::<f64>() + part(memory.search_heap.share);
        assert!(grown < part(memory.growth_share) * (1.0 - part(memory.kernel.share)), "{grown}");
    }
}
