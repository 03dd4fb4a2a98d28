//! Main memory: what is built in, and what is left.

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// The memory that is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// What the kernel was given, in whole memory blocks (`/sys/devices/system/memory`): the same for every
    /// kernel, unlike `MemTotal`, which leaves out what the kernel took for itself.
    pub size: Option<Bytes>,
    /// Whether errors are corrected, from SMBIOS type 16 or an EDAC controller.
    pub ecc: Option<bool>,
    pub numa_nodes: Option<u32>,
    /// From SMBIOS type 17; `None` without the privilege to read it.
    pub modules: Option<Vec<Module>>,
}

/// One memory module that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Printed beside the socket: `DIMM_A1`.
    pub slot: String,
    pub size: Bytes,
    /// Mega-transfers per second, as configured.
    pub speed: Option<u32>,
}

/// The memory now, from `/proc/meminfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryState {
    pub total: Option<Bytes>,
    pub available: Option<Bytes>,
    pub swap_total: Option<Bytes>,
    pub swap_free: Option<Bytes>,
    /// Huge pages set aside, times their size.
    pub huge_pages: Option<Bytes>,
}
