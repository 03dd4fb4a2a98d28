//! Network hardware: what stays the same whatever the interface is called.

use serde::{Deserialize, Serialize};

use crate::units::Mac;

pub mod link;
pub mod route;

/// One network interface with hardware (or virtual hardware) behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Unique in this document: the permanent MAC if no other has it, else the bus path, else the kernel's name.
    pub id: String,
    /// Burnt in; the current address where the driver tells no permanent one.
    pub mac: Option<Mac>,
    /// Path in sysfs without `/sys/devices/`: `pci0000:00/0000:00:1f.6`.
    pub path: Option<String>,
    /// PCI address of the device itself or of the function it hangs on: `0000:00:1f.6`.
    pub pci: Option<String>,
    pub driver: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    /// The fastest mode the hardware supports, in Mbit/s.
    pub max_speed: Option<u32>,
}
