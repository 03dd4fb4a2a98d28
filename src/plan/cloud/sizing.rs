//! How large the services are, from what the box has.

use serde::{Deserialize, Serialize};

use super::{Ground, Storage};
use crate::{plan::Why, units::Bytes};

/// Sizes of services; every one has its reason in the plan's `why`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizing {
    /// Processes of each API (`openstack_service_workers`).
    pub workers: u32,
    /// MariaDB's `innodb_buffer_pool_size`.
    pub buffer_pool: Bytes,
    /// Of each disk of Ceph (`osd_memory_target`), where there is Ceph.
    pub osd_memory: Option<Bytes>,
    /// Nova's `reserved_host_memory_mb`: what the services take, so that servers never get it.
    pub reserved_memory: Bytes,
    /// Virtual processors for each hardware thread (`cpu_allocation_ratio`).
    pub cpu_ratio: u32,
}

pub(super) fn make(ground: &Ground<'_>, storage: &Storage, why: &mut Why) -> Sizing {
    let threads = ground.facts.identity.cpu.threads.or(ground.bound.threads).unwrap_or(1);
    let memory = ground.facts.identity.memory.size.or(ground.bound.memory).unwrap_or(Bytes(0));
    let workers = (threads / 8).clamp(1, 5);
    why.insert(
        "cloud.sizing.workers".into(),
        format!("one for each eight of {threads} threads, one to five"),
    );
    let buffer_pool = Bytes((memory.0 / 64).clamp(Bytes::mib(128).0, Bytes::gib(4).0));
    why.insert("cloud.sizing.buffer_pool".into(), "a 64th of the memory, 128 MiB to 4 GiB".into());
    let osd_memory = storage.ceph.as_ref().map(|_| {
        why.insert("cloud.sizing.osd_memory".into(), "a 16th of the memory, 1 to 4 GiB".into());
        Bytes((memory.0 / 16).clamp(Bytes::gib(1).0, Bytes::gib(4).0))
    });
    let services: u64 = ground.profile.services.iter().map(|service| service.memory.0).sum::<u64>()
        + super::names(ground.wanted, ground.profile)
            .iter()
            .filter_map(|name| crate::profile::cloud_service(name.as_str()))
            .map(|service| service.memory.0)
            .sum::<u64>();
    why.insert("cloud.sizing.reserved_memory".into(), "the sum of what the services take".into());
    why.insert("cloud.sizing.cpu_ratio".into(), "the most that SCS-0100-v3 allows for a `V`".into());
    Sizing { workers, buffer_pool, osd_memory, reserved_memory: Bytes(services), cpu_ratio: 3 }
}
