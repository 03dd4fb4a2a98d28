//! What servers of the cloud run on.

use serde::{Deserialize, Serialize};

use super::Ground;
use crate::{boxfile::system::Virtualisation, plan::Why};

/// What servers run on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guests {
    /// libvirt's `virt_type`.
    pub virtualisation: Virtualisation,
    /// Servers that ran when the box went down are started again when it is back.
    pub resume: bool,
}

pub(super) fn make(ground: &Ground<'_>, why: &mut Why) -> Guests {
    let key = "cloud.guests.virtualisation";
    let flag =
        ground.facts.identity.cpu.flags.iter().flatten().find(|flag| ["vmx", "svm"].contains(&flag.as_str()));
    let virtualisation = match (ground.wanted.tuning.virtualisation, flag) {
        (Some(own), _) => own,
        (None, Some(flag)) => {
            why.insert(key.into(), format!("the processor has {flag}"));
            Virtualisation::Kvm
        }
        (None, None) => {
            why.insert(key.into(), "the processor has neither vmx nor svm: servers are emulated".into());
            Virtualisation::Qemu
        }
    };
    Guests { virtualisation, resume: true }
}
