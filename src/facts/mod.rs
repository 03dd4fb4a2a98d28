//! What the box is: its hardware (identity), and what is there now (observed).
//!
//! Identity reaches the plan's bytes, observed is judged by checks only, so a second run on the same box plans
//! the same although volume groups, bridges and addresses of the first run are there by then.
//! Each topic is one file: a type, a parser of text that never fails the program, and a reader on a [`source`].
//! What cannot be told is `None`, and stands in [`Facts::unknown`] with the reason.

use serde::{Deserialize, Serialize};

pub mod clock;
pub mod cpu;
pub mod disk;
pub mod firmware;
pub mod host;
pub mod kernel;
pub mod machine;
pub mod memory;
pub mod mount;
pub mod nic;
pub mod os;
pub mod port;
pub mod product;
pub mod systemd;
pub mod tpm;

use clock::Clock;
use cpu::{Cpu, CpuState};
use disk::{Disk, usage::DiskUse};
use firmware::Firmware;
use host::{Host, Privilege};
use kernel::Kernel;
use machine::{Container, Hypervisor, Iommu, Presence, Rng};
use memory::{Memory, MemoryState};
use mount::Mount;
use nic::{Nic, link::Link, route::Route};
use os::Os;
use port::Listener;
use product::Product;
use systemd::Systemd;
use tpm::Tpm;

/// The version of the document; another one is refused.
pub const SCHEMA: &str = "ciab/facts/v1";

/// Everything known about one box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub schema: String,
    pub identity: Identity,
    pub observed: Observed,
    /// What could not be told, ordered by the fact's name.
    pub unknown: Vec<Unknown>,
}

/// A fact that could not be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    /// Where it would stand: `identity.memory.ecc`, `identity.disks[nvme-…].serial`.
    pub fact: String,
    /// A lower-case fragment: `/sys/firmware/dmi/tables/DMI: permission denied`.
    pub reason: String,
}

/// The hardware: stays the same when the box is installed, reconfigured or rebooted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub bmc: Option<Presence>,
    pub cpu: Cpu,
    /// Ordered by [`Disk::id`]; whole devices with hardware behind them, so no loop, RAM, zram, dm or MD device.
    pub disks: Vec<Disk>,
    pub firmware: Firmware,
    pub hypervisor: Option<Hypervisor>,
    pub iommu: Option<Iommu>,
    pub memory: Memory,
    /// Ordered by [`Nic::id`]; interfaces with hardware (or virtual hardware) behind them.
    pub nics: Vec<Nic>,
    pub product: Product,
    pub rng: Option<Rng>,
    pub tpm: Option<Tpm>,
}

/// What is there now: changes with software, cables and our own work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    pub clock: Clock,
    pub container: Option<Container>,
    pub cpu: CpuState,
    /// One for each of `identity.disks`, in the same order.
    pub disks: Vec<DiskUse>,
    pub host: Host,
    pub kernel: Kernel,
    /// Every network interface, hardware or not, ordered by name.
    pub links: Vec<Link>,
    /// TCP ports listened on and UDP ports bound, ordered; `None` where the tables cannot be read.
    pub listeners: Option<Vec<Listener>>,
    pub memory: MemoryState,
    /// Mounted file systems with a block device or memory behind them, ordered by mount point.
    pub mounts: Option<Vec<Mount>>,
    pub os: Os,
    pub privilege: Privilege,
    /// Routes of the main table, IPv4 first; default routes are those to `0.0.0.0/0` and `::/0`.
    pub routes: Option<Vec<Route>>,
    pub systemd: Option<Systemd>,
}

impl Facts {
    /// The use that is made of a disk now.
    pub fn use_of(&self, disk: &Disk) -> Option<&DiskUse> {
        self.observed.disks.iter().find(|u| u.disk == disk.id)
    }

    /// The interface that a piece of network hardware shows as now.
    pub fn link_of(&self, nic: &Nic) -> Option<&Link> {
        self.observed.links.iter().find(|l| l.nic.as_deref() == Some(&nic.id))
    }

    /// Why a fact is unknown, if it is.
    pub fn why_unknown(&self, fact: &str) -> Option<&str> {
        self.unknown.iter().find(|u| u.fact == fact).map(|u| u.reason.as_str())
    }
}
