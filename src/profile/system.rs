//! The host systems that a profile runs on, and the kernel and login settings it makes there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::system::{SysctlKey, SysctlValue};

/// A release of an operating system that the profile is made for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OsRelease {
    /// `ID` of /etc/os-release.
    pub id: String,
    /// `VERSION_ID` of /etc/os-release.
    pub version: String,
    /// `VERSION_CODENAME` of /etc/os-release; also the suite in APT sources.
    pub codename: String,
    /// For people.
    pub title: String,
    /// The distribution's own APT archives.
    pub archive: Archive,
    /// Package names by what they are for.
    pub packages: BTreeMap<Purpose, Vec<String>>,
    /// Packages that are held, so that an update never restarts them by itself.
    pub held: Vec<String>,
    /// systemd units whose names differ between releases.
    pub units: Units,
}

/// The distribution's own APT archives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// The archive.
    pub mirror: String,
    /// The archive of security updates.
    pub security_mirror: String,
    /// Suites besides `codename`, such as `bookworm-updates`.
    pub suites: Vec<String>,
    /// The suite of security updates.
    pub security_suite: String,
    /// Components of each suite.
    pub components: Vec<String>,
    /// The keyring that signs all of it.
    pub signed_by: String,
}

/// What a group of packages is for; lists in `profiles/` are by it so that a plan can say why a package comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// The container engine.
    Containers,
    /// The firewall.
    Firewall,
    /// Tools that the steps call.
    Tools,
    /// Logging in.
    Login,
    /// The clock.
    Time,
    /// Trusting certificates, and installing security updates.
    Trust,
}

/// systemd units by what they do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// The time service.
    pub chrony: String,
    /// The container engine.
    pub docker: String,
    /// The SSH server.
    pub ssh: String,
}

/// A kernel parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sysctl {
    pub key: SysctlKey,
    pub value: SysctlValue,
    /// Why.
    pub reason: String,
    /// Where the value comes from.
    pub source: String,
    /// The kernel module that brings the parameter, where it is not always there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

/// A limit of every login, limits.conf(5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub item: LimitItem,
    pub value: u32,
    /// Why.
    pub reason: String,
    /// Where the value comes from.
    pub source: String,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LimitItem {
    /// Open files of one process.
    Nofile,
    /// Processes of one user.
    Nproc,
}
