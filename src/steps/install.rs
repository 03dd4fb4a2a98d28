//! The installation of a bare machine, from the first write to the last. Until the last step the disk is no system of
//! ours: its partition says so by its name.

use std::collections::BTreeMap;

use super::draft::{act, argv, ensure};
use crate::{
    embedded,
    plan::install::{Install, Partition},
    profile::PartKind,
    step::{Action, DiskName, Extent, Graph, Probe, Slice, Step, Want},
    tree::Entry,
};

/// Where the system is while it is put together.
const TARGET: &str = "/run/target";
/// Where the installed system keeps how it came about.
const RECORDS: &str = "/var/log/ciab-install";
/// What the live system has written that tells of the installation: of our record, and the journal.
const CARRIED: [&str; 4] =
    ["/var/lib/ciab/events.jsonl", "/var/lib/ciab/runs", "/var/lib/ciab/steps", "/var/log/journal"];

/// What belongs to the live system alone.
const LIVE: [&str; 8] = [
    "/etc/profile.d/ciab.sh",
    "/etc/systemd/system/ciab-install.service",
    "/etc/systemd/system/ciab-medium.service",
    "/etc/systemd/system/getty@.service.d/ciab.conf",
    "/etc/systemd/system/multi-user.target.wants/ciab-install.service",
    "/etc/systemd/system/multi-user.target.wants/ciab-medium.service",
    "/etc/systemd/system/serial-getty@.service.d/ciab.conf",
    "/etc/udev/rules.d/69-lvm.rules",
];

/// What comes from the medium and from its start.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The image that the system comes from, and its digest in hexadecimal.
    pub image: String,
    pub sha256: String,
    /// The box file's text.
    pub boxfile: String,
    /// Words for the kernel of the installed system.
    pub words: Vec<String>,
    /// A file whose presence tells the medium's GRUB that this was installed from it.
    pub marker: String,
}

/// Everything that is done to the disk.
pub fn list(plan: &Install, source: &Source) -> Graph {
    let steps = [
        vec![table(plan)],
        volume_group(plan).into_iter().collect(),
        vec![file_systems(plan), system(source), settings(plan, source), boot(plan)],
        vec![records(), released(), finished(plan)],
    ];
    Graph { steps: steps.into_iter().flatten().collect() }
}

fn disk(plan: &Install) -> DiskName {
    plan.disk.name()
}

fn below(path: &str) -> String {
    format!("{TARGET}{path}")
}

fn table(plan: &Install) -> Step {
    let slice = |partition: &Partition| Slice {
        start: partition.start,
        size: partition.size,
        type_id: partition.kind.type_id().to_owned(),
        name: match partition.kind {
            PartKind::Root => plan.unfinished.clone(),
            PartKind::Bios | PartKind::Efi | PartKind::Swap | PartKind::Volumes => partition.name.clone(),
        },
    };
    let slices = plan.partitions.iter().map(slice).collect();
    ensure("disk-table", "Wipe the disk and lay it out", vec![Want::Table { disk: disk(plan), slices }])
        .limit(60, 300)
        .done()
}

/// What is left of the disk, for the volumes of a cloud.
fn volume_group(plan: &Install) -> Option<Step> {
    let on = Extent { disk: disk(plan), partition: Some(plan.has(PartKind::Volumes)?.number) };
    let want = Want::VolumeGroup { name: plan.group.clone()?, on: Some(on) };
    let draft = ensure("disk-volume-group", "Make the volume group", vec![want]);
    Some(draft.uses(["disk-table"]).limit(60, 300).done())
}

fn file_systems(plan: &Install) -> Step {
    let one = |kind, fs: &str, label: &str, uuid: &str, at: Option<String>| {
        plan.has(kind).map(|partition| Want::FileSystem {
            disk: disk(plan),
            partition: partition.number,
            kind: fs.to_owned(),
            label: label.to_owned(),
            uuid: uuid.to_owned(),
            at,
        })
    };
    let wants = [
        one(PartKind::Swap, "swap", "ciab-swap", &plan.swap, None),
        one(PartKind::Root, "ext4", "ciab-root", &plan.root, Some(TARGET.to_owned())),
        one(PartKind::Efi, "vfat", "ESP", &plan.efi, Some(below("/boot/efi"))),
    ];
    ensure("disk-file-systems", "Make the file systems", wants.into_iter().flatten().collect())
        .uses(["disk-table"])
        .needs_if(plan.group.is_some(), "disk-volume-group")
        .limit(120, 900)
        .done()
}

