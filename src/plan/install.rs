//! The installation of a bare machine: which disk is taken, how it is laid out, who may log in.

use serde::{Deserialize, Serialize};

use super::{ChosenDisk, PlanError, disks, selector};
use crate::{
    boxfile::{BoxFile, installation::Installation, selector::DiskRole},
    facts::{
        Facts,
        disk::usage::{self, PartitionTable},
        firmware::BootMode,
    },
    profile::{Layout, LayoutPart, PartKind},
    tree::sha256,
    units::Bytes,
};

/// The version of the document.
pub const SCHEMA: &str = "ciab/install/v1";
/// The disk's role in the box file. `deploy` leaves it as it is.
pub const ROLE: &str = "system";
/// Before the first partition, and behind the last one: both copies of a GPT have room there, with blocks of any size.
const MARGIN: Bytes = Bytes::mib(1);
/// A volume group that is smaller could hold nothing.
const LEAST_GROUP: Bytes = Bytes::gib(1);
/// Bytes of a block that a BIOS can start from (INT 13h).
const BIOS_BLOCK: Bytes = Bytes(512);

/// Everything that will be true of the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    pub schema: String,
    pub disk: ChosenDisk,
    /// Whether a BIOS can start from it; UEFI always can.
    pub bios: bool,
    pub partitions: Vec<Partition>,
    /// The name of the root until all is done.
    pub unfinished: String,
    /// The volume group on what is left of the disk.
    pub group: Option<String>,
    /// UUID of the root's file system; of this disk alone, so that two installed disks of one machine are told apart.
    pub root: String,
    /// UUID of what is swapped to.
    pub swap: String,
    /// Serial number of the EFI system partition's file system, as `blkid` writes it: `1234-ABCD`.
    pub efi: String,
    /// What the machine is called: name, and name with domain.
    pub name: String,
    pub fqdn: String,
    /// May log in as root until `deploy` has made the operator.
    pub keys: Vec<String>,
}

/// One partition, in bytes from the beginning of the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    pub number: u32,
    pub name: String,
    pub kind: PartKind,
    pub start: Bytes,
    pub size: Bytes,
}

impl Install {
    /// The partition of a kind, where the box file wants one.
    pub fn has(&self, kind: PartKind) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.kind == kind)
    }

    pub fn root_partition(&self) -> &Partition {
        self.has(PartKind::Root).unwrap_or_else(|| unreachable!("profiles/install.yaml has a root"))
    }

    /// What the disk's table says of an installation of ours.
    pub fn standing(&self, facts: &Facts) -> Standing {
        let usage = facts.observed.disks.iter().find(|usage| usage.disk == self.disk.id);
        let Some(usage) = usage.filter(|usage| usage.table == Some(PartitionTable::Gpt)) else {
            return Standing::Other;
        };
        let root = self.root_partition();
        let is_root = |there: &usage::Partition| there.type_id.as_deref() == Some(PartKind::Root.type_id());
        // Whatever the box file wants by now: a system that was put there whole is not wiped for another layout.
        if usage.partitions.iter().any(|there| is_root(there) && there.label.as_ref() == Some(&root.name)) {
            return Standing::Finished;
        }
        let same = |(there, ours): (&usage::Partition, &Partition)| {
            let name = if ours.kind == PartKind::Root { &self.unfinished } else { &ours.name };
            (there.number, there.start, there.size) == (ours.number, Some(ours.start), Some(ours.size))
                && there.type_id.as_deref() == Some(ours.kind.type_id())
                && there.label.as_ref() == Some(name)
        };
        let all = usage.partitions.len() == self.partitions.len()
            && usage.partitions.iter().zip(&self.partitions).all(same);
        if all { Standing::Begun } else { Standing::Other }
    }
}

/// What is on the disk of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Anything else.
    Other,
    /// An installation that has not come to its end.
    Begun,
    /// A system that was put there whole.
    Finished,
}

/// The disk of the system, where the box file names one.
pub fn role(wanted: &BoxFile) -> Option<&DiskRole> {
    wanted.disks.iter().find(|(role, _)| role.as_str() == ROLE).map(|(_, file)| file)
}

