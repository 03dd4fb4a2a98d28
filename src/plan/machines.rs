//! Every recorded machine, planned and judged for every profile; and no two of them are decided alike.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use super::{
    Plan, PlanError,
    check::{self, Case, Report, Status},
    page, wipe,
};
use crate::{
    boxfile::{BoxFile, ProfileName, layers::Layers, place::Layer},
    facts::{
        Facts,
        machines::{expect, facts, folder, names},
    },
    profile::Profile,
};

/// What only names a machine or its place in a network: a plan that differs in nothing else decides the same.
const NAMES: [&str; 5] = [
    "bound",
    "network.management.address_interface",
    "network.management.addressing",
    "network.management.interface",
    "network.management.mac",
];

/// The box file that an operator would write for a machine: disks are named, nothing else.
fn wanted(profile: ProfileName, machine: &str) -> BoxFile {
    let text = fs::read_to_string(folder().join("disks.yaml")).unwrap();
    let disks: BTreeMap<String, BTreeMap<String, Value>> = crate::yaml::from_str(&text).unwrap();
    let role = match profile {
        ProfileName::Core => "volumes",
        ProfileName::Sandbox => "osd",
        ProfileName::Base | ProfileName::Edge => "",
    };
    let mut file = json!({
        "apiVersion": "ciab/v1",
        "kind": "Box",
        "profile": profile.to_string(),
        "access": {"ssh_keys": [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8kLmKLq0K4m4t3GcFLIsbVb8J7w0mZrOq5v1u4uTlZ ada@example.org"
        ]},
    });
    if let Some(disk) = disks.get(machine).and_then(|roles| roles.get(role)) {
        file["disks"] = json!({ role: disk });
    }
    let mut layers = Layers::new();
    layers.document(Layer::File, "box.yaml", file.to_string().as_bytes());
    layers.wanted().unwrap_or_else(|findings| panic!("{machine}: {findings:?}")).boxfile
}

fn planned(facts: &Facts, machine: &str, profile: &Profile) -> (Result<Plan, Vec<PlanError>>, Report) {
    let wanted = wanted(profile.name, machine);
    let plan = Plan::make(facts, &wanted, profile, None);
    let judged = plan.as_ref().map_err(Vec::as_slice);
    let case = Case { facts, measured: None, wanted: &wanted, profile, plan: judged, bound: None };
    let report = Report::new(check::judge(&case, &[]));
    (plan, report)
}

/// Every value of a plan by its place, without names.
fn decisions(plan: &Plan) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    flatten("", &serde_json::to_value(plan).unwrap(), &mut values);
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

/// The places in which two plans differ, the most telling first; the reasons in `why` follow from their values.
fn differences(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let mut places: Vec<&String> = one.keys().chain(other.keys()).collect();
    places.sort();
    places.dedup();
    places.retain(|place| one.get(*place) != other.get(*place) && !place.starts_with("why."));
    places.sort_by_key(|place| rank(place));
    places.into_iter().cloned().collect()
}

/// What fits follows from the size of a machine, and free space always differs.
fn rank(place: &str) -> u8 {
    let begins = |all: &[&str]| all.iter().any(|start| place.starts_with(start));
    match place {
        _ if begins(&["cloud.sizing.image", "cloud.sizing.log", "cloud.sizing.memory."]) => 2,
        _ if begins(&["cloud.sizing.", "cloud.storage."]) => 0,
        _ if begins(&["docker.", "kernel.", "os."]) => 1,
        _ if begins(&["fit.flavors", "fit.memory", "fit.millicores"]) => 3,
        _ if begins(&["fit."]) => 4,
        _ => 2,
    }
}

/// The parts of a page that say what is lost, how large everything is and what fits.
fn short(page: &str) -> String {
    let kept = ["Wipe report\n", "Sizes\n", "Does it fit\n", "To switch off\n"];
    let sections = page.split("\n\n").filter(|section| kept.iter().any(|title| section.starts_with(title)));
    sections.map(|section| format!("{}\n", section.trim_end())).collect()
}

/// What every profile makes of a machine: what fits, or why there is no plan, and what preflight says of its hardware.
fn summary(machine: &str) -> String {
    let facts = facts(machine);
    let mut text = String::new();
    for name in ProfileName::ALL {
        let (plan, report) = planned(&facts, machine, &Profile::load(name).unwrap());
        text += &format!("== {name}\n");
        match plan {
            Ok(plan) => text += &short(&page(&plan, &wipe::report(&facts, &plan), &[])),
            Err(errors) => text.extend(errors.iter().map(|error| format!("No plan: {error}.\n"))),
        }
        let hardware = |category: &str| ["cpu", "disk", "memory"].contains(&category);
        for finding in report.findings.iter().filter(|f| hardware(&f.category) && f.status >= Status::Warn) {
            let subject = finding.subject.as_ref().map(|s| format!(" {s}")).unwrap_or_default();
            let measured = finding.measured.as_ref().map(|m| format!("{m}; ")).unwrap_or_default();
            let word = if finding.status == Status::Fail { "FAIL" } else { "warn" };
            text += &format!("{word} {}{subject}: {measured}{}\n", finding.id, finding.message);
        }
        text += "\n";
    }
    text
}

#[test]
fn every_machine_is_planned_and_judged_for_every_profile() {
    for name in names() {
        expect(&folder().join(&name).join("plans.txt"), &summary(&name));
    }
}

/// One line a pair, with two places in which their plans differ and both values. A machine that is planned like another
/// one tests nothing that the other does not.
#[test]
fn no_two_machines_are_decided_alike() {
    let names = names();
    assert!(names.len() >= 12, "{names:?}");
    let facts: Vec<Facts> = names.iter().map(|name| facts(name)).collect();
    for profile in ProfileName::ALL.map(|name| Profile::load(name).unwrap()) {
        let plans = names.iter().zip(&facts).map(|(name, facts)| planned(facts, name, &profile).0.ok());
        let decided: Vec<(&String, Option<BTreeMap<String, String>>)> =
            names.iter().zip(plans.map(|plan| plan.as_ref().map(decisions))).collect();
        let mut text = String::new();
        for (at, (one, mine)) in decided.iter().enumerate() {
            for (other, their) in &decided[at + 1..] {
                // Without a plan nothing is decided.
                let (Some(mine), Some(their)) = (mine, their) else { continue };
                let places = differences(mine, their);
                assert!(!places.is_empty(), "{} plans {one} and {other} alike", profile.name);
                let value =
                    |of: &BTreeMap<String, String>, at| of.get(at).cloned().unwrap_or("nothing".into());
                let told: Vec<String> = places
                    .iter()
                    .take(2)
                    .map(|place| format!("{place} {} | {}", value(mine, place), value(their, place)))
                    .collect();
                text += &format!("{one} | {other}: {}\n", told.join(", "));
            }
        }
        expect(&folder().join(format!("differences-{}.txt", profile.name)), &text);
    }
}
