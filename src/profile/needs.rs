//! What a profile needs of the box: the numbers that preflight judges by.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    boxfile::{cloud::Backend, names::Role},
    units::Bytes,
};

/// Two lines to stay above: below `minimum` a check fails, below `recommended` it warns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtLeast<T> {
    /// Below this the profile does not work.
    pub minimum: T,
    /// Below this it works, but badly.
    pub recommended: T,
    /// Where the numbers come from.
    pub source: String,
}

/// Two lines to stay below: above `maximum` a check fails, above `recommended` it warns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtMost<T> {
    /// Up to this is good.
    pub recommended: T,
    /// Above this the profile does not work.
    pub maximum: T,
    /// Where the numbers come from.
    pub source: String,
}

/// What a profile needs of the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Logical processors.
    pub cores: AtLeast<u32>,
    /// Main memory.
    pub memory: AtLeast<Bytes>,
    /// Free space by folder, on whatever file system holds it.
    pub space: BTreeMap<String, AtLeast<Bytes>>,
    /// 99th percentile of fdatasync on the file system of the databases, in microseconds.
    pub fsync_p99_us: AtMost<u64>,
    /// Distance of the box's clock from the time servers, in milliseconds.
    pub clock_offset_ms: AtMost<u64>,
    /// Speed of the management link, in megabits a second.
    pub link_mbps: AtLeast<u64>,
    /// Largest packet of the management link, in bytes.
    pub mtu: AtLeast<u32>,
    /// Disks that the profile takes, by role; none for a profile that leaves disks alone.
    #[serde(default)]
    pub disks: BTreeMap<Role, DiskNeeds>,
    /// Network cards that the profile takes, by role.
    #[serde(default)]
    pub nics: BTreeMap<Role, NicNeeds>,
    /// Kernel modules.
    pub modules: Vec<Module>,
    /// Ports that nothing else on the box may listen on.
    #[serde(default)]
    pub ports: Vec<Port>,
}

/// What a disk of a role must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskNeeds {
    /// How many disks the role takes at least.
    pub count: u32,
    /// How many it may take; left out, exactly `count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u32>,
    /// The role is there with this place for volumes and with no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// The size of each.
    pub size: AtLeast<Bytes>,
}

/// What a network card of a role must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NicNeeds {
    /// How many cards the role takes.
    pub count: u32,
}

/// A kernel module, or the same code built in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// The name, with underscores.
    pub name: String,
    /// What does not work without it.
    pub needed_for: String,
    /// What its lack means.
    pub want: Want,
}

/// What the lack of something means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// The check fails.
    Required,
    /// The check warns, and the setting that needs it is left out.
    Optional,
}

/// A port that must be free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The TCP port.
    pub port: u16,
    /// What will listen there.
    pub needed_for: String,
}
