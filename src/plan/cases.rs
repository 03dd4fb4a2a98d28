//! The folders of `tests/cases`: a box and a box file make the plan, the page and the findings that lie beside them.
//! `BLESS=1 cargo test` writes what comes out.

use std::{fs, path::Path};

use super::{
    Plan, PlanError, Row,
    check::{self, Case, Report},
    page, sample, wipe,
};
use crate::{
    boxfile::{BoxFile, layers::Layers, place::Layer},
    facts::{
        Facts,
        machines::{expect, folder},
    },
    measure::Measured,
    profile::Profile,
};

fn wanted(case: &Path) -> BoxFile {
    let text = fs::read(case.join("box.yaml")).unwrap();
    let mut layers = Layers::new();
    layers.document(Layer::File, "box.yaml", &text);
    layers.wanted().unwrap_or_else(|findings| panic!("{}: {findings:?}", case.display())).boxfile
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| sample::named(name).is_some())
        .collect();
    names.sort();
    names
}

fn steps() -> Vec<Row> {
    let row = |id: &str, title: &str, seconds| Row {
        id: id.into(),
        title: title.into(),
        seconds,
        status: String::new(),
    };
    vec![row("packages", "Install packages", 120), row("firewall", "Set up the firewall", 2)]
}

/// What was tried on the box of a case; nothing where no file says so.
fn measured(case: &Path) -> Option<Measured> {
    let bytes = fs::read(case.join("measures.json")).ok()?;
    Some(Measured::parse(&bytes).unwrap())
}

fn found(
    facts: &Facts,
    measured: Option<&Measured>,
    wanted: &BoxFile,
    profile: &Profile,
    plan: &Result<Plan, Vec<PlanError>>,
) -> Report {
    let plan = plan.as_ref().map_err(Vec::as_slice);
    Report::new(check::judge(&Case { facts, measured, wanted, profile, plan, bound: None }, &[]))
}

#[test]
fn each_case_gives_what_lies_beside_it() {
    let names = names();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let case = folder().join(&name);
        let (facts, wanted) = (sample::named(&name).unwrap(), wanted(&case));
        let profile = Profile::load(wanted.profile).unwrap();
        let plan = Plan::make(&facts, &wanted, &profile, None);
        match &plan {
            Ok(plan) => {
                let json = serde_json::to_string_pretty(plan).unwrap();
                assert_eq!(&serde_json::from_str::<Plan>(&json).unwrap(), plan, "{name}: reads back");
                expect(&case.join("plan.json"), &format!("{json}\n"));
                let text = page(plan, &wipe::report(&facts, plan), &steps());
                narrow(&name, &text);
                expect(&case.join("plan.txt"), &text);
            }
            Err(errors) => {
                let text: Vec<String> = errors.iter().map(|e| format!("{e}\n  {}\n", e.hint)).collect();
                expect(&case.join("plan.txt"), &text.concat());
            }
        }
        let report = found(&facts, measured(&case).as_ref(), &wanted, &profile, &plan);
        let text = check::page(&report.findings);
        narrow(&name, &text);
        expect(&case.join("check.txt"), &text);
    }
}

fn narrow(name: &str, text: &str) {
    for line in text.lines() {
        let one_word = line.split_whitespace().count() <= 2;
        assert!(line.chars().count() <= 80 || one_word, "{name}: `{line}` is wider than a terminal");
        assert_eq!(line, line.trim_end(), "{name}");
    }
}

/// Protocol, "Inputs, second runs": what the first run left on the box changes no byte of the second plan.
#[test]
fn a_second_run_plans_the_same() {
    for name in names() {
        let (facts, wanted) = (sample::named(&name).unwrap(), wanted(&folder().join(&name)));
        let profile = Profile::load(wanted.profile).unwrap();
        let Ok(first) = Plan::make(&facts, &wanted, &profile, None) else { continue };
        let again = Plan::make(&facts, &wanted, &profile, None).unwrap();
        assert_eq!(bytes(&first), bytes(&again), "{name}: same inputs");
        let after = sample::deployed(&facts);
        let second = Plan::make(&after, &wanted, &profile, Some(&first.bound())).unwrap();
        assert_eq!(bytes(&first), bytes(&second), "{name}: second run");

        let bound = first.bound();
        let case = Case {
            facts: &after,
            measured: None,
            wanted: &wanted,
            profile: &profile,
            plan: Ok(&second),
            bound: Some(&bound),
        };
        let second = check::judge(&case, &[]);
        let first = found(&facts, None, &wanted, &profile, &Ok(first)).findings;
        for finding in second.iter().filter(|f| f.status >= check::Status::Warn) {
            assert!(first.contains(finding), "{name}: our own work is held against us: {finding:?}");
        }
    }
}

fn bytes(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap()
}
