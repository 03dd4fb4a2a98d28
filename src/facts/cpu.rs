//! The processor: what it is, and how the kernel runs it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The processors of the box; on a box with unlike sockets, the first one's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// As `uname -m` says: `x86_64`, `aarch64`.
    pub architecture: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub sockets: Option<u32>,
    /// Physical cores of all sockets.
    pub cores: Option<u32>,
    /// Hardware threads that are online.
    pub threads: Option<u32>,
    /// Those that matter to a cloud and that every processor has, in alphabetical order; `None` where none are listed.
    pub flags: Option<Vec<String>>,
}

/// What the running kernel and microcode make of the processor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpuState {
    /// Hexadecimal, as in `/proc/cpuinfo`: `0x2006e05`.
    pub microcode: Option<String>,
    /// Whether sibling threads run (`/sys/devices/system/cpu/smt/active`).
    pub smt: Option<bool>,
    /// Name to the kernel's judgement, as in `/sys/devices/system/cpu/vulnerabilities` (`Mitigation: …`).
    pub vulnerabilities: BTreeMap<String, String>,
}
