//! What a profile with a cloud has: services by name, and where it may keep volumes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CloudService, Profile};
use crate::boxfile::{
    Engine,
    cloud::Backend,
    names::{Role, ServiceName},
};

/// The cloud of a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudProfile {
    /// Services that are on unless the box file switches them off; of `profiles/services.yaml`.
    pub services: Vec<ServiceName>,
    /// Services that are off unless the box file switches them on.
    #[serde(default)]
    pub offered: Vec<ServiceName>,
    /// Where volumes may be kept; the first one that the engine has is taken where nothing else decides.
    pub backends: Vec<BackendOffer>,
}

/// A place for volumes that a profile offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendOffer {
    pub backend: Backend,
    /// The engines that can set it up.
    pub engines: Vec<Engine>,
}

impl CloudProfile {
    /// Whether a service is on; `said` is the box file's own word.
    pub fn has(&self, service: &CloudService, said: Option<bool>) -> bool {
        said.unwrap_or(service.required || service.implied || self.services.contains(&service.name))
    }
}

impl Profile {
    /// Where an engine can keep volumes, the preferred place first.
    pub fn backends(&self, engine: Engine) -> impl Iterator<Item = Backend> {
        let offers = self.cloud.iter().flat_map(|cloud| &cloud.backends);
        offers.filter(move |offer| offer.engines.contains(&engine)).map(|offer| offer.backend)
    }

    /// Where volumes are kept: as the box file says, else what the disks are for that it names, else the preferred place.
    pub fn backend(
        &self,
        engine: Engine,
        said: Option<Backend>,
        names_disks: impl Fn(&Role) -> bool,
    ) -> Option<Backend> {
        let by_role = || {
            let named = self.needs.disks.iter().filter(|(role, _)| names_disks(role));
            named
                .filter_map(|(_, need)| need.backend)
                .find(|backend| self.backends(engine).any(|offer| offer == *backend))
        };
        said.or_else(by_role).or_else(|| self.backends(engine).next())
    }
}
