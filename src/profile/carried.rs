//! `profiles/bundle.yaml`: what of the outside each service needs, for a box that reaches nothing.

use std::{collections::BTreeMap, sync::OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{
    Engine,
    content::Word,
    document,
    names::{ReleaseName, ServiceName},
    system::Url,
};

const FILE: &str = "profiles/bundle.yaml";

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// Debian packages that an offline box needs beside those of its profile.
    pub packages: Vec<Word>,
    pub systems: Vec<CarriedSystem>,
    pub releases: Vec<CarriedRelease>,
}

/// What a system of the box decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CarriedSystem {
    /// `ID` and `VERSION_ID` of /etc/os-release.
    pub id: String,
    pub version: String,
    /// The version of its Python, `3.11`.
    pub python: Word,
}

/// What a release of an engine needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CarriedRelease {
    pub engine: Engine,
    pub name: ReleaseName,
    /// Of the images on the box's own registry: `<namespace>/<image>`.
    pub namespace: Word,
    #[schemars(with = "BTreeMap<String, Needed>", extend("propertyNames" = {"format": "service"}))]
    pub services: BTreeMap<ServiceName, Needed>,
    /// By the place for volumes.
    #[schemars(with = "BTreeMap<String, Needed>")]
    pub backends: BTreeMap<String, Needed>,
    /// Ansible collections, by the PyPI package (`name==version`) whose wheel has them.
    #[schemars(with = "BTreeMap<String, Vec<Word>>")]
    pub collections: BTreeMap<String, Vec<Word>>,
    /// OpenStack's list of the versions that go together.
    pub constraints: Url,
    pub build: ImageBuild,
    /// Where all of this comes from.
    pub source: String,
}

/// What one service, or one place for volumes, needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Needed {
    /// Container images, without namespace.
    pub images: Vec<Word>,
    /// Debian packages on the box.
    pub packages: Vec<Word>,
}

/// How images are built where no registry is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageBuild {
    /// The PyPI package of the build tool, `name==version`.
    pub tool: Word,
    /// The PyPI package (`name==version`) with the code, by the tool's name of the source.
    #[schemars(with = "BTreeMap<String, Word>")]
    pub sources: BTreeMap<String, Word>,
    /// Collections that the toolbox gets.
    pub toolbox: Vec<Word>,
}

/// The table of this program.
pub fn carried() -> &'static Carried {
    static CARRIED: OnceLock<Carried> = OnceLock::new();
    CARRIED.get_or_init(|| document::embedded(FILE))
}

impl Carried {
    /// The version of Python on a system.
    pub fn python(&self, id: &str, version: &str) -> Option<&Word> {
        let found = self.systems.iter().find(|system| system.id == id && system.version == version);
        found.map(|system| &system.python)
    }

    /// What this release needs; `None` for one that no bundle can be made for.
    pub fn release(&self, engine: Engine, name: &ReleaseName) -> Option<&CarriedRelease> {
        self.releases.iter().find(|release| release.engine == engine && release.name == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    #[test]
    fn every_service_of_an_engine_that_ciab_runs_itself_has_its_images() {
        for release in &carried().releases {
            let services: Vec<_> = profile::cloud_services()
                .iter()
                .filter(|service| service.engines.contains(&release.engine))
                .map(|service| &service.name)
                .collect();
            for service in &services {
                let needed = release.services.get(service);
                assert!(needed.is_some_and(|needed| !needed.images.is_empty()), "{service}");
            }
            let unknown = release.services.keys().find(|name| !services.contains(name));
            assert_eq!(unknown, None);
            assert!(profile::release(release.engine, Some(&release.name)).is_some());
        }
    }

    #[test]
    fn an_image_belongs_to_one_service_and_a_collection_to_one_package() {
        for release in &carried().releases {
            let images = release.services.values().chain(release.backends.values()).flat_map(|n| &n.images);
            let collections = release.collections.values().flatten();
            for names in [images.collect::<Vec<_>>(), collections.collect()] {
                let mut once = names.clone();
                once.sort();
                once.dedup();
                assert_eq!(once.len(), names.len());
            }
            for name in &release.build.toolbox {
                assert!(release.collections.values().flatten().any(|have| have == name), "{name}");
            }
            let pinned = release.collections.keys().map(String::as_str);
            let pinned = pinned.chain(release.build.sources.values().map(Word::as_str));
            for package in pinned.chain([release.build.tool.as_str()]) {
                assert!(package.split_once("==").is_some(), "{package}");
            }
        }
    }

    #[test]
    fn every_system_of_a_profile_has_its_python() {
        for name in crate::boxfile::ProfileName::ALL {
            for os in profile::Profile::load(name).unwrap().os {
                assert!(carried().python(&os.id, &os.version).is_some(), "{} {}", os.id, os.version);
            }
        }
    }

    #[test]
    fn places_for_volumes_are_those_of_the_box_file() {
        for release in &carried().releases {
            for backend in release.backends.keys() {
                let known = serde_json::from_value::<crate::boxfile::cloud::Backend>(backend.as_str().into());
                assert!(known.is_ok(), "{backend}");
            }
        }
    }
}
