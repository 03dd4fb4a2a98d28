//! What a profile with a cloud has: services by name, and where it may keep volumes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{Engine, cloud::Backend, names::ServiceName};

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
