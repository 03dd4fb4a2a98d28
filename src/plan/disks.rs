//! Chooses the disks of each role; from the second run on, those that the first one chose.

use std::collections::BTreeMap;

use super::{Bound, ChosenDisk, Consent, PlanError, cloud, install, network, selector};
use crate::{
    boxfile::{BoxFile, names::Role, selector::DiskRole},
    facts::{Facts, disk::Disk},
    profile::{DiskNeeds, Profile},
    units::Bytes,
};

/// Disks by role.
pub type Disks = BTreeMap<Role, Vec<ChosenDisk>>;

pub(super) fn make(
    facts: &Facts,
    wanted: &BoxFile,
    profile: &Profile,
    bound: &Bound,
) -> Result<Disks, Vec<PlanError>> {
    let needs = &profile.needs;
    let taken = |role: &&Role| cloud::wants(role, wanted, profile);
    // The disk of the system was `install`'s; here it is left as it is.
    let unused = wanted.disks.keys().filter(|role| !taken(role) && role.as_str() != install::ROLE);
    let mut errors: Vec<PlanError> =
        unused.map(|role| no_use("disks", role, needs.disks.keys().filter(taken).collect())).collect();
    let unused = wanted.nics.keys().filter(|role| {
        role.as_str() != "management" && !needs.nics.contains_key(role) && !network::uses(wanted, role)
    });
    errors.extend(unused.map(|role| no_use("nics", role, needs.nics.keys().collect())));

    let mut disks = Disks::new();
    for (role, need) in needs.disks.iter().filter(|(role, _)| taken(role)) {
        let chosen = match (wanted.disks.get(role), bound.disks.get(role)) {
            (None, _) => Err(unnamed(role, need)),
            (Some(file), Some(taken)) => again(role, file, taken, facts).map(|()| taken.clone()),
            (Some(file), None) => first(role, file, need, facts),
        };
        match chosen {
            Ok(chosen) => _ = disks.insert(role.clone(), chosen),
            Err(error) => errors.push(error),
        }
    }
    errors.extend(twice(&disks));
    if errors.is_empty() { Ok(disks) } else { Err(errors) }
}

/// As many disks as the role takes.
fn first(
    role: &Role,
    file: &DiskRole,
    need: &DiskNeeds,
    facts: &Facts,
) -> Result<Vec<ChosenDisk>, PlanError> {
    let number = |count| usize::try_from(count).unwrap_or(usize::MAX);
    let takes = number(need.count)..=number(need.up_to.unwrap_or(need.count));
    match selector::resolve(role.as_str(), &file.select, &takes, facts, &[]) {
        Ok(found) => Ok(found.into_iter().map(|disk| choose(disk, file)).collect()),
        Err(error) => Err(PlanError::impossible(&format!("disks.{role}"), error.line(), error.hint)),
    }
}

pub(super) fn choose(disk: &Disk, file: &DiskRole) -> ChosenDisk {
    let names = || disk.serial.iter().chain(&disk.by_id).chain([&disk.id]);
    let named = file.wipe.iter().any(|consent| names().any(|name| name == consent.as_str()));
    ChosenDisk {
        id: disk.id.clone(),
        serial: disk.serial.clone(),
        // A disk without a size is no candidate.
        size: disk.size.unwrap_or(Bytes(0)),
        consent: if named { Consent::Given } else { Consent::Asked },
    }
}

/// The disks of the first run are there, and still those that the box file means.
fn again(role: &Role, file: &DiskRole, taken: &[ChosenDisk], facts: &Facts) -> Result<(), PlanError> {
    let key = format!("disks.{role}");
    let verdicts = selector::match_disks(&file.select, facts);
    for disk in taken {
        let now = facts.identity.disks.iter().find(|d| d.id == disk.id && d.serial == disk.serial);
        if now.is_none() {
            return Err(PlanError::unsafe_(
                &key,
                format!("{}, which an earlier run took, is not there any more", disk.id),
                "Put the disk back. A replaced disk is a new start for what was on it.",
            ));
        }
        if !verdicts.iter().any(|verdict| verdict.device == disk.id && verdict.matches) {
            return Err(PlanError::unsafe_(
                &key,
                format!("an earlier run took {}, and `{key}.match` now means another disk", disk.id),
                "Name the disk that was taken; data do not move by themselves.",
            ));
        }
    }
    Ok(())
}

/// A role that nothing uses is refused: the operator expects something of it that will not happen.
fn no_use(section: &str, role: &Role, roles: Vec<&Role>) -> PlanError {
    let roles: Vec<&str> = roles.into_iter().map(Role::as_str).collect();
    let has =
        if roles.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", roles.join(", ")) };
    PlanError::impossible(
        &format!("{section}.{role}"),
        format!("this profile has no use for the role `{role}`: {has}"),
        format!("Take `{role}` out of `{section}`, or choose a profile that uses it."),
    )
}

