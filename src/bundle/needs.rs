//! What a profile needs of the outside: a pure function of the profile, the release and the services that are on.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    boxfile::{Engine, content::Word, names::ServiceName},
    failure::{Exit, Failure},
    profile::{self, CarriedRelease, OsRelease, Profile, Release},
};

/// Everything, by kind; each list in the order of its names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Container images, without registry: what each is called on the box.
    pub images: Vec<Image>,
    /// Debian packages; what these depend on comes with them.
    pub packages: Vec<String>,
    /// Python packages as pip(1) is asked for them.
    pub python: Vec<String>,
    /// Ansible collections with the Python package that has each.
    pub collections: Vec<Collection>,
    /// Whether servers can be started, so that one disk image is needed to prove it.
    pub guest: bool,
}

/// A container image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `keystone`
    pub name: String,
    /// `kolla/keystone`, on the box.
    pub repository: String,
    pub tag: String,
}

/// An Ansible collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    pub name: String,
    /// `ansible==11.10.0`
    pub package: String,
}

/// For whom the bundle is.
#[derive(Clone, Copy, Debug)]
pub struct For<'a> {
    pub profile: &'a Profile,
    pub engine: Engine,
    pub os: &'a OsRelease,
    /// Services that are switched on beside those of the profile.
    pub more: &'a [ServiceName],
}

impl For<'_> {
    /// The release of the engine, and what the table says of it; nothing for an engine without releases. Exit 2 for one
    /// that no bundle can be made for.
    pub fn release(&self) -> Result<Option<(&'static Release, &'static CarriedRelease)>, Failure> {
        let Some(release) = profile::release(self.engine, None) else { return Ok(None) };
        let carried = profile::carried().release(self.engine, &release.name);
        let carried = carried.ok_or_else(|| {
            let message = format!("no bundle can be made for engine `{}`", self.engine);
            Failure::new(Exit::Usage, message)
                .hint("Its manager brings images of its own; choose engine `kolla`.")
        })?;
        Ok(Some((release, carried)))
    }

    /// The services that are on. Exit 2 where one is not offered.
    fn services(&self) -> Result<Vec<ServiceName>, Failure> {
        let Some(cloud) = &self.profile.cloud else {
            return match self.more.first() {
                None => Ok(Vec::new()),
                Some(name) => Err(not_offered(self.profile, name)),
            };
        };
        if let Some(name) =
            self.more.iter().find(|name| !cloud.services.contains(name) && !cloud.offered.contains(name))
        {
            return Err(not_offered(self.profile, name));
        }
        let backends: Vec<_> = self.profile.backends(self.engine).collect();
        // A bundle fits every box file of its profile: any of the places for volumes will do.
        let works = |service: &profile::CloudService| {
            service.engines.contains(&self.engine) && backends.iter().any(|b| service.keeps_with(Some(*b)))
        };
        let on =
            |service: &profile::CloudService| self.more.contains(&service.name) || cloud.has(service, None);
        let all = profile::cloud_services().iter().filter(|service| works(service) && on(service));
        let names: Vec<ServiceName> = all.map(|service| service.name.clone()).collect();
        match self.more.iter().find(|name| !names.contains(name)) {
            None => Ok(names),
            Some(name) => Err(not_offered(self.profile, name)),
        }
    }

    /// Everything that is needed.
    pub fn needs(&self) -> Result<Needs, Failure> {
        let services = self.services()?;
        let mut packages: BTreeSet<String> = self.os.packages.values().flatten().cloned().collect();
        packages.extend(profile::carried().packages.iter().map(ToString::to_string));
        let mut needs = Needs {
            images: Vec::new(),
            packages: Vec::new(),
            python: Vec::new(),
            collections: Vec::new(),
            guest: false,
        };
        if let Some((release, carried)) = self.release()? {
            let of_backends = self.profile.backends(self.engine).map(|backend| backend.to_string());
            let of_backends = of_backends.filter_map(|name| carried.backends.get(&name));
            let needed: Vec<_> =
                services.iter().filter_map(|name| carried.services.get(name)).chain(of_backends).collect();
            packages.extend(needed.iter().flat_map(|needed| &needed.packages).map(ToString::to_string));
            let tag = release.images.tag.clone().unwrap_or_else(|| "latest".to_owned());
            needs.images =
                needed.iter().flat_map(|n| &n.images).map(|name| image(name, carried, &tag)).collect();
            needs.images.sort();
            // A package that is nothing but collections comes as these.
            let python = release.python.iter().map(|(name, version)| format!("{name}=={version}"));
            needs.python = python.filter(|package| !carried.collections.contains_key(package)).collect();
            needs.collections = carried
                .collections
                .iter()
                .flat_map(|(package, names)| names.iter().map(|name| (name.to_string(), package.clone())))
                .map(|(name, package)| Collection { name, package })
                .collect();
            needs.collections.sort();
            needs.guest = services.iter().any(|name| name.as_str() == "nova");
        }
        needs.packages = packages.into_iter().collect();
        Ok(needs)
    }
}

