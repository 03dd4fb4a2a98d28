//! Whole boxes: recordings in `tests/cases/<name>`, with the facts that are read from each.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{
    Facts,
    disk::{DiskKind, Transport, usage::HolderKind},
    machines::{expect, facts, folder, names, recording},
    page::facts_page,
    source::{
        Recorder, Recording,
        recording::{Answer, Content},
    },
};

/// Of the facts of these every word is kept; of the others the page, and a digest of the rest.
const WHOLE: [&str; 5] = ["kvm", "leftovers", "nuc", "server", "vm"];

#[test]
fn every_box_gives_the_facts_that_stand_beside_it() {
    let mut digests = String::new();
    for name in names() {
        let facts = facts(&name);
        let page = facts_page(&facts);
        for line in page.lines().filter(|line| line.chars().count() > 80) {
            // A name that is longer than a terminal cannot be folded.
            assert!(line.split_whitespace().count() <= 2, "{name}: `{line}` is wider than a terminal");
        }
        expect(&folder().join(&name).join("facts.page.txt"), &page);
        let json = serde_json::to_string_pretty(&facts).unwrap() + "\n";
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts, "{name}: reads back");
        if WHOLE.contains(&name.as_str()) {
            expect(&folder().join(&name).join("facts.expected.json"), &json);
        } else {
            let digest: String = Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect();
            digests.push_str(&format!("{digest}  {name}\n"));
        }
    }
    expect(&folder().join("facts.sha256"), &digests);
}

#[test]
fn a_sketch_has_the_answers_that_a_recording_would_have() {
    for name in names() {
        let recorder = Recorder::new(recording(&name));
        let facts = Facts::read(&recorder);
        let json = recorder.into_recording().to_json().unwrap();
        assert_eq!(Facts::read(&Recording::parse(json.as_bytes()).unwrap()), facts, "{name}");
    }
}

/// A question that no reader asks would be decoration that looks like a fact.
#[test]
fn a_sketch_holds_nothing_that_no_reader_asks_for() {
    let mut decoration = Vec::new();
    for name in names() {
        let sketch = recording(&name);
        let recorder = Recorder::new(sketch.clone());
        Facts::read(&recorder);
        let asked = recorder.into_recording();
        let unasked = sketch
            .files
            .iter()
            .filter(|(path, answer)| matches!(answer, Answer::Is(_)) && !asked.files.contains_key(*path))
            .map(|(path, _)| path)
            .chain(sketch.links.keys().filter(|path| !asked.links.contains_key(*path)))
            .chain(sketch.commands.keys().filter(|line| !asked.commands.contains_key(*line)));
        decoration.extend(unasked.map(|question| format!("{name}: {question}")));
    }
    assert!(decoration.is_empty(), "{decoration:#?}");
}

#[test]
fn a_server_is_read_whole() {
    let facts = facts("server");
    let transports: Vec<_> = facts.identity.disks.iter().map(|d| d.transport).collect();
    assert_eq!(transports, [Some(Transport::Sata), Some(Transport::Sata), Some(Transport::Nvme)]);
    assert_eq!(facts.identity.memory.ecc, Some(true));
    let bond = facts.observed.links.iter().find(|l| l.name == "bond0").unwrap();
    assert_eq!(bond.members, ["eno1", "eno2"]);
    assert!(facts.identity.nics.iter().all(|n| n.mac.is_some() && n.max_speed == Some(10_000)));
}

#[test]
fn leftovers_are_seen_and_devices_without_hardware_are_not() {
    let facts = facts("leftovers");
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
        case in prop::sample::select(names()),
        places in prop::collection::vec((any::<usize>(), "\\PC{0,40}", 0_usize..400), 1..20),
    ) {
        let mut recording = recording(&case);
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
