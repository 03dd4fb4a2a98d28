//! Every recorded machine, planned and judged for every profile; and no two of them are decided alike.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Plan, PlanError,
    check::{self, Case, Report},
    page, wipe,
};
use crate::{
    boxfile::{BoxFile, ProfileName},
    facts::{
        Facts,
        machines::{expect, facts, folder, names},
    },
    profile::Profile,
};

const PROFILES: [ProfileName; 1] = [ProfileName::Base];

/// What only names a machine or its place in a network: a plan that differs in nothing else decides the same.
const NAMES: [&str; 4] =
    ["bound", "network.management.addressing", "network.management.interface", "network.management.mac"];

fn wanted(profile: ProfileName) -> BoxFile {
    let text = format!(r#"{{"apiVersion": "ciab/v1", "kind": "Box", "profile": "{profile}"}}"#);
    serde_json::from_str(&text).unwrap()
}

fn planned(facts: &Facts, profile: &Profile) -> (Result<Plan, Vec<PlanError>>, Report) {
    let wanted = wanted(profile.name);
    let plan = Plan::make(facts, &wanted, profile, None);
    let judged = plan.as_ref().map_err(Vec::as_slice);
    let case = Case { facts, measured: None, wanted: &wanted, profile, plan: judged, bound: None };
    let report = Report::new(check::judge(&case, &[]));
    (plan, report)
}

/// Every value of a plan by its place, without names; `refused` where there is no plan.
fn decisions(plan: &Result<Plan, Vec<PlanError>>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    match plan {
        Ok(plan) => flatten("", &serde_json::to_value(plan).unwrap(), &mut values),
        Err(errors) => {
            let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
            values.insert("refused".into(), keys.join(", "));
        }
    }
    values
}

fn flatten(place: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    if NAMES.contains(&place) {
        return;
    }
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&below(key), value, into)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| flatten(&below(&at.to_string()), value, into));
        }
        value => _ = into.insert(place.to_owned(), value.to_string()),
    }
}

/// The places in which two plans differ; the reasons in `why` follow from their values.
fn differences(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let mut places: Vec<&String> = one.keys().chain(other.keys()).collect();
    places.sort();
    places.dedup();
    places.retain(|place| one.get(*place) != other.get(*place) && !place.starts_with("why."));
    places.into_iter().cloned().collect()
}

/// The most telling places first: what fits follows from the size of a machine, and free space always differs.
fn rank(place: &str) -> u8 {
    match place {
        _ if place.starts_with("fit.disk") => 2,
        _ if place.starts_with("fit.") => 1,
        _ => 0,
    }
}

#[test]
fn every_machine_goes_from_facts_to_findings_and_a_page() {
    for profile in PROFILES {
        let profile = Profile::load(profile).unwrap();
        for name in names() {
            let facts = facts(&name);
            let (plan, report) = planned(&facts, &profile);
            assert!(report.findings.len() > 20, "{name}");
            assert!(!check::page(&report.findings).is_empty(), "{name}");
            match plan {
                Ok(plan) => assert!(page(&plan, &wipe::report(&facts, &plan), &[]).contains("Does it fit")),
                Err(errors) => {
                    assert!(!errors.is_empty() && report.fails(), "{name}: a refusal has a reason");
                }
            }
        }
    }
}

/// One line a pair: in how many places their plans differ, and two of them with both values. A machine that is planned
/// like another one tests nothing that the other does not.
#[test]
fn no_two_machines_are_decided_alike() {
    let names = names();
    assert!(names.len() >= 12, "{names:?}");
    for profile in PROFILES {
        let profile = Profile::load(profile).unwrap();
        let decided: Vec<BTreeMap<String, String>> =
            names.iter().map(|name| decisions(&planned(&facts(name), &profile).0)).collect();
        let mut text = String::new();
        for (at, one) in names.iter().enumerate() {
            for (other, their) in names.iter().zip(&decided).skip(at + 1) {
                let mut places = differences(&decided[at], their);
                assert!(!places.is_empty(), "{} plans {one} and {other} alike", profile.name);
                places.sort_by_key(|place| rank(place));
                let value =
                    |of: &BTreeMap<String, String>, place| of.get(place).cloned().unwrap_or("nothing".into());
                let told: Vec<String> = places
                    .iter()
                    .take(2)
                    .map(|place| format!("{place} {} | {}", value(&decided[at], place), value(their, place)))
                    .collect();
                text.push_str(&format!("{one} | {other}: {} places, {}\n", places.len(), told.join(", ")));
            }
        }
        expect(&folder().join(format!("differences-{}.txt", profile.name)), &text);
    }
}
