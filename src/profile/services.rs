//! `profiles/services.yaml`: every service that a cloud can have, whichever profile asks for it.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Service;
use crate::{
    boxfile::{Engine, cloud::Backend, document, names::ServiceName},
    units::Bytes,
};

const FILE: &str = "profiles/services.yaml";

/// A service of a cloud, with what it takes when idle to lightly loaded on a box of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudService {
    /// The name that the box file and both engines use.
    pub name: ServiceName,
    /// For people.
    pub title: String,
    /// The engines that install it.
    pub engines: Vec<Engine>,
    /// Services that it does not work without.
    #[serde(default)]
    pub needs: Vec<ServiceName>,
    /// No cloud works without it.
    #[serde(default)]
    pub required: bool,
    /// The places for volumes that it works with; left out, with any.
    #[serde(default)]
    pub backends: Vec<Backend>,
    /// It is on with its places for volumes, whatever the profile: it is the place.
    #[serde(default)]
    pub implied: bool,
    /// What it answers on, at the address of the APIs.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Resident memory.
    pub memory: Bytes,
    /// Thousandths of a logical processor.
    pub millicores: u32,
    /// Disk space of its container images beyond what they share with others.
    pub disk: Bytes,
    /// Where the numbers come from.
    pub source: String,
}

/// Something that answers requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The service type in keystone's catalog (service-types-authority), or for what is in no catalog a name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The TCP port.
    pub port: u16,
}

impl CloudService {
    /// Whether it can be there at all, with this engine and this place for volumes.
    pub fn works_with(&self, engine: Engine, backend: Option<Backend>) -> bool {
        self.engines.contains(&engine) && self.keeps_with(backend)
    }

    /// Whether it works with this place for volumes.
    pub fn keeps_with(&self, backend: Option<Backend>) -> bool {
        self.backends.is_empty() || backend.is_some_and(|backend| self.backends.contains(&backend))
    }

    /// As everything else that runs on a box.
    pub fn service(&self) -> Service {
        Service {
            name: self.name.to_string(),
            title: self.title.clone(),
            memory: self.memory,
            millicores: self.millicores,
            disk: self.disk,
            source: self.source.clone(),
        }
    }
}

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    /// Each behind those it needs.
    services: Vec<CloudService>,
}

/// Every service, each behind those it needs.
pub fn cloud_services() -> &'static [CloudService] {
    static SERVICES: OnceLock<Catalogue> = OnceLock::new();
    &SERVICES.get_or_init(|| document::embedded(FILE)).services
}

/// The service of this name.
pub fn cloud_service(name: &str) -> Option<&'static CloudService> {
    cloud_services().iter().find(|service| service.name.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_once_and_behind_those_it_needs() {
        let mut seen: Vec<&ServiceName> = Vec::new();
        for service in cloud_services() {
            assert!(!seen.contains(&&service.name), "{} stands twice", service.name);
            for need in &service.needs {
                assert!(seen.contains(&need), "{} needs {need}, which does not come before it", service.name);
                let other = cloud_service(need.as_str()).unwrap();
                let missing = service.engines.iter().find(|engine| !other.engines.contains(engine));
                assert_eq!(missing, None, "{} on this engine lacks {need}", service.name);
            }
            seen.push(&service.name);
        }
    }

    #[test]
    fn two_services_never_answer_on_one_port() {
        let mut ports: Vec<u16> =
            cloud_services().iter().flat_map(|service| service.endpoints.iter().map(|e| e.port)).collect();
        let all = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), all);
    }
}
