//! `tests/skips/allowed`: what each kind of host may leave out, every line with a reason. The end-to-end tests hold real
//! hosts against it (`tests/skips/compare`).

use std::{collections::BTreeSet, fs, path::Path};

use ciab::{plan::check, profile::hints};

const ALLOWED: &str = include_str!("skips/allowed");

struct Line<'a> {
    kind: &'a str,
    when: &'a str,
    id: &'a str,
    reason: &'a str,
}

fn lines() -> Vec<Line<'static>> {
    let written = ALLOWED.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let line = |line: &'static str| {
        let mut rest = line;
        let mut word = || {
            let (word, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            rest = more.trim_start();
            word
        };
        let (kind, when, id) = (word(), word(), word());
        Line { kind, when, id, reason: rest }
    };
    written.map(line).collect()
}

#[test]
fn every_line_names_what_there_is_and_says_why() {
    let proofs =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verify/cases/debian-full.txt"));
    let proofs = proofs.unwrap();
    let mut seen = BTreeSet::new();
    for Line { kind, when, id, reason } in lines() {
        assert!(["container", "vm"].contains(&kind), "{kind}");
        assert!(reason.split_whitespace().count() >= 3, "{id} has no reason");
        assert!(seen.insert((kind, when, id)), "{kind} {when} {id} stands there twice");
        match when {
            "bare" | "again" => assert!(check::find(id).is_some() && hints().get(id).is_some(), "{id}"),
            "proofs" => assert!(proofs.contains(&format!("\n{id}: ")), "{id}"),
            other => panic!("{other} is no time"),
        }
    }
}

/// The promise: on a machine of its own with Debian's kernel everything is looked at and everything is proven.
#[test]
fn a_virtual_machine_leaves_nothing_out() {
    for Line { kind, when, id, .. } in lines() {
        let only_once = check::find(id).is_some_and(|check| check.applies == check::Applies::First);
        assert!(kind != "vm" || (when == "again" && only_once), "{id} is left out {when}");
    }
}
