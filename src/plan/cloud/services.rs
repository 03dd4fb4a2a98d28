//! Which services are on.

use super::storage;
use crate::{
    boxfile::{BoxFile, names::ServiceName},
    profile::{self, Profile},
};

/// The services that are on, each behind those it needs: those of the profile, switched by the box file, that the
/// engine installs and the place for volumes allows.
pub(in crate::plan) fn names(wanted: &BoxFile, profile: &Profile) -> Vec<ServiceName> {
    let Some(cloud) = &profile.cloud else { return Vec::new() };
    let backend = storage::backend(wanted, profile);
    profile::cloud_services()
        .iter()
        .filter(|service| service.works_with(wanted.engine, backend))
        .filter(|service| cloud.has(service, wanted.services.get(&service.name).copied()))
        .map(|service| service.name.clone())
        .collect()
}
