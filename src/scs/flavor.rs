//! Names of flavors by SCS-0100-v3: what a server of that flavor may count on, spelt out.
//!
//! `SCS-4V-16-100s` is four oversubscribed threads, 16 GiB of memory and 100 GB on an SSD. The older form (v1) separates
//! by `:` what this one separates by `-` first and then by `_`: `SCS-4V:16:100s`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::read::NoName;

/// A name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlavorName {
    /// Virtual processors, at least one.
    pub cpus: u32,
    pub cpu: Cpu,
    /// `i`: neither microcode nor kernel keep other guests from reading this one's memory (L1TF, MDS).
    pub insecure: bool,
    /// Memory in half GiB; odd below 10 GiB only.
    pub half_gib: u32,
    /// `u`: errors of the memory go unnoticed.
    pub without_ecc: bool,
    /// `o`: more memory is promised than there is.
    pub oversubscribed: bool,
    pub disk: Option<Disk>,
    pub hypervisor: Option<Hypervisor>,
    /// `hwv`: servers can run virtual machines themselves.
    pub nested: bool,
    pub brand: Option<Brand>,
    pub gpu: Option<Gpu>,
    /// `ib`: InfiniBand.
    pub infiniband: bool,
}

/// What one virtual processor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// `L`: oversubscribed without a bound.
    Crowded,
    /// `V`: at most five to a core, or three to a thread.
    Shared,
    /// `T`: a thread of its own.
    Thread,
    /// `C`: a core of its own.
    Core,
}

/// The disk that a server is given when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// So many of them, at least one.
    pub count: u32,
    /// The size of each in GB, at least one.
    pub gb: u32,
    /// Left out, the operator's choice.
    pub kind: Option<DiskKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskKind {
    /// `n`: outlives the host.
    Network,
    /// `h`: rotates.
    Hdd,
    /// `s`: SSD.
    Ssd,
    /// `p`: as fast as local NVMe.
    Nvme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hypervisor {
    Kvm,
    Xen,
    VmWare,
    HyperV,
    BareMetal,
    CloudHypervisor,
}

/// `_i2h`: who made the processor, its generation, and how much faster than usual it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brand {
    pub maker: Maker,
    pub generation: Option<u32>,
    /// One for each `h`.
    pub faster: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    Intel,
    Amd,
    Arm,
    RiscV,
}

/// `_GNa-14h-24`: a graphics processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// `G`: the whole device; `g`: a part of it.
    pub whole: bool,
    pub maker: GpuMaker,
    /// Its generation, in the maker's letters; empty where none is said.
    pub generation: &'static str,
    /// Compute units, and an `h` for each step of speed.
    pub units: Option<u32>,
    pub faster: u8,
    /// Its memory in GiB, and an `h` for each step of bandwidth.
    pub gib: Option<u32>,
    pub wider: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuMaker {
    Nvidia,
    Amd,
    Intel,
}

impl FlavorName {
    /// Memory in MiB, as nova counts it.
    pub fn mebibytes(&self) -> u64 {
        u64::from(self.half_gib) * 512
    }

    /// All of its disks together in GB.
    pub fn gigabytes(&self) -> u64 {
        self.disk.map_or(0, |disk| u64::from(disk.count) * u64::from(disk.gb))
    }

    /// The name in the form of v1, which stands in the flavor's property `scs:name-v1`.
    pub fn v1(&self) -> String {
        self.spelt(':', '-')
    }

    fn spelt(&self, separator: char, extension: char) -> String {
        let mut name = format!("SCS-{}{}", self.cpus, word_of(&Cpu::LETTERS, self.cpu));
        let flag = |name: &mut String, on: bool, letter: char| name.extend(on.then_some(letter));
        flag(&mut name, self.insecure, 'i');
        name.push(separator);
        name += &(self.half_gib / 2).to_string();
        name += if self.half_gib % 2 == 1 { ".5" } else { "" };
        flag(&mut name, self.without_ecc, 'u');
        flag(&mut name, self.oversubscribed, 'o');
        if let Some(disk) = self.disk {
            name.push(separator);
            if disk.count > 1 {
                name += &format!("{}x", disk.count);
            }
            name += &disk.gb.to_string();
            name.extend(disk.kind.map(|kind| word_of(&DiskKind::LETTERS, kind)));
        }
        let mut extensions: Vec<String> = Vec::new();
        extensions
            .extend(self.hypervisor.map(|hypervisor| word_of(&Hypervisor::WORDS, hypervisor).to_owned()));
        extensions.extend(self.nested.then(|| "hwv".to_owned()));
        extensions.extend(self.brand.map(|brand| brand.to_string()));
        extensions.extend(self.gpu.as_ref().map(Gpu::to_string));
        extensions.extend(self.infiniband.then(|| "ib".to_owned()));
        for text in extensions {
            name.push(extension);
            name += &text;
        }
        name
    }
}

