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
    let on = |name: &ServiceName| {
        wanted.services.get(name).copied().unwrap_or_else(|| {
            let own =
                profile::cloud_service(name.as_str()).is_some_and(|s| s.required || s.backend.is_some());
            cloud.services.contains(name) || (own && !cloud.offered.contains(name))
        })
    };
    profile::cloud_services()
        .iter()
        .filter(|service| service.engines.contains(&wanted.engine))
        .filter(|service| service.backend.is_none_or(|needed| Some(needed) == backend))
        .map(|service| &service.name)
        .filter(|name| on(name) && !(name.as_str() == "cinder" && !storage::has_volumes(backend)))
        .cloned()
        .collect()
}
