//! The kernel, and those of its modules that a cloud wants.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// `6.1.0-28-amd64`.
    pub release: Option<String>,
    /// Those a cloud wants that are there, in any way; `None` where it cannot be told.
    pub modules: Option<Vec<Module>>,
    /// 1 or 2.
    pub cgroup: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// With underscores, as in `/proc/modules`.
    pub name: String,
    pub state: ModuleState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModuleState {
    /// On the disk of the box, not loaded.
    Available,
    Builtin,
    Loaded,
}
