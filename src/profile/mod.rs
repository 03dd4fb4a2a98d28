//! Profiles are data: what a kind of box needs, takes and sets.

mod hints;
mod needs;
mod networks;
mod system;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    hints::{Hint, Hints, hints},
    needs::{AtLeast, AtMost, DiskNeeds, Module, Needs, NicNeeds, Port, Want},
    networks::{Candidates, networks},
    system::{Archive, Limit, LimitItem, OsRelease, Purpose, Sysctl, Units},
};
use crate::{
    boxfile::{Engine, ProfileName, document, fault::Findings},
    units::Bytes,
};

/// The text of a profile, with its file's name in this repository.
pub fn source(name: ProfileName) -> (&'static str, &'static str) {
    match name {
        ProfileName::Base => ("profiles/base.yaml", include_str!("../../profiles/base.yaml")),
    }
}

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
    /// Networks of `profiles/networks.yaml` that its services use inside of the box.
    #[serde(default)]
    pub ranges: Vec<String>,
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
    /// Seconds that each step takes when nothing is in the way, for the time left; a step that is not here counts 1.
    pub estimates: std::collections::BTreeMap<String, u32>,
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
        let (file, text) = source(name);
        document::read(file, text)
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

    const ALL: [ProfileName; 1] = [ProfileName::Base];

    #[test]
    fn every_profile_loads() {
        for name in ALL {
            let profile = Profile::load(name).unwrap_or_else(|f| panic!("{}", f.text(Colour::Plain)));
            assert_eq!(profile.name, name);
            let unknown = profile.ranges.iter().find(|range| !networks().contains_key(*range));
            assert_eq!(unknown, None, "{name}");
        }
    }

    #[test]
    fn every_file_in_profiles_is_part_of_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files: BTreeSet<String> = fs::read_dir(root.join("profiles"))
            .unwrap()
            .map(|entry| format!("profiles/{}", entry.unwrap().file_name().into_string().unwrap()))
            .collect();
        let known = ALL.iter().map(|name| source(*name).0).chain(["profiles/hints.yaml", networks::FILE]);
        assert_eq!(files, known.map(str::to_owned).collect());
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
