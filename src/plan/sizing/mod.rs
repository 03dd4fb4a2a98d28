//! How large the services of a cloud are: a pure function of what the box has, by the rules of `profiles/sizing.yaml`.

mod disk;
mod memory;
mod processors;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Why;
use crate::{
    boxfile::names::ServiceName,
    profile::{SizingRules, WorkerVariable, sizing_rules},
    units::Bytes,
};

/// Sizes of services; every one has its reason in the plan's `why`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizing {
    /// Processes of each API (`openstack_service_workers`).
    pub workers: u32,
    /// Processes that answer messages (`openstack_service_rpc_workers`).
    pub rpc_workers: u32,
    /// Counts that do not follow `workers` by themselves, by variable of kolla-ansible.
    pub service_workers: BTreeMap<String, u32>,
    /// MariaDB's `innodb_buffer_pool_size`.
    pub buffer_pool: Bytes,
    /// RabbitMQ's `vm_memory_high_watermark.absolute`.
    pub rabbitmq_watermark: Bytes,
    /// memcached's `-m` (`memcached_max_memory`).
    pub memcached: Bytes,
    /// Of each disk of Ceph (`osd_memory_target`), where there is Ceph; without it ceph-ansible takes 0.7 of all memory.
    pub osd_memory: Option<Bytes>,
    /// `opensearch_heap_size`, where there is OpenSearch.
    pub search_heap: Option<Bytes>,
    /// Nova's `reserved_host_memory_mb`: everything but the kernel's part, so that servers never get it.
    pub reserved_memory: Bytes,
    /// Within `reserved_memory`: what the kernel may keep of files.
    pub page_cache: Bytes,
    /// Where the memory goes, the kernel's part included; servers get the rest.
    pub memory: Vec<Part>,
    /// Nova's `reserved_host_cpus`.
    pub reserved_cpus: u32,
    /// Virtual processors for each hardware thread (`cpu_allocation_ratio`).
    pub cpu_ratio: u32,
    /// `ram_allocation_ratio`; more than 1 would need an `o` in the flavors' names.
    pub memory_ratio: u32,
    /// `disk_allocation_ratio`.
    pub disk_ratio: u32,
    /// All logs of the services together.
    pub logs: Bytes,
    /// A log file before it is put aside (`cron_logrotate_log_maxsize`).
    pub log_file: Bytes,
    /// Copies of images beside the place where they are kept (`image_cache_max_size` of Glance).
    pub image_cache: Bytes,
}

/// Something that memory goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// A noun: `services`, `page cache`.
    pub what: String,
    pub memory: Bytes,
}

/// What sizes follow from.
#[derive(Clone, Debug)]
pub(super) struct Has<'a> {
    pub(super) memory: Bytes,
    pub(super) threads: u32,
    /// Each thread is a core of its own, and nobody else runs on it.
    pub(super) whole_cores: bool,
    /// Services of the cloud that are on.
    pub(super) services: &'a [ServiceName],
    /// Resident memory of the host's own services.
    pub(super) host: Bytes,
    /// Disks of Ceph.
    pub(super) osds: u32,
    /// The file system of images and logs of containers, where it is known.
    pub(super) file_system: Option<Bytes>,
}

impl Has<'_> {
    fn has(&self, service: &str) -> bool {
        self.services.iter().any(|name| name.as_str() == service)
    }
}

pub(super) fn make(has: &Has<'_>, why: &mut Why) -> Sizing {
    by(sizing_rules(), has, why)
}

fn by(rules: &SizingRules, has: &Has<'_>, why: &mut Why) -> Sizing {
    let mut say = |key: &str, reason: String| _ = why.insert(format!("cloud.sizing.{key}"), reason);
    let wanted = processors::workers(&rules.workers, has);
    let memory = memory::hand_out(rules, has, wanted, &mut say);
    let count = |variables: &[WorkerVariable], count: u32| {
        let on = variables.iter().filter(|variable| has.has(variable.service.as_str()));
        on.map(|variable| (variable.variable.clone(), count)).collect::<Vec<_>>()
    };
    let mut service_workers: BTreeMap<String, u32> = BTreeMap::new();
    service_workers.extend(count(&rules.workers.single, 1));
    service_workers.extend(count(&rules.workers.following, memory.workers));
    if !service_workers.is_empty() {
        say("service_workers", "one where more gain nothing on one box, else as many as of each API".into());
    }
    say("memory_ratio", "no memory is promised twice: SCS-0100-v3 would want an `o` in the names".into());
    say("disk_ratio", "no disk space is promised twice".into());
    let disk = disk::make(&rules.disk, has, &mut say);
    Sizing {
        workers: memory.workers,
        rpc_workers: memory.workers.min(rules.workers.rpc_most),
        service_workers,
        buffer_pool: memory.buffer_pool,
        rabbitmq_watermark: memory.rabbitmq,
        memcached: memory.memcached,
        osd_memory: memory.osd,
        search_heap: memory.search_heap,
        reserved_memory: memory.reserved,
        page_cache: memory.page_cache,
        memory: memory.parts,
        reserved_cpus: processors::reserved(&rules.processors, has, &mut say),
        cpu_ratio: processors::ratio(&rules.processors, has, &mut say),
        memory_ratio: 1,
        disk_ratio: 1,
        logs: disk.logs,
        log_file: disk.log_file,
        image_cache: disk.image_cache,
    }
}

#[cfg(test)]
mod tests;
