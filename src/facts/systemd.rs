//! Whether systemd runs the box, and how it is.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Systemd {
    /// It is the service manager now (`sd_booted(3)`).
    pub running: bool,
    /// `252`; of the installed one where it does not run.
    pub version: Option<u32>,
    /// As `systemctl is-system-running` says: `running`, `degraded`, `starting`.
    pub state: Option<String>,
}
