//! Profiles are data: what a kind of box needs, takes and sets.

mod needs;
mod system;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    needs::{AtLeast, AtMost, DiskNeeds, Module, Needs, NicNeeds, Port, Want},
    system::{Archive, Limit, LimitItem, OsRelease, Purpose, Sysctl, Units},
};
use crate::{
    boxfile::{Engine, ProfileName},
    units::Bytes,
};

/// One profile, as `profiles/<name>.yaml` holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name; also the file's.
    pub name: ProfileName,
    /// What the user gets.
    pub title: String,
    /// The engine that installs its services.
    pub engine: Engine,
    /// Values of the box file that this profile presets.
    pub defaults: serde_json::Map<String, serde_json::Value>,
    /// What it needs of the box.
    pub needs: Needs,
    /// What runs on the box, with what each takes.
    pub services: Vec<Service>,
    /// The systems it runs on.
    pub os: Vec<OsRelease>,
    /// Kernel parameters that it sets.
    pub sysctl: Vec<Sysctl>,
    /// Login limits that it sets.
    pub limits: Vec<Limit>,
}

/// Something that runs on the box, with what it takes when idle to lightly loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The short name.
    pub name: String,
    /// For people.
    pub title: String,
    /// Resident memory.
    pub memory: Bytes,
    /// Thousandths of a logical processor.
    pub millicores: u32,
    /// Disk space, packages and images included.
    pub disk: Bytes,
    /// Where the numbers come from.
    pub source: String,
}

impl Profile {
    /// The release that the box runs, if the profile is made for it; `id` and `version` are of /etc/os-release.
    pub fn os_release(&self, id: &str, version: &str) -> Option<&OsRelease> {
        self.os.iter().find(|os| os.id == id && os.version == version)
    }
}