/// Decides it, or says everything that stands against it.
pub fn make(facts: &Facts, wanted: &BoxFile, layout: &Layout) -> Result<Install, Vec<PlanError>> {
    let mut errors = Vec::new();
    if wanted.access.ssh_keys.is_empty() {
        let hint = "Put your public key below `access.ssh_keys`: there is no password anywhere.";
        errors.push(PlanError::impossible("access.ssh_keys", "nobody could log in", hint));
    }
    let (chosen, bios) = match disk(facts, wanted) {
        Ok(found) if errors.is_empty() => found,
        Ok(_) => return Err(errors),
        Err(error) => {
            errors.push(error);
            return Err(errors);
        }
    };
    let partitions = partitions(layout, chosen.size, &wanted.install).map_err(|error| vec![error])?;
    let group = wanted.storage.volume_group.as_ref().map(ToString::to_string);
    let seed = format!("{} {} {}", chosen.id, chosen.size.0, chosen.serial.as_deref().unwrap_or_default());
    let efi = sha256(format!("efi {seed}").as_bytes()).to_uppercase();
    Ok(Install {
        schema: SCHEMA.to_owned(),
        bios,
        group: group.filter(|_| partitions.iter().any(|partition| partition.kind == PartKind::Volumes)),
        partitions,
        disk: chosen,
        unfinished: layout.unfinished.to_string(),
        root: uuid(&format!("root {seed}")),
        swap: uuid(&format!("swap {seed}")),
        efi: format!("{}-{}", &efi[..4], &efi[4..8]),
        name: wanted.name.to_string(),
        fqdn: wanted.fqdn(),
        keys: wanted.access.ssh_keys.iter().map(ToString::to_string).collect(),
    })
}

/// The one disk, and whether a BIOS can start from it.
fn disk(facts: &Facts, wanted: &BoxFile) -> Result<(ChosenDisk, bool), PlanError> {
    let key = format!("disks.{ROLE}");
    let Some(file) = role(wanted) else {
        let hint = "Try selectors with `ciab match disk`, and write the one that means it below `disks.system.match`.";
        return Err(PlanError::impossible(&key, "the box file names no disk for the system", hint));
    };
    let disk = match selector::resolve(ROLE, &file.select, &(1..=1), facts, &[]).as_deref() {
        Ok([disk]) => *disk,
        Ok(_) => unreachable!("one disk was asked for"),
        Err(error) => {
            return Err(PlanError::unsafe_(&key, error.line(), error.hint.clone()));
        }
    };
    let chosen = disks::choose(disk, file);
    let bios = disk.logical_block.unwrap_or(BIOS_BLOCK) == BIOS_BLOCK;
    if !bios && facts.identity.firmware.mode == Some(BootMode::Bios) {
        let message = format!("{} has blocks of 4096 bytes, from which no BIOS starts", chosen.id);
        return Err(PlanError::impossible(&key, message, "Start the machine by UEFI, or name another disk."));
    }
    Ok((chosen, bios))
}

/// One behind the other, in whole MiB. The root has what is left, or a volume group has that.
fn partitions(layout: &Layout, disk: Bytes, wanted: &Installation) -> Result<Vec<Partition>, PlanError> {
    let whole = |size: Bytes| Bytes(size.0.next_multiple_of(MARGIN.0));
    let end = disk.0.saturating_sub(MARGIN.0) / MARGIN.0 * MARGIN.0;
    let sizes: Vec<(&LayoutPart, Option<Bytes>)> = layout
        .partitions
        .iter()
        .filter_map(|part| match part.kind {
            PartKind::Bios | PartKind::Efi => Some((part, part.size)),
            PartKind::Swap => wanted.swap.map(|size| (part, Some(whole(size)))),
            PartKind::Root => Some((part, wanted.root.map(whole))),
            PartKind::Volumes => wanted.root.map(|_| (part, None)),
        })
        .collect();
    let root = wanted.root.unwrap_or(layout.minimum);
    if root < layout.minimum {
        let (has, needs) = (root.human(), layout.minimum.human());
        let message = format!("the root has {has}, and a system needs {needs}");
        return Err(PlanError::impossible("install.root", message, "Give it more, or leave it out."));
    }
    // A volume group with nothing in it but what LVM needs for itself would be no use.
    let rest = if wanted.root.is_some() { LEAST_GROUP } else { layout.minimum };
    let taken: u64 = sizes.iter().map(|(_, size)| size.unwrap_or(rest).0).sum();
    let needs = Bytes(taken.saturating_add(2 * MARGIN.0));
    if disk < needs {
        let message = format!("the disk has {}, and its layout needs {}", disk.human(), needs.human());
        return Err(PlanError::impossible(&format!("disks.{ROLE}"), message, "Name a larger disk."));
    }
    let mut start = MARGIN.0;
    let mut all = Vec::new();
    for ((part, size), number) in sizes.into_iter().zip(1..) {
        let size = size.unwrap_or(Bytes(end.saturating_sub(start)));
        let name = part.name.to_string();
        all.push(Partition { number, name, kind: part.kind, start: Bytes(start), size });
        start += size.0;
    }
    Ok(all)
}

