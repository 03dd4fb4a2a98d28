//! The types of volumes, and what each promises.

use serde::{Deserialize, Serialize};

use super::Storage;
use crate::boxfile::names::ServiceName;

/// A type of volumes; what stands in brackets in its description is promised (SCS-0114-v1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeType {
    pub name: String,
    pub description: String,
    /// With the user's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// How a server's host opens an encrypted volume; keys and values are cinder's (`volume type create --encryption-*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    pub provider: String,
    pub cipher: String,
    /// Bits.
    pub key_size: u32,
    /// `front-end`: by nova, so that what leaves the host is encrypted.
    pub control_location: String,
}

/// What volumes get that nobody gives a type, as cinder has it from the beginning.
const DEFAULT: &str = "__DEFAULT__";
const ENCRYPTED: &str = "LUKS";

/// The types of this box; none where it keeps no volumes.
pub(super) fn types(services: &[ServiceName], storage: &Storage) -> Vec<VolumeType> {
    let has = |service: &str| services.iter().any(|name| name.as_str() == service);
    if !has("cinder") {
        return Vec::new();
    }
    let copies = storage.ceph.as_ref().is_some_and(|ceph| ceph.replicated);
    let described = |copied: &str, single: &str| if copies { copied } else { single }.to_owned();
    let plain = VolumeType {
        name: DEFAULT.to_owned(),
        description: described(
            "[scs:replicated] Copies on different disks of this box",
            "One copy, on this box",
        ),
        encryption: None,
    };
    let encrypted = VolumeType {
        name: ENCRYPTED.to_owned(),
        description: described(
            "[scs:encrypted, replicated] LUKS, copies on different disks of this box",
            "[scs:encrypted] LUKS, one copy, on this box",
        ),
        encryption: Some(Encryption {
            provider: "luks".to_owned(),
            cipher: "aes-xts-plain64".to_owned(),
            key_size: 256,
            control_location: "front-end".to_owned(),
        }),
    };
    [Some(plain), has("barbican").then_some(encrypted)].into_iter().flatten().collect()
}
