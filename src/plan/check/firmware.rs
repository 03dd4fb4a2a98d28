//! Firmware, Secure Boot and TPM.

use super::{Applies, Case, Check, verdict::Verdict};
use crate::facts::{firmware::BootMode, tpm::Tpm};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "firmware.mode", applies: Applies::Always, judge: mode },
    Check { id: "firmware.secure-boot", applies: Applies::Always, judge: secure_boot },
    Check { id: "tpm.present", applies: Applies::Always, judge: tpm },
];

fn mode(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match case.facts.identity.firmware.mode {
        Some(BootMode::Uefi) => Verdict::pass("nothing depends on it").measured("UEFI"),
        Some(BootMode::Bios) => Verdict::pass("nothing depends on it").measured("BIOS"),
        None => Verdict::unknown(case.facts, "identity.firmware.mode"),
    };
    vec![verdict]
}

fn secure_boot(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match case.facts.identity.firmware.secure_boot {
        Some(true) => Verdict::pass("the distribution's modules are signed").measured("on"),
        Some(false) => Verdict::pass("nothing depends on it").measured("off"),
        None => Verdict::unknown(case.facts, "identity.firmware.secure_boot"),
    };
    vec![verdict]
}

fn tpm(case: &Case<'_>) -> Vec<Verdict> {
    let unused = "only disk encryption would use one, and this profile encrypts no disk";
    let verdict = match case.facts.identity.tpm {
        Some(Tpm::V2) => Verdict::pass("there is one").measured("2.0"),
        Some(Tpm::V1) => Verdict::pass(unused).measured("1.2"),
        Some(Tpm::Absent) => Verdict::pass(unused).measured("none"),
        None => Verdict::unknown(case.facts, "identity.tpm"),
    };
    vec![verdict]
}
