//! The operating system's release.

use serde::{Deserialize, Serialize};

/// From `os-release(5)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Os {
    /// `debian`, `ubuntu`.
    pub id: Option<String>,
    /// `12`, `24.04`.
    pub version: Option<String>,
    /// `bookworm`, `noble`.
    pub codename: Option<String>,
    /// For people: `Debian GNU/Linux 12 (bookworm)`.
    pub name: Option<String>,
}
