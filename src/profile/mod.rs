//! Profiles are data: what a kind of box needs, takes and sets.

mod carried;
mod cloud;
mod extend;
mod flavors;
mod hints;
mod images;
mod install;
mod kolla;
mod needs;
mod networks;
mod question;
mod release;
mod sequence;
mod services;
mod sizing;
mod system;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    carried::{Carried, CarriedRelease, CarriedSystem, ImageBuild, Needed, carried},
    cloud::{BackendOffer, CloudProfile},
    flavors::flavors,
    hints::{Hint, Hints, hints},
    images::{Frequency, Image, Purpose as ImagePurpose, images},
    install::{Layout, LayoutPart, PartKind, layout},
    kolla::{Content, Do, Mend, Play, kolla},
    needs::{AtLeast, AtMost, DiskNeeds, Module, Needs, NicNeeds, Port, Want},
    networks::{Candidates, networks},
    question::Question,
    release::{CephRelease, CephTool, Images, KeyValue, Release, System, release, releases_of},
    sequence::{Act, Below, Seconds, Stage, osism},
    services::{CloudService, Endpoint, cloud_service, cloud_services},
    sizing::{
        DiskRules, MemoryRules, ProcessorRules, Share, SizingRules, WorkerRules, WorkerVariable, sizing_rules,
    },
    system::{Archive, Limit, LimitItem, OsRelease, Purpose, Sysctl, Units},
};
use crate::{
    boxfile::{Engine, ProfileName, document, fault::Findings},
    embedded,
    units::Bytes,
};

/// The text of a profile, with its file's name in this repository.
pub fn source(name: ProfileName) -> (&'static str, &'static str) {
    let file = match name {
        ProfileName::Base => "profiles/base.yaml",
        ProfileName::Core => "profiles/core.yaml",
        ProfileName::Edge => "profiles/edge.yaml",
        ProfileName::Sandbox => "profiles/sandbox.yaml",
    };
    (file, embedded::text(file))
}

/// One profile, as `profiles/<name>.yaml` holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name; also the file's.
    pub name: ProfileName,
    /// What the user gets.
    pub title: String,
    /// The profile that this one adds to; what is said here replaces or adds to what is said there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<ProfileName>,
    /// The engines that can install its services; the first one is preset.
    pub engines: Vec<Engine>,
    /// Values of the box file that this profile presets.
    pub defaults: serde_json::Map<String, Value>,
    /// Networks of `profiles/networks.yaml` that its services use inside of the box.
    #[serde(default)]
    pub ranges: Vec<String>,
    /// What it needs of the box.
    pub needs: Needs,
    /// What runs on the box, with what each takes.
    pub services: Vec<Service>,
    /// Its cloud, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudProfile>,
    /// The systems it runs on.
    pub os: Vec<OsRelease>,
    /// Kernel parameters that it sets.
    pub sysctl: Vec<Sysctl>,
    /// Login limits that it sets.
    pub limits: Vec<Limit>,
    /// Seconds that each step takes when nothing is in the way, for the time left; a step that is not here counts 1.
    pub estimates: BTreeMap<String, u32>,
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
    /// The profile of this name, from the program itself.
    pub fn load(name: ProfileName) -> Result<Self, Findings> {
        // Read once: a box file is checked against its profile each time that one is read.
        static READ: Mutex<BTreeMap<ProfileName, Profile>> = Mutex::new(BTreeMap::new());
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(profile) = read.get(&name) {
            return Ok(profile.clone());
        }
        let profile: Self = document::typed(source(name).0, Self::whole(name)?)?;
        read.insert(name, profile.clone());
        Ok(profile)
    }

    /// The profile with all that it extends.
    fn whole(name: ProfileName) -> Result<Value, Findings> {
        let own = document::part::<Self>(source(name).0)?;
        let under = own.get("extends").and_then(|name| serde_json::from_value(name.clone()).ok());
        match under {
            Some(under) => Ok(extend::extend(Self::whole(under)?, own)),
            None => Ok(own),
        }
    }

    /// This profile and those it extends, by name, the base first; for what is read from the files themselves.
    pub fn lineage(name: ProfileName) -> Vec<ProfileName> {
        let under = Self::load(name).ok().and_then(|profile| profile.extends);
        under.map(Self::lineage).into_iter().flatten().chain([name]).collect()
    }

    /// The engine that is taken where the box file names none.
    pub fn preset_engine(&self) -> Engine {
        self.engines.first().copied().unwrap_or(Engine::None)
    }

    /// The release that the box runs, if the profile is made for it; `id` and `version` are of /etc/os-release.
    pub fn os_release(&self, id: &str, version: &str) -> Option<&OsRelease> {
        self.os.iter().find(|os| os.id == id && os.version == version)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::boxfile::fault::Colour;

    #[test]
    fn every_profile_loads() {
        for name in ProfileName::ALL {
            let profile = Profile::load(name).unwrap_or_else(|f| panic!("{}", f.text(Colour::Plain)));
            assert_eq!(profile.name, name);
            let preset = profile.defaults.get("engine").cloned().unwrap_or_else(|| "none".into());
            assert_eq!(preset, serde_json::to_value(profile.engines[0]).unwrap(), "{name}");
            let unknown = profile.ranges.iter().find(|range| !networks().contains_key(*range));
            assert_eq!(unknown, None, "{name}");
        }
    }

    #[test]
    fn a_cloud_has_what_its_services_need() {
        for profile in ProfileName::ALL.map(|name| Profile::load(name).unwrap()) {
            let Some(cloud) = profile.cloud else { continue };
            for service in cloud.services.iter().chain(&cloud.offered) {
                assert!(cloud_service(service.as_str()).is_some(), "{}: {service}", profile.name);
            }
            for service in &cloud.services {
                let known = cloud_service(service.as_str()).unwrap();
                for need in &known.needs {
                    let implied = cloud_service(need.as_str()).unwrap().implied;
                    assert!(implied || cloud.services.contains(need), "{}: {service}: {need}", profile.name);
                }
            }
            for engine in &profile.engines {
                assert!(cloud.backends.iter().any(|offer| offer.engines.contains(engine)), "{engine}");
            }
        }
    }

    #[test]
    fn every_file_in_profiles_is_part_of_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files: BTreeSet<String> = fs::read_dir(root.join("profiles"))
            .unwrap()
            .map(|entry| format!("profiles/{}", entry.unwrap().file_name().into_string().unwrap()))
            .collect();
        let tables = [
            "bundle",
            "flavors",
            "hints",
            "images",
            "install",
            "kolla",
            "networks",
            "osism",
            "published",
            "releases",
            "secrets",
            "services",
            "sizing",
        ];
        let tables = tables.map(|name| format!("profiles/{name}.yaml"));
        let profiles = ProfileName::ALL.iter().map(|name| source(*name).0.to_owned());
        assert_eq!(files, profiles.chain(tables).collect());
    }

    #[test]
    fn a_profile_fits_the_smallest_box_that_it_allows() {
        let base = Profile::load(ProfileName::Base).unwrap();
        let memory: u64 = base.services.iter().map(|service| service.memory.0).sum();
        let disk: u64 = base.services.iter().map(|service| service.disk.0).sum();
        assert!(memory <= base.needs.memory.minimum.0);
        assert!(disk <= base.needs.space["/var/lib"].minimum.0);
    }

    #[test]
    fn releases_are_found_by_what_os_release_says() {
        let base = Profile::load(ProfileName::Base).unwrap();
        assert_eq!(base.os_release("debian", "12").map(|os| os.codename.as_str()), Some("bookworm"));
        assert_eq!(base.os_release("debian", "11"), None);
    }
}
