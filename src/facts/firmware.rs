//! Firmware: how the box boots.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// How the running kernel was started.
    pub mode: Option<BootMode>,
    /// Always `false` in BIOS mode.
    pub secure_boot: Option<bool>,
    pub vendor: Option<String>,
    pub version: Option<String>,
    /// As the firmware writes it: `04/28/2023`.
    pub date: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BootMode {
    Bios,
    Uefi,
}
