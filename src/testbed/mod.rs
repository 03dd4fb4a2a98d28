//! Boxes on this machine: virtual machines of QEMU with the disks, cards and firmware of a real one, and its power cord.
//!
//! A machine is a folder: what it is (`machine.json`), its disks, its keys, its console, and what runs of it. Everything
//! is done with QEMU's user network and with files, so no right of root is needed.
//!
//! Each disk is served by nbdkit with a write cache of its own (nbdkit-cache-filter(1)). What the guest has written and not
//! flushed is in that cache alone; when the power is cut, servers and QEMU end at once, and the disk has what was flushed,
//! as a real one may.

pub mod accelerator;
pub mod debian;
pub mod disk;
pub mod machine;
pub mod power;
mod process;
mod qemu;
mod qmp;

/// Programs that every machine needs, each with its package.
pub const TOOLS: [(&str, &str); 4] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-img", "qemu-utils"),
    ("nbdkit", "nbdkit"),
    ("ssh-keygen", "openssh-client"),
];
