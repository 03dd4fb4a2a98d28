//! The machine sizes that every SCS cloud offers.

use crate::units::Bytes;

/// A flavor: virtual processors, memory, and local disk where it has one.
pub(super) struct Flavor {
    pub(super) name: &'static str,
    pub(super) vcpus: u64,
    pub(super) memory: Bytes,
    pub(super) disk: Bytes,
}

/// The mandatory ones of SCS-0103-v1 (stable, text 1.2), in its order; disks are in GB.
pub(super) const MANDATORY: [Flavor; 15] = [
    flavor("SCS-1V-4", 1, 4, 0),
    flavor("SCS-2V-8", 2, 8, 0),
    flavor("SCS-4V-16", 4, 16, 0),
    flavor("SCS-8V-32", 8, 32, 0),
    flavor("SCS-1V-2", 1, 2, 0),
    flavor("SCS-2V-4", 2, 4, 0),
    flavor("SCS-4V-8", 4, 8, 0),
    flavor("SCS-8V-16", 8, 16, 0),
    flavor("SCS-16V-32", 16, 32, 0),
    flavor("SCS-1V-8", 1, 8, 0),
    flavor("SCS-2V-16", 2, 16, 0),
    flavor("SCS-4V-32", 4, 32, 0),
    flavor("SCS-1L-1", 1, 1, 0),
    flavor("SCS-2V-4-20s", 2, 4, 20),
    flavor("SCS-4V-16-100s", 4, 16, 100),
];

/// Virtual processors for each hardware thread: the most that SCS-0100-v3 allows for a `V`.
pub(super) const PER_THREAD: u64 = 3;

const fn flavor(name: &'static str, vcpus: u64, gib: u64, gb: u64) -> Flavor {
    Flavor { name, vcpus, memory: Bytes::gib(gib), disk: Bytes(gb * 1_000_000_000) }
}
