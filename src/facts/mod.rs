//! What the box is: its hardware (identity), and what is there now (observed).
//!
//! Identity reaches the plan's bytes, observed is judged by checks only, so a second run on the same box plans
//! the same although volume groups, bridges and addresses of the first run are there by then.
//! Each topic is one file: a type, a parser of text that never fails the program, and a reader on a [`source`].
//! What cannot be told is `None`, and stands in [`Facts::unknown`] with the reason.

use std::{panic, thread};

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod cases;
pub mod clock;
pub mod cpu;
pub mod disk;
pub mod firmware;
pub mod host;
pub mod kernel;
pub mod machine;
#[cfg(test)]
pub(crate) mod machines;
pub mod memory;
pub mod mount;
pub mod nic;
pub mod os;
pub mod page;
pub mod port;
pub mod product;
mod reader;
pub mod resolver;
mod smbios;
pub mod source;
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
use nic::{Nic, link::Link, route::Route, setup::Setup};
use os::Os;
use port::Listener;
use product::Product;
use reader::Reader;
use resolver::Resolver;
use source::Source;
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
    /// What configures the interfaces.
    pub network_setup: Setup,
    pub os: Os,
    pub privilege: Privilege,
    pub resolver: Option<Resolver>,
    /// Routes of the main table, IPv4 first; default routes are those to `0.0.0.0/0` and `::/0`.
    pub routes: Option<Vec<Route>>,
    pub systemd: Option<Systemd>,
}

impl Facts {
    /// Reads everything. Topics that run tools go side by side; nothing a box says can make this fail.
    pub fn read(source: &dyn Source) -> Self {
        thread::scope(|scope| {
            let (network, routes) = (
                scope.spawn(|| Reader::topic(source, nic::read)),
                scope.spawn(|| Reader::topic(source, nic::route::read)),
            );
            let (systemd, mounts, clock) = (
                scope.spawn(|| Reader::topic(source, systemd::read)),
                scope.spawn(|| Reader::topic(source, mount::read)),
                scope.spawn(|| Reader::topic(source, clock::read)),
            );
            // These look at many files, and ask a tool on some boxes.
            let (disks, kernel, listeners) = (
                scope.spawn(|| Reader::topic(source, disk::read)),
                scope.spawn(|| Reader::topic(source, kernel::read)),
                scope.spawn(|| Reader::topic(source, port::read)),
            );
            let (mut facts, unknown) = Reader::topic(source, Self::read_files);
            facts.unknown = unknown;
            let ((disks, uses), unknown) = finish(disks);
            (facts.identity.disks, facts.observed.disks) = (disks, uses);
            facts.unknown.extend(unknown);
            let ((nics, links), unknown) = finish(network);
            (facts.identity.nics, facts.observed.links) = (nics, links);
            facts.unknown.extend(unknown);
            facts.take(finish(routes), |observed| &mut observed.routes);
            facts.take(finish(kernel), |observed| &mut observed.kernel);
            facts.take(finish(listeners), |observed| &mut observed.listeners);
            facts.take(finish(systemd), |observed| &mut observed.systemd);
            facts.take(finish(mounts), |observed| &mut observed.mounts);
            facts.take(finish(clock), |observed| &mut observed.clock);
            facts.unknown.sort();
            facts.unknown.dedup();
            facts
        })
    }

    /// Reads the disks and the use made of them, and nothing else: what is asked again right before each write.
    pub fn read_disks(source: &dyn Source) -> Self {
        let ((disks, uses), unknown) = Reader::topic(source, disk::read);
        let mut facts = Self { schema: SCHEMA.to_owned(), unknown, ..Self::default() };
        (facts.identity.disks, facts.observed.disks) = (disks, uses);
        facts
    }

    fn take<T>(&mut self, (value, unknown): (T, Vec<Unknown>), place: fn(&mut Observed) -> &mut T) {
        *place(&mut self.observed) = value;
        self.unknown.extend(unknown);
    }

    /// What few files tell.
    fn read_files(reader: &mut Reader<'_>) -> Self {
        let (cpu, cpu_state) = cpu::read(reader);
        let (memory, memory_state) = memory::read(reader);
        let product = product::read(reader);
        let (host, privilege) = host::read(reader);
        let x86 = cpu.architecture.as_deref() == Some("x86_64");
        let identity = Identity {
            bmc: machine::read_bmc(reader),
            disks: Vec::new(),
            firmware: firmware::read(reader, x86),
            hypervisor: machine::read_hypervisor(reader, &cpu, &product),
            iommu: machine::read_iommu(reader),
            memory,
            nics: Vec::new(),
            rng: machine::read_rng(reader),
            tpm: tpm::read(reader),
            cpu,
            product,
        };
        let observed = Observed {
            container: machine::read_container(reader),
            cpu: cpu_state,
            host,
            memory: memory_state,
            network_setup: nic::setup::read(reader),
            os: os::read(reader),
            privilege,
            resolver: resolver::read(reader),
            ..Observed::default()
        };
        Self { schema: SCHEMA.to_owned(), identity, observed, unknown: Vec::new() }
    }

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

fn finish<T>(topic: thread::ScopedJoinHandle<'_, T>) -> T {
    topic.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
}
