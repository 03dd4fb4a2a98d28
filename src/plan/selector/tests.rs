//! Selectors on boxes with awkward disks.

use super::*;
use crate::facts::{
    disk::{
        DiskKind, Transport,
        usage::{DiskUse, Holder, HolderKind, Partition},
    },
    nic::link::Link,
};

fn disk(id: &str, serial: Option<&str>, gib: u64) -> Disk {
    Disk {
        id: id.into(),
        kind: DiskKind::Disk,
        by_id: Vec::new(),
        by_path: Some(format!("pci-{id}")),
        serial: serial.map(Into::into),
        wwn: None,
        vendor: None,
        model: Some("Samsung SSD 860".into()),
        transport: Some(Transport::Sata),
        size: Some(Bytes::gib(gib)),
        logical_block: None,
        physical_block: None,
        rotational: None,
        discard: None,
        removable: Some(false),
    }
}

fn unused(id: &str, name: &str) -> DiskUse {
    DiskUse {
        disk: id.into(),
        name: name.into(),
        read_only: Some(false),
        boot_medium: false,
        table: None,
        partitions: Vec::new(),
        signatures: Vec::new(),
        mounts: Vec::new(),
        holders: Vec::new(),
    }
}

/// `a` is in use by LVM and mounted, `b` and `c` are twins but for their place, `d` has no serial.
fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.identity.disks = vec![
        disk("a", Some("S1"), 500),
        disk("b", Some("S4TWIN"), 1000),
        disk("c", Some("S4TWIN"), 1000),
        disk("d", None, 2000),
    ];
    facts.observed.disks =
        vec![unused("a", "sda"), unused("b", "sdb"), unused("c", "sdc"), unused("d", "vda")];
    let used = &mut facts.observed.disks[0];
    used.partitions.push(Partition {
        name: "sda2".into(),
        number: 2,
        start: None,
        size: None,
        type_id: None,
        label: None,
        uuid: None,
        signatures: Vec::new(),
        mounts: Vec::new(),
    });
    used.holders.push(Holder {
        name: "dm-0".into(),
        kind: HolderKind::Lvm,
        label: Some("vg0-root".into()),
        on: "sda2".into(),
        signatures: Vec::new(),
        mounts: vec!["/".into()],
    });
    facts
}

fn select(filter: &str) -> DiskMatch {
    parse_disk_filter(&[filter]).unwrap()
}

fn matching(filter: &str, facts: &Facts) -> Vec<String> {
    let verdicts = match_disks(&select(filter), facts).into_iter();
    verdicts.filter(|v| v.matches).map(|v| v.device).collect()
}

#[test]
fn every_condition_must_be_met() {
    let facts = facts();
    assert_eq!(matching("serial=S4*", &facts), ["b", "c"]);
    assert_eq!(matching("serial=S4*,size>=2TiB", &facts), [""; 0]);
    assert_eq!(matching("transport=sata,size<600GiB", &facts), ["a"]);
}

#[test]
fn a_property_that_is_missing_is_no_match() {
    let facts = facts();
    let verdicts = match_disks(&select("serial=*"), &facts);
    assert!(!verdicts[3].matches);
    assert_eq!(verdicts[3].conditions[0].to_string(), "serial is unknown, wanted *");
    assert_eq!(matching("wwn=*", &facts), [""; 0]);
    assert_eq!(matching("rotational=false", &facts), [""; 0], "unknown is not false");
}

#[test]
fn an_empty_selector_selects_nothing() {
    assert!(match_disks(&DiskMatch::default(), &facts()).iter().all(|v| !v.matches));
}

#[test]
fn several_matches_are_an_error_that_lists_them() {
    let error = resolve("system", &select("serial=S4*"), &(1..=1), &facts(), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "role `system` takes 1 disk, and 2 match (serial S4*)\n\
        \x20 b (sdb, serial S4TWIN, 1000 GiB, Samsung SSD 860)\n\
        \x20 c (sdc, serial S4TWIN, 1000 GiB, Samsung SSD 860)"
    );
    let facts = facts();
    let found = resolve("system", &select("serial=S4*,path=pci-c"), &(1..=1), &facts, &[]).unwrap();
    assert_eq!(found[0].id, "c");
    assert_eq!(resolve("ceph", &select("serial=S4*"), &(2..=2), &facts, &[]).unwrap().len(), 2);
}

