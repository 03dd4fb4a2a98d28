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
            let always = profile::cloud_service(name.as_str()).is_some_and(|s| s.required || s.implied);
            always || cloud.services.contains(name)
        })
    };
    profile::cloud_services()
        .iter()
        .filter(|service| service.engines.contains(&wanted.engine))
        .filter(|service| service.backends.is_empty() || service.backends.iter().any(|b| Some(*b) == backend))
        .map(|service| &service.name)
        .filter(|name| on(name))
        .cloned()
        .collect()
}
