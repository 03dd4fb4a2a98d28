//! What the operator asked for: the box file, its layers with their origins, its checks with their places.

pub mod access;
pub mod args;
mod check;
pub mod cloud;
pub mod content;
mod cross;
pub mod document;
pub mod fault;
pub mod installation;
#[cfg(test)]
mod laws;
pub mod layers;
mod mask;
mod merge;
pub mod names;
pub mod nearest;
pub mod nets;
pub mod network;
pub mod node;
pub mod offline;
pub mod place;
mod read;
pub mod reference;
pub mod schema;
pub mod secret;
pub mod selector;
pub mod shape;
pub mod ssh_key;
pub mod system;
pub mod text;
mod traps;
mod trust;
pub mod wanted;
pub mod words;

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{
    access::Access,
    cloud::Storage,
    installation::Installation,
    names::{CheckId, DomainName, HostLabel, ReleaseName, Role, ServiceName},
    network::Network,
    offline::Offline,
    selector::{DiskRole, NicRole},
    system::{Apt, Tls, Tuning},
};

/// A box file for people: what sounds like a secret, and the passwords in URLs, are stars.
pub fn redacted(text: &str) -> String {
    mask::hide(text, &[])
}

/// One box: what it shall be, how to reach it, which of its devices may be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoxFile {
    /// The version of this format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: Kind,
    /// What the box shall be.
    pub profile: ProfileName,
    /// What installs the services. Left out, the profile's own.
    #[serde(default)]
    pub engine: Engine,
    /// The release of the engine. Left out, the one that this version of `ciab` was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseName>,
    /// The box's host name.
    #[serde(default = "default_name")]
    pub name: HostLabel,
    /// The domain that, after the name, makes the box's full name.
    #[serde(default = "default_domain")]
    pub domain: DomainName,
    /// Where the box is, how to log in, and who may log in later.
    #[serde(default)]
    pub access: Access,
    /// Disks by role.
    #[schemars(with = "BTreeMap<String, DiskRole>", extend("propertyNames" = {"format": "role"}))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disks: BTreeMap<Role, DiskRole>,
    /// How `ciab install` lays out the system's disk, `disks.system`.
    #[serde(default, skip_serializing_if = "Installation::is_none")]
    pub install: Installation,
    /// Network cards by role.
    #[schemars(with = "BTreeMap<String, NicRole>", extend("propertyNames" = {"format": "role"}))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nics: BTreeMap<Role, NicRole>,
    /// How the box is reached, its own networks, and the name and time servers it asks.
    #[serde(default)]
    pub network: Network,
    /// Where the cloud keeps volumes and images.
    #[serde(default)]
    pub storage: Storage,
    /// Services of the cloud, switched on or off; the profile says what it has and what it offers.
    #[schemars(with = "BTreeMap<String, bool>", extend("propertyNames" = {"format": "service"}))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<ServiceName, bool>,
    /// What takes the place of the network.
    #[serde(default, skip_serializing_if = "Offline::is_none")]
    pub offline: Offline,
    /// Where packages come from.
    #[serde(default)]
    pub apt: Apt,
    /// Certificates.
    #[serde(default)]
    pub tls: Tls,
    /// What preflight does with its findings.
    #[serde(default)]
    pub checks: Checks,
    /// Settings of the host that the profile has values for.
    #[serde(default)]
    pub tuning: Tuning,
}

fn default_name() -> HostLabel {
    "ciab".parse().unwrap_or_else(|why| unreachable!("{why}"))
}

/// The top-level domain that ICANN keeps free for private use (resolution of 29 July 2024).
fn default_domain() -> DomainName {
    "internal".parse().unwrap_or_else(|why| unreachable!("{why}"))
}

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    #[serde(rename = "ciab/v1")]
    V1,
}

/// The kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    Box,
}

/// What the box shall be; the data of each stand in `profiles/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProfileName {
    /// The prepared host alone.
    Base,
    /// The smallest real cloud.
    Core,
    /// `core` with load balancers, names, keys and encrypted volumes.
    Edge,
    /// Everything, with Ceph, monitoring, metering and shared file systems.
    Sandbox,
}

impl ProfileName {
    /// Every profile, from the smallest to the largest.
    pub const ALL: [Self; 4] = [Self::Base, Self::Core, Self::Edge, Self::Sandbox];
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => f.write_str("base"),
            Self::Core => f.write_str("core"),
            Self::Edge => f.write_str("edge"),
            Self::Sandbox => f.write_str("sandbox"),
        }
    }
}

/// What installs the services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// `ciab` itself; there are no OpenStack services.
    #[default]
    None,
    /// kolla-ansible, run by `ciab`.
    Kolla,
    /// The manager of OSISM.
    Osism,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Kolla => f.write_str("kolla"),
            Self::Osism => f.write_str("osism"),
        }
    }
}

/// What preflight does with its findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// Ids of checks whose failure stops nothing; `ciab check` lists the ids.
    pub ignore: Vec<CheckId>,
}

impl BoxFile {
    /// The box's full name, `name.domain`.
    pub fn fqdn(&self) -> String {
        format!("{}.{}", self.name, self.domain)
    }
}
