//! Disks, as steps name them.

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// A disk by what it was chosen by; kernel names change between starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskName {
    /// As in the facts: a name below /dev/disk/by-id where there is one.
    pub id: String,
    pub serial: Option<String>,
    pub size: Bytes,
}

/// A whole disk, or one of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    pub disk: DiskName,
    pub partition: Option<u32>,
}

/// A partition, in bytes from the beginning of the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    pub start: Bytes,
    pub size: Bytes,
    /// The type in the GPT.
    pub type_id: String,
    /// Its name in the GPT.
    pub name: String,
}
