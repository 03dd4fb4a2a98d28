//! Mounted file systems and the space in them.

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// `/var/lib/docker`.
    pub point: String,
    /// `/dev/sda2`, `tmpfs`.
    pub source: String,
    /// `ext4`.
    pub fs: String,
    pub read_only: bool,
    pub size: Option<Bytes>,
    /// Free for an ordinary user.
    pub available: Option<Bytes>,
}
