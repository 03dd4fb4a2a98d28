//! What takes the place of registries and package indexes.

use serde::{Deserialize, Serialize};

use super::software::BUNDLE;
use crate::{boxfile::BoxFile, profile::Images};

/// docker(1) asks a registry on loopback without TLS, and nobody else reaches it.
const REGISTRY: &str = "127.0.0.1:5000";
const NAMESPACE: &str = "kolla";

/// The bundle on the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offline {
    /// The folder with `registry`, `python` and `collections`.
    pub folder: String,
    /// Where its images are served, `address:port`.
    pub registry: String,
    /// The first part of the images' names.
    pub namespace: String,
}

impl Offline {
    /// The same images from the bundle.
    pub(super) fn images(&self, images: &Images) -> Images {
        Images { registry: self.registry.clone(), namespace: self.namespace.clone(), ..images.clone() }
    }
}

pub(super) fn make(wanted: &BoxFile) -> Option<Offline> {
    wanted.offline.bundle.as_ref().map(|_| Offline {
        folder: BUNDLE.to_owned(),
        registry: REGISTRY.to_owned(),
        namespace: NAMESPACE.to_owned(),
    })
}
