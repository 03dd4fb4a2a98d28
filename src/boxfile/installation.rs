//! `install`: how the disk of a system is laid out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, Finding},
    node::Node,
};
use crate::units::Bytes;

/// Sizes on the system's disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Installation {
    /// Size of the root's file system. What is left of the disk then becomes the volume group `storage.volume_group`. Left out,
    /// the root has all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Bytes>,
    /// Size of a partition to swap to. Left out, there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Bytes>,
}

impl Installation {
    /// Whether the root has the whole disk.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Checks the merged tree: what is left of the disk has to have a name.
pub(super) fn check(tree: &Node, findings: &mut Vec<Finding>) {
    let Some(node) = tree.at(&["install", "root"]) else { return };
    if tree.at(&["storage", "volume_group"]).is_none() {
        findings.push(
            Finding::new(
                Fault::Conflict,
                &node.place,
                "what is left of the disk becomes a volume group, and it has no name",
            )
            .key("install.root")
            .hint("name it, `storage: {volume_group: cinder-volumes}`; or take `install.root` out"),
        );
    }
}
