//! Trusted platform module.

use serde::{Deserialize, Serialize};

use super::reader::Reader;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tpm {
    Absent,
    V1,
    V2,
}

/// The first one counts; boxes with two have a firmware TPM that was left on beside a discrete one.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Tpm> {
    let names = reader.names("identity.tpm", "/sys/class/tpm")?;
    let Some(name) = names.iter().find(|n| n.starts_with("tpm") && !n.starts_with("tpmrm")) else {
        return Some(Tpm::Absent);
    };
    let folder = format!("/sys/class/tpm/{name}");
    // Kernels before 5.6 have no `tpm_version_major`, but a `caps` file for version 1 only.
    match reader.word(&format!("{folder}/tpm_version_major")).as_deref() {
        Some("1") => Some(Tpm::V1),
        Some("2") => Some(Tpm::V2),
        _ if reader.word(&format!("{folder}/device/caps")).is_some_and(|c| c.contains("1.2")) => {
            Some(Tpm::V1)
        }
        _ => {
            reader.note("identity.tpm", format!("{folder} does not tell its version"));
            None
        }
    }
}