fn unnamed(role: &Role, need: &DiskNeeds) -> PlanError {
    PlanError::impossible(
        &format!("disks.{role}"),
        format!(
            "the profile takes {} for the role `{role}`, and the box file names none",
            super::text::plural(usize::try_from(need.count).unwrap_or(usize::MAX), "disk")
        ),
        format!("Say in `disks.{role}.match` which; `ciab match disk` tries a selector on the box."),
    )
}

/// One disk cannot have two roles.
fn twice(disks: &Disks) -> Vec<PlanError> {
    let mut first: BTreeMap<&str, &Role> = BTreeMap::new();
    let mut errors = Vec::new();
    for (role, disk) in disks.iter().flat_map(|(role, all)| all.iter().map(move |disk| (role, disk))) {
        if let Some(other) = first.insert(&disk.id, role) {
            errors.push(PlanError::unsafe_(
                &format!("disks.{role}"),
                format!("{} is taken by the role `{other}` already", disk.id),
                "Give each role a disk of its own.",
            ));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boxfile::ProfileName,
        plan::{Plan, Refusal, sample},
        profile::AtLeast,
    };

    const SERIAL: &str = "S676NX0R000009";

    /// The server with a second, empty disk, and profile `base` as if it took one for `data`.
    fn case(select: &str) -> (Facts, BoxFile, Profile) {
        let mut facts = sample::server();
        let (mut disk, mut usage) = (facts.identity.disks[0].clone(), facts.observed.disks[0].clone());
        disk.id = disk.id.replace("S676NX0R000001", SERIAL);
        disk.by_id = vec![disk.id.clone()];
        disk.serial = Some(SERIAL.into());
        (usage.disk, usage.name, usage.mounts) = (disk.id.clone(), "nvme1n1".into(), Vec::new());
        facts.identity.disks.push(disk);
        facts.observed.disks.push(usage);
        let mut profile = Profile::load(ProfileName::Base).unwrap();
        let size = AtLeast { minimum: Bytes::gib(100), recommended: Bytes::gib(200), source: String::new() };
        profile
            .needs
            .disks
            .insert("data".parse().unwrap(), DiskNeeds { count: 1, up_to: None, backend: None, size });
        let text = format!(
            r#"{{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base", "disks": {{"data": {select}}}}}"#
        );
        (facts, serde_json::from_str(&text).unwrap(), profile)
    }

    fn refusal(
        facts: &Facts,
        wanted: &BoxFile,
        profile: &Profile,
        bound: Option<&Bound>,
    ) -> (Refusal, String) {
        let errors = Plan::make(facts, wanted, profile, bound).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        (errors[0].kind, errors[0].to_string())
    }

    #[test]
    fn a_disk_is_taken_once_and_for_all() {
        let (mut facts, wanted, profile) =
            case(r#"{"match": {"transport": "nvme"}, "wipe": ["S676NX0R000009"]}"#);
        let plan = Plan::make(&facts, &wanted, &profile, None).unwrap();
        let disk = &plan.disks[&"data".parse().unwrap()][0];
        assert_eq!((disk.serial.as_deref(), disk.consent), (Some(SERIAL), Consent::Given));

        // Mounted by us since then; and the box file still means it.
        facts.observed.disks[1].mounts = vec!["/srv".into()];
        let bound = plan.bound();
        assert_eq!(Plan::make(&facts, &wanted, &profile, Some(&bound)).unwrap(), plan);

        let (_, other, _) = case(r#"{"match": {"serial": "S676NX0R000001"}}"#);
        let (kind, text) = refusal(&facts, &other, &profile, Some(&bound));
        assert!(kind == Refusal::Unsafe && text.contains("now means another disk"), "{text}");

        facts.identity.disks[1].serial = Some("OTHER".into());
        let (kind, text) = refusal(&facts, &wanted, &profile, Some(&bound));
        assert!(kind == Refusal::Unsafe && text.contains("is not there any more"), "{text}");
    }

    #[test]
    fn nothing_is_taken_by_guess() {
        let (facts, wanted, profile) = case(r#"{"match": {"serial": "S676NX0R000001"}}"#);
        let (_, text) = refusal(&facts, &wanted, &profile, None);
        assert!(text.contains("none that matches is free") && text.contains("in use at /"), "{text}");

        let mut nothing = wanted.clone();
        nothing.disks.clear();
        let (_, text) = refusal(&facts, &nothing, &profile, None);
        assert!(text.contains("the box file names none"), "{text}");

        let base = Profile::load(ProfileName::Base).unwrap();
        let (_, text) = refusal(&facts, &wanted, &base, None);
        assert_eq!(text, "disks.data: this profile has no use for the role `data`: it takes none");
    }
}
