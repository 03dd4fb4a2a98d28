//! The cloud on the box: one model that both engines are rendered from.
//!
//! A profile without a cloud has none. What a template needs is decided here, so that it only writes down.

mod api;
mod capacity;
mod guests;
mod services;
mod storage;
mod volumes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    api::{Api, name as api_name},
    guests::Guests,
    storage::{Ceph, Nfs, Storage, VOLUMES},
    volumes::{Encryption, VolumeType},
};
pub(super) use self::{services::names, storage::wants};
use super::{
    Bound, Disks, Network, PlanError, Sizing, Why, offline,
    sizing::{self, Has},
};
use crate::{
    boxfile::{BoxFile, names::ServiceName, system::SysctlValue},
    facts::{Facts, machine::Hypervisor},
    profile::{self, CloudService, Profile, Release},
    units::Bytes,
};

/// Everything about the cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    /// What the release of the engine decides.
    pub release: Release,
    /// Where the APIs answer.
    pub api: Api,
    /// The services that are on, each behind those it needs.
    pub services: Vec<ServiceName>,
    pub storage: Storage,
    /// What a volume promises, by its type.
    pub volume_types: Vec<VolumeType>,
    pub guests: Guests,
    pub sizing: Sizing,
    /// Variables of kolla-ansible that the operator sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, SysctlValue>,
}

impl Cloud {
    /// Whether a service is on.
    pub fn has(&self, service: &str) -> bool {
        self.services.iter().any(|name| name.as_str() == service)
    }

    /// The services that are on, with all that is known about each.
    pub fn catalogue(&self) -> impl Iterator<Item = &'static CloudService> {
        self.services.iter().filter_map(|name| profile::cloud_service(name.as_str()))
    }
}

/// What the cloud is made from; the rest of the plan stands by then.
pub(super) struct Ground<'a> {
    pub(super) facts: &'a Facts,
    pub(super) wanted: &'a BoxFile,
    pub(super) profile: &'a Profile,
    pub(super) bound: &'a Bound,
    pub(super) network: &'a Network,
    pub(super) disks: &'a Disks,
}

/// The cloud of the profile; `None` where it has none.
pub(super) fn make(ground: &Ground<'_>, why: &mut Why) -> Result<Option<Cloud>, Vec<PlanError>> {
    if ground.profile.cloud.is_none() {
        return Ok(None);
    }
    let mut release = release(ground.wanted, ground.bound).map_err(|error| vec![error])?.clone();
    if let Some(offline) = offline::make(ground.wanted) {
        release.images = offline.images(&release.images);
    }
    let services = names(ground.wanted, ground.profile);
    let storage = storage::make(ground, why).map_err(|error| vec![error])?;
    Ok(Some(Cloud {
        api: api::make(ground),
        guests: guests::make(ground, why),
        volume_types: volumes::types(&services, &storage),
        sizing: size(ground, &services, &storage, why),
        release,
        overrides: overrides(ground.wanted),
        services,
        storage,
    }))
}

fn overrides(wanted: &BoxFile) -> BTreeMap<String, SysctlValue> {
    wanted.tuning.kolla.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

/// The sizes of the services, from what the box is.
fn size(ground: &Ground<'_>, services: &[ServiceName], storage: &Storage, why: &mut Why) -> Sizing {
    let (identity, bound) = (&ground.facts.identity, ground.bound);
    let bare = matches!(identity.hypervisor, Some(Hypervisor::None));
    let osds = storage.ceph.as_ref().map_or(0, |ceph| ceph.devices.len().max(1));
    let has = Has {
        memory: identity.memory.size.or(bound.memory).unwrap_or_default(),
        threads: identity.cpu.threads.or(bound.threads).unwrap_or(1),
        whole_cores: bare && identity.cpu.cores.is_some() && identity.cpu.cores == identity.cpu.threads,
        services,
        host: Bytes(ground.profile.services.iter().map(|service| service.memory.0).sum()),
        osds: u32::try_from(osds).unwrap_or(u32::MAX),
        file_system: bound.file_systems.get("/var/lib/docker").and_then(|fs| fs.size),
    };
    sizing::make(&has, why)
}

/// The release that the box file names, else the one of the first run, else the preferred one; `None` for an engine
/// that has no such release.
pub(super) fn chosen(wanted: &BoxFile, bound: Option<&Bound>) -> Option<&'static Release> {
    let name = wanted.release.as_ref().or(bound.and_then(|bound| bound.release.as_ref()));
    profile::release(wanted.engine, name)
}

fn release(wanted: &BoxFile, bound: &Bound) -> Result<&'static Release, PlanError> {
    chosen(wanted, Some(bound)).ok_or_else(|| {
        let name = wanted.release.as_ref().or(bound.release.as_ref());
        let name = name.map_or_else(String::new, |name| format!(" `{name}`"));
        PlanError::impossible(
            "release",
            format!("this version of ciab has no release{name} of engine `{}`", wanted.engine),
            "Use the version of ciab that set the box up, or name a release that this one has.",
        )
    })
}