fn image(name: &Word, carried: &CarriedRelease, tag: &str) -> Image {
    let repository = format!("{}/{name}", carried.namespace);
    Image { name: name.to_string(), repository, tag: tag.to_owned() }
}

fn not_offered(profile: &Profile, name: &ServiceName) -> Failure {
    let message = format!("profile `{}` does not offer the service `{name}`", profile.name);
    let offered = profile.cloud.iter().flat_map(|cloud| &cloud.offered);
    let offered: Vec<&str> = offered.map(ServiceName::as_str).collect();
    let failure = Failure::new(Exit::Usage, message);
    if offered.is_empty() { failure } else { failure.hint(format!("It offers {}.", offered.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxfile::ProfileName;

    fn needs(name: ProfileName, engine: Engine, more: &[&str]) -> Result<Needs, Failure> {
        let profile = Profile::load(name).unwrap();
        let os = profile.os_release("debian", "12").unwrap();
        let more: Vec<ServiceName> = more.iter().map(|name| name.parse().unwrap()).collect();
        For { profile: &profile, engine, os, more: &more }.needs()
    }

    #[test]
    fn a_host_alone_needs_packages_alone() {
        let needs = needs(ProfileName::Base, Engine::None, &[]).unwrap();
        assert!(
            needs.images.is_empty()
                && needs.python.is_empty()
                && needs.collections.is_empty()
                && !needs.guest
        );
        for name in ["docker.io", "openssh-server", "docker-registry"] {
            assert!(needs.packages.iter().any(|have| have == name), "{name}");
        }
    }

    #[test]
    fn a_cloud_needs_the_images_of_its_services_and_no_others() {
        let core = needs(ProfileName::Core, Engine::Kolla, &[]).unwrap();
        let has = |needs: &Needs, name: &str| needs.images.iter().any(|image| image.name == name);
        for name in ["kolla-toolbox", "haproxy", "mariadb-server", "nova-compute", "cinder-volume", "iscsid"]
        {
            assert!(has(&core, name), "{name}");
        }
        for name in ["octavia-api", "designate-api", "proxysql", "fluentd", "redis"] {
            assert!(!has(&core, name), "{name}");
        }
        assert_eq!(core.images[0].repository, "kolla/cinder-api");
        assert_eq!(core.images[0].tag, "2025.1-debian-bookworm");
        assert!(core.guest && core.python.contains(&"kolla-ansible==20.6.0".to_owned()));
        assert!(!core.python.iter().any(|package| package.starts_with("ansible==")));
        assert!(core.collections.iter().any(|collection| collection.name == "community.docker"));
        let more = needs(ProfileName::Core, Engine::Kolla, &["octavia"]).unwrap();
        assert!(has(&more, "octavia-api"));
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        assert_eq!(needs(ProfileName::Edge, Engine::Osism, &[]).unwrap_err().exit, Exit::Usage);
        let failure = needs(ProfileName::Core, Engine::Kolla, &["manila"]).unwrap_err();
        assert!(failure.message.contains("does not offer the service `manila`"), "{failure}");
        assert!(failure.hints[0].contains("octavia"), "{failure:?}");
        assert!(needs(ProfileName::Base, Engine::None, &["nova"]).is_err());
    }
}
