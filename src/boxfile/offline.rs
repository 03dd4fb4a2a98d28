//! `offline`: what takes the place of registries and package indexes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::system::PathText;

/// A box that reaches no registry and no index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Offline {
    /// The folder of the bundle, on the machine that `ciab` runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<PathText>,
}

impl Offline {
    /// Whether everything comes from the network.
    pub fn is_none(&self) -> bool {
        self.bundle.is_none()
    }
}