impl fmt::Display for FlavorName {
    /// The form of v3, which is that of v2.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelt('-', '_'))
    }
}

impl Cpu {
    pub(super) const LETTERS: [(&str, Self); 4] =
        [("L", Self::Crowded), ("V", Self::Shared), ("T", Self::Thread), ("C", Self::Core)];

    /// The value of the flavor's property `scs:cpu-type` (SCS-0103-v1).
    pub fn property(self) -> &'static str {
        match self {
            Self::Crowded => "crowded-core",
            Self::Shared => "shared-core",
            Self::Thread => "dedicated-thread",
            Self::Core => "dedicated-core",
        }
    }
}

impl DiskKind {
    pub(super) const LETTERS: [(&str, Self); 4] =
        [("n", Self::Network), ("h", Self::Hdd), ("s", Self::Ssd), ("p", Self::Nvme)];

    /// The value of the flavor's property `scs:disk0-type` (SCS-0103-v1).
    pub fn property(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Hdd => "hdd",
            Self::Ssd => "ssd",
            Self::Nvme => "nvme",
        }
    }
}

impl Hypervisor {
    pub(super) const WORDS: [(&str, Self); 6] = [
        ("kvm", Self::Kvm),
        ("xen", Self::Xen),
        ("vmw", Self::VmWare),
        ("hyv", Self::HyperV),
        ("bms", Self::BareMetal),
        ("chy", Self::CloudHypervisor),
    ];
}

impl Maker {
    pub(super) const LETTERS: [(&str, Self); 4] =
        [("i", Self::Intel), ("z", Self::Amd), ("a", Self::Arm), ("r", Self::RiscV)];

    /// The newest generation that the standard has a name for; they begin with 0.
    pub(super) fn newest(self) -> u32 {
        match self {
            Self::Intel | Self::Amd => 6,
            Self::Arm => 5,
            Self::RiscV => 0,
        }
    }
}

impl GpuMaker {
    pub(super) const LETTERS: [(&str, Self); 3] = [("N", Self::Nvidia), ("A", Self::Amd), ("I", Self::Intel)];

    /// Every generation that the standard has a name for, the longer ones first.
    pub(super) fn generations(self) -> &'static [&'static str] {
        match self {
            // Fermi to Blackwell Ultra.
            Self::Nvidia => &["f", "k", "m", "p", "v", "t", "a", "l", "g", "b", "u"],
            // GCN is 0.x, CDNA x, RDNA x.1 but for RDNA 3.5.
            Self::Amd => &["0.4", "0.5", "1.1", "2.1", "3.1", "3.5", "4.1", "5.1", "1", "2", "3", "4"],
            // Gen9, Gen9.5, Xe, Xe2, Arc, Battlemage.
            Self::Intel => &["0.95", "0.9", "1", "2", "3", "4"],
        }
    }
}

/// The word of a value in the table that names are read by.
fn word_of<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(&Maker::LETTERS, self.maker))?;
        if let Some(generation) = self.generation {
            write!(f, "{generation}")?;
        }
        f.write_str(&"h".repeat(self.faster.into()))
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.whole { "G" } else { "g" })?;
        f.write_str(word_of(&GpuMaker::LETTERS, self.maker))?;
        f.write_str(self.generation)?;
        if let Some(units) = self.units {
            write!(f, "-{units}")?;
        }
        f.write_str(&"h".repeat(self.faster.into()))?;
        if let Some(gib) = self.gib {
            write!(f, "-{gib}")?;
        }
        f.write_str(&"h".repeat(self.wider.into()))
    }
}

impl Serialize for FlavorName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FlavorName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|fault: NoName| de::Error::custom(format!("{text:?} is no name of a flavor: {fault}")))
    }
}

impl JsonSchema for FlavorName {
    fn schema_name() -> Cow<'static, str> {
        "FlavorName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
