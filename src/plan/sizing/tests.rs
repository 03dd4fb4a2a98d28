//! What holds of sizes on any box.

use proptest::prelude::*;

use super::*;
use crate::{
    boxfile::{Engine, ProfileName},
    profile::{Profile, cloud_services},
};

fn all(profile: ProfileName) -> Vec<ServiceName> {
    Profile::load(profile).unwrap().cloud.unwrap().services
}

fn sizing(gib: u64, threads: u32, osds: u32, services: &[ServiceName]) -> Sizing {
    of(Bytes::gib(gib), threads, osds, services)
}

fn of(memory: Bytes, threads: u32, osds: u32, services: &[ServiceName]) -> Sizing {
    let file_system = Some(Bytes::gib(500));
    let host = Bytes::mib(392);
    let has = Has { memory, threads, whole_cores: false, services, host, osds, file_system };
    let mut why = Why::new();
    let sizing = make(&has, &mut why);
    let values = serde_json::to_value(&sizing).unwrap();
    for (key, value) in values.as_object().unwrap() {
        let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
        assert!(
            empty || key == "memory" || why.contains_key(&format!("cloud.sizing.{key}")),
            "{key}: no reason"
        );
    }
    sizing
}

fn taken(sizing: &Sizing) -> u64 {
    sizing.memory.iter().map(|part| part.memory.0).sum()
}

#[test]
fn a_small_box_runs_one_of_each_and_a_large_one_more() {
    let core = all(ProfileName::Core);
    let small = sizing(8, 4, 0, &core);
    assert_eq!((small.workers, small.buffer_pool, small.osd_memory), (1, Bytes::mib(128), None));
    let large = sizing(128, 32, 0, &core);
    assert_eq!((large.workers, large.rpc_workers, large.buffer_pool), (5, 3, Bytes::gib(2)));
    assert_eq!((large.reserved_cpus, large.cpu_ratio), (4, 3));
    let sandbox = all(ProfileName::Sandbox);
    let one = sizing(64, 16, 1, &sandbox);
    assert_eq!((one.osd_memory, one.service_workers["gnocchi_metricd_workers"]), (Some(Bytes::gib(4)), 1));
    let many = sizing(64, 16, 6, &sandbox);
    assert!(
        many.osd_memory < one.osd_memory && many.osd_memory >= Some(Bytes::gib(2)),
        "{:?}",
        many.osd_memory
    );
}

#[test]
fn few_memory_means_few_workers_whatever_the_threads() {
    let core = all(ProfileName::Core);
    assert_eq!(sizing(8, 64, 0, &core).workers, 1);
    assert!(sizing(12, 64, 0, &core).workers < sizing(64, 64, 0, &core).workers);
}

/// The numbers of a profile and the sizes of its services agree: on the smallest box that passes preflight there is
/// room for the smallest server.
#[test]
fn the_smallest_box_of_a_profile_has_room_for_a_server() {
    for name in [ProfileName::Core, ProfileName::Edge, ProfileName::Sandbox] {
        let profile = Profile::load(name).unwrap();
        let ceph = u32::from(profile.engines == [Engine::Osism]);
        let needs = &profile.needs;
        let sizing = of(needs.memory.minimum, needs.cores.minimum, ceph, &all(name));
        let left = needs.memory.minimum.0.saturating_sub(taken(&sizing));
        assert!(left >= Bytes::gib(1).0, "{name}: {} left of {}", Bytes(left).human(), needs.memory.minimum);
    }
}

proptest! {
    #[test]
    fn more_memory_never_means_less_for_anything(
        mib in 1_u64..600_000,
        more in 128_u64..100_000,
        threads in 1_u32..257,
        osds in 0_u32..9,
        on in prop::collection::vec(any::<bool>(), cloud_services().len()),
    ) {
        let on = cloud_services().iter().zip(on).filter(|(_, on)| *on);
        let services: Vec<ServiceName> = on.map(|(service, _)| service.name.clone()).collect();
        let (small, large) = (Bytes::mib(mib), Bytes::mib(mib + more));
        let (before, after) = (of(small, threads, osds, &services), of(large, threads, osds, &services));
        for (one, other) in [
            (u64::from(before.workers), u64::from(after.workers)),
            (before.buffer_pool.0, after.buffer_pool.0),
            (before.rabbitmq_watermark.0, after.rabbitmq_watermark.0),
            (before.memcached.0, after.memcached.0),
            (before.osd_memory.unwrap_or_default().0, after.osd_memory.unwrap_or_default().0),
            (before.search_heap.unwrap_or_default().0, after.search_heap.unwrap_or_default().0),
            (before.page_cache.0, after.page_cache.0),
            (before.reserved_memory.0, after.reserved_memory.0),
            // And for servers.
            (small.0.saturating_sub(taken(&before)), large.0.saturating_sub(taken(&after))),
        ] {
            prop_assert!(one <= other, "{} to {}: {:?} to {:?}", small, large, before, after);
        }
    }

    #[test]
    fn never_more_is_taken_than_there_is(
        mib in 1_u64..600_000,
        threads in 1_u32..257,
        osds in 0_u32..30,
        gib in 1_u64..2000,
    ) {
        let services = all(ProfileName::Sandbox);
        let has = Has {
            memory: Bytes::mib(mib),
            threads,
            whole_cores: threads % 2 == 0,
            services: &services,
            host: Bytes::mib(392),
            osds,
            file_system: Some(Bytes::gib(gib)),
        };
        let sizing = make(&has, &mut Why::new());
        // What is smallest for everything is what the services take; a box without it fails `memory.size`.
        let none = make(&Has { memory: Bytes(0), ..has.clone() }, &mut Why::new());
        let smallest = taken(&none) + sizing.memory.iter().find(|p| p.what == "kernel").map_or(0, |p| p.memory.0);
        prop_assert!(taken(&sizing) <= has.memory.0.max(smallest));
        prop_assert!(sizing.reserved_cpus * 2 <= threads && sizing.workers >= 1);
        prop_assert!(sizing.logs.0 + sizing.image_cache.0 <= Bytes::gib(gib).0 / 2);
        prop_assert!([3, 5].contains(&sizing.cpu_ratio));
    }
}
