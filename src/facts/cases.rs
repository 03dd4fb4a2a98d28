//! Whole boxes: recordings in `tests/cases/<name>`, with the facts that are read from each.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::{
    Facts,
    disk::{DiskKind, Transport, usage::HolderKind},
    page::facts_page,
    source::{
        Recording,
        recording::{Answer, Content},
        sketch,
    },
};

fn cases() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("facts.json").exists() || path.join("facts.txt").exists())
        .collect();
    cases.sort();
    cases
}

fn recording(case: &str) -> Recording {
    let path = format!("{}/tests/cases/{case}/facts.json", env!("CARGO_MANIFEST_DIR"));
    Recording::parse(&fs::read(path).unwrap()).unwrap()
}

/// Compares a file with what it should be, or writes it when `CIAB_BLESS` is set.
fn check(path: PathBuf, expected: &str) {
    if std::env::var_os("CIAB_BLESS").is_some() {
        return fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{}: differs; `make bless` writes it anew", path.display());
}

#[test]
fn every_box_gives_the_facts_that_stand_beside_it() {
    let cases = cases();
    assert!(cases.len() >= 5);
    for case in cases {
        if let Ok(text) = fs::read_to_string(case.join("facts.txt")) {
            let recording = sketch::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", case.display()));
            check(case.join("facts.json"), &recording.to_json().unwrap());
        }
        let recording = Recording::parse(&fs::read(case.join("facts.json")).unwrap()).unwrap();
        let facts = Facts::read(&recording);
        check(case.join("facts.expected.json"), &(serde_json::to_string_pretty(&facts).unwrap() + "\n"));
        check(case.join("facts.page.txt"), &facts_page(&facts));
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts, "reads back");
        let long = facts_page(&facts).lines().map(|l| l.chars().count()).max();
        assert!(long <= Some(80), "{}: a line of {long:?}", case.display());
    }
}

#[test]
fn a_server_is_read_whole() {
    let facts = Facts::read(&recording("server"));
    let transports: Vec<_> = facts.identity.disks.iter().map(|d| d.transport).collect();
    assert_eq!(transports, [Some(Transport::Sata), Some(Transport::Sata), Some(Transport::Nvme)]);
    assert_eq!(facts.identity.memory.ecc, Some(true));
    let bond = facts.observed.links.iter().find(|l| l.name == "bond0").unwrap();
    assert_eq!(bond.members, ["eno1", "eno2"]);
    assert!(facts.identity.nics.iter().all(|n| n.mac.is_some() && n.max_speed == Some(10_000)));
}

#[test]
fn leftovers_are_seen_and_devices_without_hardware_are_not() {
    let facts = Facts::read(&recording("leftovers"));
    let names: Vec<_> = facts.observed.disks.iter().map(|d| d.name.as_str()).collect();
    for name in ["loop0", "ram0", "zram0", "md127", "dm-0", "nvme0c0n1", "nbd0"] {
        assert!(!names.contains(&name), "{name}");
    }
    let holders: Vec<_> = facts.observed.disks.iter().flat_map(|d| &d.holders).map(|h| h.kind).collect();
    assert!(holders.contains(&HolderKind::Md) && holders.contains(&HolderKind::Lvm));
    let families: Vec<_> = facts
        .observed
        .disks
        .iter()
        .flat_map(|d| d.signatures.iter().chain(d.partitions.iter().flat_map(|p| &p.signatures)))
        .map(|s| s.kind.as_str())
        .collect();
    for kind in ["LVM2_member", "linux_raid_member", "ceph_bluestore", "zfs_member", "crypto_LUKS"] {
        assert!(families.contains(&kind), "{kind}");
    }
    let kinds: Vec<_> = facts.identity.disks.iter().map(|d| d.kind).collect();
    assert!(kinds.contains(&DiskKind::Optical));
    let twins = facts.identity.disks.iter().filter(|d| d.serial.as_deref() == Some("0123456789AB")).count();
    assert_eq!(twins, 2);
    let mut ids: Vec<_> = facts.identity.disks.iter().map(|d| &d.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), facts.identity.disks.len(), "every disk has an id of its own");
}

#[test]
fn an_empty_recording_gives_unknowns_only() {
    let facts = Facts::read(&Recording::default());
    assert!(facts.identity.disks.is_empty());
    assert!(facts.why_unknown("identity.disks").is_some());
    assert!(facts.why_unknown("identity.cpu").is_some());
    assert!(facts.why_unknown("observed.routes").is_some());
}

/// Damages one file or command of a recording.
fn damage(recording: &mut Recording, at: usize, with: &str, keep: usize) {
    let texts = recording.files.values_mut().filter_map(|answer| match answer {
        Answer::Is(Content::Text(text)) => Some(text),
        _ => None,
    });
    let outputs = recording.commands.values_mut().filter_map(|answer| match answer {
        Answer::Is(output) => match &mut output.stdout {
            Content::Text(text) => Some(text),
            Content::Hex(_) => None,
        },
        Answer::Error(_) => None,
    });
    let mut places: Vec<&mut String> = texts.chain(outputs).collect();
    let count = places.len();
    if let Some(text) = places.get_mut(at % count.max(1)) {
        let end = (0..=keep.min(text.len())).rev().find(|n| text.is_char_boundary(*n)).unwrap_or(0);
        text.truncate(end);
        text.push_str(with);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_makes_reading_fail(
        case in prop::sample::select(vec!["kvm", "leftovers", "nuc", "server", "vm"]),
        places in prop::collection::vec((any::<usize>(), "\\PC{0,40}", 0_usize..400), 1..20),
    ) {
        let mut recording = recording(case);
        for (at, with, keep) in places {
            damage(&mut recording, at, &with, keep);
        }
        let facts = Facts::read(&recording);
        facts_page(&facts);
        prop_assert_eq!(facts.identity.disks.len(), facts.observed.disks.len());
    }

    #[test]
    fn any_bytes_are_a_recording_or_refused(bytes: Vec<u8>) {
        let _ = Recording::parse(&bytes);
    }
}
