//! `profiles/releases.yaml`: what follows from the release of an engine.

use std::{collections::BTreeMap, sync::OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{Engine, document, names::ReleaseName};

const FILE: &str = "profiles/releases.yaml";

/// A release of an engine, and everything that it decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub engine: Engine,
    /// What the box file calls it.
    pub name: ReleaseName,
    /// Taken where the box file names none; one release of each engine.
    #[serde(default)]
    pub preferred: bool,
    /// What it installs may change from one day to the next.
    #[serde(default)]
    pub floating: bool,
    /// The release of OpenStack, such as `2025.1`.
    pub openstack: String,
    /// Versions of Python packages that run the engine on the box, by name on PyPI.
    #[serde(default)]
    pub python: BTreeMap<String, String>,
    /// Ceph, for an engine that sets it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceph: Option<CephRelease>,
    /// What keeps keys and values.
    pub key_value: KeyValue,
    /// Whether ProxySQL stands before MariaDB, else HAProxy.
    pub proxysql: bool,
    /// Where the images of the services come from.
    pub images: Images,
    /// Where the images of the manager come from, for an engine that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Tags of the manager's images, by the name that its roles give each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Versions of the collections that set the manager up, by repository.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub collections: BTreeMap<String, String>,
    /// The systems it runs on.
    pub systems: Vec<System>,
    /// Where all of this comes from.
    pub source: String,
}

/// How an engine sets up Ceph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CephRelease {
    /// The release's name, such as `reef`.
    pub name: String,
    pub version: String,
    pub tool: CephTool,
}

/// What sets up Ceph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CephTool {
    CephAnsible,
    Cephadm,
}

/// What keeps keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyValue {
    Redis,
    Valkey,
}

/// Container images of the services: `<registry>/<namespace>/<service>:<tag>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Images {
    pub registry: String,
    pub namespace: String,
    /// What the images are built on: `debian` or `ubuntu`.
    pub distribution: String,
    /// None where the engine knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A system by `ID` and `VERSION_ID` of /etc/os-release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    pub id: String,
    pub version: String,
}

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    releases: Vec<Release>,
}

fn releases() -> &'static [Release] {
    static TABLE: OnceLock<Table> = OnceLock::new();
    &TABLE.get_or_init(|| document::embedded(FILE)).releases
}

/// Every release of an engine.
pub fn releases_of(engine: Engine) -> impl Iterator<Item = &'static Release> {
    releases().iter().filter(move |release| release.engine == engine)
}

/// The release of this name, or without one the preferred one; `None` for an engine without releases.
pub fn release(engine: Engine, name: Option<&ReleaseName>) -> Option<&'static Release> {
    releases_of(engine).find(|release| name.map_or(release.preferred, |name| release.name == *name))
}

impl Release {
    /// Whether it runs on this system.
    pub fn runs_on(&self, id: &str, version: &str) -> bool {
        self.systems.iter().any(|system| system.id == id && system.version == version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_has_one_preferred_release_which_does_not_float() {
        for engine in [Engine::Kolla, Engine::Osism] {
            let preferred: Vec<&Release> = releases_of(engine).filter(|release| release.preferred).collect();
            assert_eq!(preferred.len(), 1, "{engine}");
            assert!(!preferred[0].floating, "{engine}");
            assert_eq!(release(engine, None), Some(preferred[0]));
        }
        assert_eq!(release(Engine::None, None), None);
    }

    #[test]
    fn images_of_a_manager_that_does_not_float_have_tags_that_do_not() {
        for release in releases_of(Engine::Osism) {
            assert_eq!(release.tags.is_empty(), release.floating, "{}", release.name);
            assert!(release.tags.values().all(|tag| tag != "latest"), "{}", release.name);
            assert!(!release.collections.is_empty(), "{}", release.name);
        }
    }

    #[test]
    fn what_floats_has_to_be_asked_for_by_name() {
        for release in releases().iter().filter(|release| release.floating) {
            assert!(!release.preferred, "{}", release.name);
        }
        for release in releases() {
            assert_eq!(release.images.tag.as_deref() == Some("latest"), release.floating, "{}", release.name);
        }
    }
}
