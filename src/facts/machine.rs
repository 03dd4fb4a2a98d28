//! What else is built in, or pretends to be: hypervisor, container, IOMMU, random numbers, BMC.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    Absent,
    Present,
}

/// What the system runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hypervisor {
    /// Bare metal.
    None,
    Amazon,
    Firecracker,
    Google,
    Hyperv,
    Kvm,
    Parallels,
    /// QEMU without KVM, or one that hides it.
    Qemu,
    /// The processor says there is one, and nothing says which.
    Unrecognised,
    Virtualbox,
    Vmware,
    Xen,
}

/// What the system is enclosed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    None,
    Docker,
    Lxc,
    Nspawn,
    Podman,
    Unrecognised,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Iommu {
    /// `dmar0`, `ivhd0`; empty where none is in use.
    pub units: Vec<String>,
    /// Groups that devices are isolated in.
    pub groups: u32,
}

/// The kernel's source of hardware random numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rng {
    /// `virtio_rng.0`, `tpm-rng-0`; empty where there is none beside the processor's own instructions.
    pub available: Vec<String>,
    pub current: Option<String>,
}