fn system(source: &Source) -> Step {
    let want =
        Want::Unpacked { image: source.image.clone(), sha256: source.sha256.clone(), to: TARGET.to_owned() };
    ensure("disk-system", "Put the system onto the disk", vec![want])
        .uses(["disk-file-systems"])
        .limit(300, 3600)
        .done()
}

fn settings(plan: &Install, source: &Source) -> Step {
    let file = |path: &str, entry: Entry| Want::File { path: below(path), entry, check: Vec::new() };
    let text = |name: &'static str| Entry::public(embedded::text(name));
    let filled = |name: &'static str| {
        let swap = plan.has(PartKind::Swap).map(|_| format!("UUID={} none swap sw 0 0\n", plan.swap));
        let words = [
            ("@swap@", swap.unwrap_or_default()),
            ("@root@", plan.root.clone()),
            ("@efi@", plan.efi.clone()),
            ("@words@", source.words.join(" ")),
        ];
        let text = embedded::text(name).to_owned();
        Entry::public(words.iter().fold(text, |text, (place, word)| text.replace(place, word)))
    };
    let hosts = format!(
        "127.0.0.1 localhost\n127.0.1.1 {} {}\n::1 localhost ip6-localhost ip6-loopback\n",
        plan.fqdn, plan.name
    );
    let keys = plan.keys.iter().map(|key| format!("{key}\n")).collect::<String>();
    let root_folder = |path: &str| Want::Folder {
        path: below(path),
        mode: 0o700,
        owner: "root".to_owned(),
        group: "root".to_owned(),
    };
    let mut wants: Vec<Want> = LIVE.iter().map(|path| Want::NoFile { path: below(path) }).collect();
    wants.extend([
        file("/etc/fstab", filled("iso/installed/fstab")),
        file("/etc/hostname", Entry::public(format!("{}\n", plan.name))),
        file("/etc/hosts", Entry::public(hosts)),
        file("/etc/default/grub", filled("iso/installed/grub")),
        file("/boot/grub/grub.cfg", filled("iso/installed/grub.cfg")),
        file("/etc/systemd/system/ciab-deploy.service", text("iso/installed/ciab-deploy.service")),
        file("/etc/systemd/system/ciab-deploy.timer", text("iso/installed/ciab-deploy.timer")),
        file("/etc/systemd/system/timers.target.d/ciab.conf", text("iso/installed/timers.conf")),
        file("/etc/update-motd.d/50-ciab", Entry { mode: 0o755, ..text("iso/installed/banner") }),
        file("/etc/ciab/box.yaml", Entry { mode: 0o600, ..Entry::public(source.boxfile.as_str()) }),
        root_folder("/root/.ssh"),
        file("/root/.ssh/authorized_keys", Entry { mode: 0o600, ..Entry::public(keys) }),
        root_folder(RECORDS),
        Want::HostKeys { root: TARGET.to_owned() },
    ]);
    wants.push(file(&source.marker, Entry::public("")));
    ensure("disk-settings", "Name the machine and let its keys in", wants).uses(["disk-system"]).done()
}

fn boot(plan: &Install) -> Step {
    let want = Want::BootLoader { disk: disk(plan), root: TARGET.to_owned(), bios: plan.bios };
    ensure("disk-boot", "Make the disk start", vec![want]).uses(["disk-settings"]).limit(60, 600).done()
}

fn records() -> Step {
    let to = below(RECORDS);
    let mut words = argv(["cp", "--archive", "--target-directory", &to]);
    words.extend(CARRIED.map(str::to_owned));
    let last = format!("{to}/journal");
    act("disk-records", "Keep how it came about", Action::Job { argv: words, env: BTreeMap::new() })
        .probe(Probe::Command { argv: argv(["test", "-d", &last]) })
        .uses(["disk-boot"])
        .done()
}

fn released() -> Step {
    ensure("disk-released", "Close the file systems", vec![Want::NoMount { at: TARGET.to_owned() }])
        .uses(["disk-records"])
        .limit(60, 600)
        .done()
}

fn finished(plan: &Install) -> Step {
    let root = plan.root_partition();
    let want = Want::PartitionName { disk: disk(plan), partition: root.number, name: root.name.clone() };
    ensure("disk-finished", "Say that it is whole", vec![want]).uses(["disk-released"]).done()
}
