//! Chooses the disks of each role; from the second run on, those that the first one chose.

use std::collections::BTreeMap;

use super::{Bound, ChosenDisk, PlanError};
use crate::{
    boxfile::{BoxFile, names::Role},
    facts::Facts,
    profile::Profile,
};

/// Disks by role.
pub type Disks = BTreeMap<Role, Vec<ChosenDisk>>;

pub(super) fn make(
    _facts: &Facts,
    wanted: &BoxFile,
    profile: &Profile,
    _bound: &Bound,
) -> Result<Disks, Vec<PlanError>> {
    let unused = wanted.disks.keys().filter(|role| !profile.needs.disks.contains_key(role));
    let errors: Vec<PlanError> = unused.map(|role| takes_no(role, profile)).collect();
    if errors.is_empty() { Ok(Disks::new()) } else { Err(errors) }
}

/// A role that nothing uses is refused: the operator expects something of it that will not happen.
fn takes_no(role: &Role, profile: &Profile) -> PlanError {
    let roles: Vec<&str> = profile.needs.disks.keys().map(Role::as_str).collect();
    let takes =
        if roles.is_empty() { "it takes no disk".into() } else { format!("it takes {}", roles.join(", ")) };
    PlanError::impossible(
        &format!("disks.{role}"),
        format!("this profile has no use for a disk `{role}`: {takes}"),
        format!("Take `{role}` out of `disks`, or choose a profile that uses it."),
    )
}