/// A UUID that is made of a text (RFC 9562, version 8).
fn uuid(text: &str) -> String {
    let hex = sha256(text.as_bytes());
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Consent, Refusal, sample},
        profile::layout,
    };

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org";

    /// A machine that runs from a medium: its only disk is free.
    fn machine() -> Facts {
        let mut facts = sample::server();
        facts.observed.disks[0].mounts.clear();
        facts.observed.disks[0].partitions.clear();
        facts
    }

    fn wanted(disks: &str) -> BoxFile {
        let text = format!(
            r#"{{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base", "name": "lab", "disks": {disks},
                "access": {{"ssh_keys": ["{KEY}"]}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn refusals(facts: &Facts, wanted: &BoxFile) -> Vec<(Refusal, String)> {
        let errors = make(facts, wanted, layout()).unwrap_err();
        errors.into_iter().map(|error| (error.kind, error.to_string())).collect()
    }

    const ONE: &str = r#"{"system": {"match": {"serial": "S676NX0R000001"}, "wipe": ["S676NX0R000001"]}}"#;

    #[test]
    fn the_disk_is_laid_out_to_its_end() {
        let plan = make(&machine(), &wanted(ONE), layout()).unwrap();
        assert_eq!((plan.disk.consent, plan.bios), (Consent::Given, true));
        let mut at = Bytes::mib(1);
        for partition in &plan.partitions {
            assert_eq!(partition.start, at, "{}", partition.name);
            assert!(partition.size.0 > 0 && partition.size.0 % (1 << 20) == 0);
            at = Bytes(at.0 + partition.size.0);
        }
        let left = plan.disk.size.0 - at.0;
        assert!((1 << 20..2 << 20).contains(&left), "{left} bytes are left for the second copy of the table");
        assert_eq!(plan.root.len(), 36);
        let other = {
            let mut facts = machine();
            facts.identity.disks[0].size = Some(Bytes(plan.disk.size.0 + 512));
            make(&facts, &wanted(ONE), layout()).unwrap()
        };
        assert_ne!((plan.root, plan.efi), (other.root, other.efi));
    }

    #[test]
    fn what_the_root_leaves_is_a_volume_group() {
        let with = |install: &str| {
            let mut wanted = wanted(ONE);
            wanted.install = serde_json::from_str(install).unwrap();
            wanted.storage.volume_group = Some("cinder-volumes".parse().unwrap());
            make(&machine(), &wanted, layout())
        };
        let plan = with(r#"{"root": "60GiB", "swap": "8GiB"}"#).unwrap();
        let kinds: Vec<PartKind> = plan.partitions.iter().map(|partition| partition.kind).collect();
        use PartKind::{Bios, Efi, Root, Swap, Volumes};
        assert_eq!(kinds, [Bios, Efi, Swap, Root, Volumes]);
        let size = |kind| plan.has(kind).unwrap().size;
        assert_eq!((size(Swap), size(Root)), (Bytes::gib(8), Bytes::gib(60)));
        let last = plan.has(Volumes).unwrap();
        assert!(plan.disk.size.0 - last.start.0 - last.size.0 < 2 << 20, "{last:?}");
        assert_eq!(plan.group.as_deref(), Some("cinder-volumes"));

        let plan = with(r#"{"swap": "1GiB"}"#).unwrap();
        assert!(plan.group.is_none() && plan.has(Volumes).is_none());
        let why = |install: &str| with(install).unwrap_err()[0].to_string();
        assert!(why(r#"{"root": "2GiB"}"#).contains("the root has 2 GiB, and a system needs 7 GiB"));
        assert!(why(r#"{"root": "9TiB"}"#).contains("its layout needs 9"));
    }

    #[test]
    fn nothing_is_guessed() {
        let says = |disks: &str| {
            let all = refusals(&machine(), &wanted(disks));
            assert_eq!(all.len(), 1, "{all:?}");
            all[0].clone()
        };
        let (kind, text) = says("{}");
        assert!(kind == Refusal::Impossible && text.contains("names no disk"), "{text}");
        let (kind, text) = says(r#"{"system": {"match": {"serial": "OTHER"}}}"#);
        assert!(kind == Refusal::Unsafe && text.contains("S676NX0R000001"), "{text}");
        let mut nobody = wanted("{}");
        nobody.access.ssh_keys.clear();
        assert_eq!(refusals(&machine(), &nobody).len(), 2);
    }

    #[test]
    fn two_disks_that_match_are_listed_and_none_is_taken() {
        let mut facts = machine();
        let (mut disk, mut usage) = (facts.identity.disks[0].clone(), facts.observed.disks[0].clone());
        disk.id = "pci-0000:02:00.0-nvme-1".to_owned();
        (usage.disk, usage.name) = (disk.id.clone(), "nvme1n1".to_owned());
        facts.identity.disks.push(disk);
        facts.observed.disks.push(usage);
        let all = refusals(&facts, &wanted(ONE));
        assert!(all[0].0 == Refusal::Unsafe && all[0].1.contains("nvme1n1"), "{all:?}");
    }

    #[test]
    fn a_disk_that_cannot_carry_it_is_refused() {
        let mut facts = machine();
        facts.identity.disks[0].size = Some(Bytes::gib(7));
        assert!(refusals(&facts, &wanted(ONE))[0].1.contains("its layout needs 7.5 GiB"));
        let mut facts = machine();
        facts.identity.disks[0].logical_block = Some(Bytes(4096));
        facts.identity.firmware.mode = Some(BootMode::Bios);
        assert!(refusals(&facts, &wanted(ONE))[0].1.contains("no BIOS starts"));
        facts.identity.firmware.mode = Some(BootMode::Uefi);
        assert!(!make(&facts, &wanted(ONE), layout()).unwrap().bios);
    }

    #[test]
    fn what_stands_on_the_disk_is_told_by_its_table() {
        let mut facts = machine();
        let plan = make(&facts, &wanted(ONE), layout()).unwrap();
        assert_eq!(plan.standing(&facts), Standing::Other);
        let there = |name: &str| {
            let one = |ours: &Partition| usage::Partition {
                name: format!("nvme0n1p{}", ours.number),
                number: ours.number,
                start: Some(ours.start),
                size: Some(ours.size),
                type_id: Some(ours.kind.type_id().to_owned()),
                label: Some(if ours.kind == PartKind::Root { name.to_owned() } else { ours.name.clone() }),
                uuid: None,
                signatures: Vec::new(),
                mounts: Vec::new(),
            };
            plan.partitions.iter().map(one).collect::<Vec<_>>()
        };
        facts.observed.disks[0].table = Some(PartitionTable::Gpt);
        for (name, standing) in [
            ("ciab-installing", Standing::Begun),
            ("ciab-root", Standing::Finished),
            ("root", Standing::Other),
        ] {
            facts.observed.disks[0].partitions = there(name);
            assert_eq!(plan.standing(&facts), standing);
        }
        // With another layout: a system that is whole stays, and one that is not is begun anew.
        for (name, standing) in [("ciab-root", Standing::Finished), ("ciab-installing", Standing::Other)] {
            facts.observed.disks[0].partitions = there(name);
            facts.observed.disks[0].partitions[1].size = Some(Bytes(1));
            assert_eq!(plan.standing(&facts), standing);
        }
    }
}
