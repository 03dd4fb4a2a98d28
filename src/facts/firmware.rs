//! Firmware: how the box boots.

use serde::{Deserialize, Serialize};

use super::reader::Reader;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// How the running kernel was started.
    pub mode: Option<BootMode>,
    /// Always `false` in BIOS mode.
    pub secure_boot: Option<bool>,
    pub vendor: Option<String>,
    pub version: Option<String>,
    /// As the firmware writes it: `04/28/2023`.
    pub date: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BootMode {
    Bios,
    Uefi,
}

/// The variable of UEFI 2.10, section 3.3: four bytes of attributes, then 0 or 1.
const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

fn parse_secure_boot(variable: &[u8]) -> Option<bool> {
    match variable {
        [_, _, _, _, value @ (0 | 1)] => Some(*value == 1),
        _ => None,
    }
}

/// `x86` tells whether a box without UEFI must have a BIOS; other architectures have a device tree, or nothing.
pub(super) fn read(reader: &mut Reader<'_>, x86: bool) -> Firmware {
    let mode = match (reader.exists("/sys/firmware/efi"), x86) {
        (true, _) => Some(BootMode::Uefi),
        (false, true) => Some(BootMode::Bios),
        (false, false) => {
            reader.note("identity.firmware.mode", "no UEFI, and a BIOS is for x86 only");
            None
        }
    };
    let secure_boot = match mode {
        Some(BootMode::Bios) => Some(false),
        Some(BootMode::Uefi) => match reader.source.read(SECURE_BOOT) {
            Ok(variable) => parse_secure_boot(&variable),
            Err(_) if !reader.exists(SECURE_BOOT) => {
                reader.note("identity.firmware.secure_boot", "efivarfs does not show the variable");
                None
            }
            Err(error) => {
                reader.failed("identity.firmware.secure_boot", SECURE_BOOT, &error);
                None
            }
        },
        None => None,
    };
    Firmware {
        mode,
        secure_boot,
        vendor: reader.word("/sys/class/dmi/id/bios_vendor"),
        version: reader.word("/sys/class/dmi/id/bios_version"),
        date: reader.word("/sys/class/dmi/id/bios_date"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secure_boot_is_the_fifth_byte() {
        assert_eq!(parse_secure_boot(b"\x06\0\0\0\x01"), Some(true));
        assert_eq!(parse_secure_boot(b"\x06\0\0\0\0"), Some(false));
        for odd in [b"".as_slice(), b"\x01", b"\x06\0\0\0\x02", b"\x06\0\0\0\x01\0"] {
            assert_eq!(parse_secure_boot(odd), None);
        }
    }
}