#[test]
fn a_disk_in_use_is_no_candidate_unless_it_is_ours() {
    let facts = facts();
    let error = resolve("system", &select("serial=S1"), &(1..=1), &facts, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "role `system` takes 1 disk, and none that matches is free (serial S1)\n  \
        a (sda, serial S1, 500 GiB, Samsung SSD 860): it is in use at /"
    );
    let verdict = &match_disks(&select("serial=S1"), &facts)[0];
    assert_eq!(verdict.obstacles, ["it is in use at /", "sda2 belongs to the active LVM volume vg0-root"]);
    assert_eq!(resolve("system", &select("serial=S1"), &(1..=1), &facts, &["a"]).unwrap()[0].id, "a");
}

#[test]
fn none_and_too_few_say_why() {
    let facts = facts();
    let error = resolve("system", &select("size>=3TiB"), &(1..=1), &facts, &[]).unwrap_err();
    assert_eq!(error.message, "role `system` takes 1 disk, and none matches (size >=3TiB)");
    assert_eq!(
        error.devices[0],
        "a (sda, serial S1, 500 GiB, Samsung SSD 860): size is 500GiB, wanted >=3TiB"
    );
    let error = resolve("ceph", &select("serial=S4*"), &(3..=3), &facts, &[]).unwrap_err();
    assert_eq!(error.message, "role `ceph` takes 3 disks, and only 2 match (serial S4*)");
}

#[test]
fn media_empty_drives_and_unknown_use_are_obstacles() {
    let mut facts = facts();
    facts.identity.disks[1].kind = DiskKind::Optical;
    facts.identity.disks[2].size = Some(Bytes(0));
    facts.observed.disks[3].boot_medium = true;
    facts.observed.disks[3].read_only = Some(true);
    let reasons = |at: usize| obstacles(&facts.identity.disks[at], &facts);
    assert_eq!(reasons(1), ["it is an optical drive"]);
    assert_eq!(reasons(2), ["it has no medium"]);
    assert_eq!(reasons(3), ["the running system was started from it", "it is read-only"]);
    facts.observed.disks.clear();
    assert_eq!(obstacles(&facts.identity.disks[3], &facts), ["its present use is unknown"]);
}

#[test]
fn consent_names_what_no_other_disk_has() {
    let mut facts = facts();
    let name = |facts: &Facts, at: usize| naming(&facts.identity.disks[at], facts);
    assert_eq!(name(&facts, 0), Some(Naming::Serial("S1".into())));
    let path = |path: &str, gib| Naming::PathAndSize { path: path.into(), size: Bytes::gib(gib) };
    assert_eq!(name(&facts, 1), Some(path("pci-b", 1000)), "twins are told by their place");
    assert_eq!(name(&facts, 3), Some(path("pci-d", 2000)));
    facts.identity.disks[1].by_id = vec!["ata-X".into()];
    assert_eq!(name(&facts, 1), Some(Naming::ById("ata-X".into())));
    facts.identity.disks[3].by_path = None;
    assert_eq!(name(&facts, 3), None);
    assert_eq!(warnings(&facts.identity.disks[3], &facts), ["nothing tells it from another disk"]);
}

#[test]
fn cards_are_told_by_hardware_and_by_cable() {
    let mut facts = Facts::default();
    let nic = |last: u8, pci: &str| Nic {
        id: format!("n{last}"),
        mac: Some(crate::units::Mac([2, 0, 0, 0, 0, last])),
        path: None,
        pci: Some(pci.into()),
        driver: Some("igb".into()),
        vendor: None,
        model: None,
        max_speed: None,
    };
    let link = |name: &str, nic: &str, carrier| Link {
        name: name.into(),
        nic: Some(nic.into()),
        kind: "physical".into(),
        mac: None,
        mtu: None,
        up: true,
        carrier,
        speed: None,
        master: None,
        members: Vec::new(),
        on: None,
        vlan: None,
        addresses: Vec::new(),
    };
    facts.identity.nics = vec![nic(1, "0000:01:00.0"), nic(2, "0000:01:00.1")];
    facts.observed.links = vec![link("eno1", "n1", Some(true)), link("eno2", "n2", None)];
    let one = |filter: &str| {
        let select = parse_nic_filter(&[filter]).unwrap();
        resolve_nic("management", &select, &facts).map(|nic| nic.id.clone()).map_err(|e| e.message)
    };
    assert_eq!(one("carrier=true").as_deref(), Ok("n1"));
    assert_eq!(one("mac=02:00:00:00:00:02").as_deref(), Ok("n2"));
    assert_eq!(one("name=eno2,path=0000:01:*").as_deref(), Ok("n2"));
    assert_eq!(
        one("driver=igb").unwrap_err(),
        "role `management` takes 1 network card, and 2 match (driver igb)"
    );
    assert_eq!(
        one("carrier=false").unwrap_err(),
        "role `management` takes 1 network card, and none matches (carrier false)"
    );
}
