//! The running system's names, and who asks.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub name: Option<String>,
    /// `machine-id(5)`: 32 hexadecimal digits.
    pub machine_id: Option<String>,
    /// New with each boot.
    pub boot_id: Option<String>,
}

/// Who read these facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privilege {
    /// Effective user id.
    pub uid: Option<u32>,
    /// Effective capabilities, hexadecimal as in `/proc/self/status`.
    pub capabilities: Option<String>,
}
