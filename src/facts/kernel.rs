//! The kernel, and those of its modules that a cloud wants.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reader::Reader;

mod config;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// `6.1.0-28-amd64`.
    pub release: Option<String>,
    /// Those of [`WANTED`] that are there, in any way.
    pub modules: Option<Vec<Module>>,
    /// Those of [`WANTED`] of which nothing tells whether they are there: the kernel's lists are not installed (the
    /// entry in `unknown` says so), and its configuration is not shown or has no option of theirs. They may be built in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<String>,
    /// 1 or 2.
    pub cgroup: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// With underscores, as in `/proc/modules`.
    pub name: String,
    pub state: ModuleState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModuleState {
    /// On the disk of the box, not loaded.
    Available,
    Builtin,
    Loaded,
}

/// Modules that a service of some profile loads, or that a check asks about.
pub const WANTED: [&str; 50] = [
    "8021q",
    "bcache",
    "bonding",
    "br_netfilter",
    "bridge",
    "ceph",
    "dm_crypt",
    "dm_mod",
    "dm_multipath",
    "dm_snapshot",
    "dm_thin_pool",
    "dummy",
    "geneve",
    "ip6_tables",
    "ip_gre",
    "ip_set",
    "ip_tables",
    "ip_vs",
    "ipip",
    "ipmi_devintf",
    "ipmi_si",
    "iscsi_target_mod",
    "iscsi_tcp",
    "kvm",
    "kvm_amd",
    "kvm_intel",
    "libceph",
    "loop",
    "macvlan",
    "nbd",
    "nf_conntrack",
    "nf_nat",
    "nf_tables",
    "nfs",
    "nfsd",
    "nft_chain_nat",
    "openvswitch",
    "overlay",
    "rbd",
    "target_core_mod",
    "tun",
    "vfio_pci",
    "vhost_net",
    "vhost_vsock",
    "veth",
    "vxlan",
    "watchdog",
    "wireguard",
    "xt_conntrack",
    "zfs",
];

/// The name of a module in a path such as `kernel/net/bridge/br_netfilter.ko.xz`.
fn module_of_path(path: &str) -> Option<String> {
    let file = path.trim().rsplit('/').next()?;
    let (name, _) = file.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

fn is_wanted(name: &str) -> bool {
    WANTED.contains(&name)
}

/// Names in the first column of `/proc/modules`.
fn parse_loaded(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect()
}

/// What the kernel shows of its built-in parts where no list of them is installed: `/proc/filesystems` and the
/// names of `/proc/misc`, both with the name in the last column.
fn parse_shown(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|l| l.split_whitespace().last()).map(|n| n.replace('-', "_")).collect()
}

/// Modules that are there, and those of which nothing is told.
fn read_modules(reader: &mut Reader<'_>, release: &str) -> (Vec<Module>, Vec<String>) {
    let fact = "observed.kernel.modules";
    let loaded = reader.text("/proc/modules").map(|t| parse_loaded(&t)).unwrap_or_default();
    // Built-in modules appear here too, if they have a parameter or a version.
    let mut builtin: BTreeSet<String> =
        reader.source.list("/sys/module").unwrap_or_default().into_iter().collect();
    for path in ["/proc/filesystems", "/proc/misc"] {
        builtin.extend(reader.text(path).map(|t| parse_shown(&t)).unwrap_or_default());
    }
    let listed = |line: &str, end: &str| {
        module_of_path(line.split(end).next().unwrap_or_default()).filter(|name| is_wanted(name))
    };
    let mut available = BTreeSet::new();
    let mut told = true;
    let folder = format!("/lib/modules/{release}");
    for (file, end, into) in [("modules.builtin", "\n", &mut builtin), ("modules.dep", ":", &mut available)] {
        let path = format!("{folder}/{file}");
        match reader.source.lines(&path, &|line| listed(line, end).is_some()) {
            Ok(text) => into.extend(text.lines().filter_map(|line| listed(line, end))),
            Err(error) => {
                told = false;
                reader.failed(fact, &path, &error);
            }
        }
    }
    let mut absent = BTreeSet::new();
    if !told && let Some(config) = config::read(reader, release) {
        builtin.extend(config.builtin);
        absent = config.absent;
    }
    let state = |name: &str| {
        let states = [
            (&loaded, ModuleState::Loaded),
            (&builtin, ModuleState::Builtin),
            (&available, ModuleState::Available),
        ];
        states.into_iter().find(|(names, _)| names.contains(name)).map(|(_, state)| state)
    };
    let there = |name: &&str| Some(Module { name: (*name).to_owned(), state: state(name)? });
    let untold = |name: &&&str| !told && state(name).is_none() && !absent.contains(**name);
    (
        WANTED.iter().filter_map(there).collect(),
        WANTED.iter().filter(untold).map(|name| (*name).to_owned()).collect(),
    )
}

pub(super) fn read(reader: &mut Reader<'_>) -> Kernel {
    let release = reader.needed("observed.kernel.release", "/proc/sys/kernel/osrelease");
    // A release is a folder's name, never a path.
    let release = release.map(|r| r.trim().to_owned()).filter(|r| !r.is_empty() && !r.contains('/'));
    let (modules, untold) = release.as_deref().map(|r| read_modules(reader, r)).unzip();
    let cgroup = match reader.exists("/sys/fs/cgroup/cgroup.controllers") {
        true => Some(2),
        false if reader.exists("/sys/fs/cgroup/memory") => Some(1),
        false => {
            reader.note("observed.kernel.cgroup", "nothing known is mounted at /sys/fs/cgroup");
            None
        }
    };
    Kernel { release, modules, untold: untold.unwrap_or_default(), cgroup }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_as_the_kernel_names_them() {
        assert_eq!(module_of_path("kernel/net/8021q/8021q.ko.xz").as_deref(), Some("8021q"));
        assert_eq!(module_of_path("kernel/drivers/md/dm-mod.ko\n").as_deref(), Some("dm_mod"));
        assert_eq!(module_of_path("kernel/README"), None);
        assert!(parse_loaded("kvm_intel 380928 4 - Live 0x0\nkvm 1146880 1 kvm_intel").contains("kvm"));
        assert!(parse_shown("nodev\toverlay\n\text4\n").contains("overlay"));
        assert!(parse_shown("238 vhost-net\n200 tun\n").contains("vhost_net"));
    }

    /// A monolithic kernel: no `/lib/modules`, and what it was built with in `/proc/config.gz` or nowhere.
    #[test]
    fn what_is_built_in_is_found_without_lists() {
        let read_sketch = |text: &str| {
            let recording = crate::facts::source::sketch::parse(text).unwrap();
            Reader::topic(&recording, read).0
        };
        let bare = "/proc/sys/kernel/osrelease = 6.18.44\n/proc/filesystems = nodev overlay\n";
        let state = |kernel: &Kernel, name: &str| {
            kernel.modules.iter().flatten().find(|module| module.name == name).map(|module| module.state)
        };
        let silent = read_sketch(bare);
        assert_eq!(state(&silent, "overlay"), Some(ModuleState::Builtin));
        assert_eq!(state(&silent, "nf_tables"), None);
        assert!(silent.untold.contains(&"nf_tables".to_owned()), "nobody says that it is absent");
        assert!(!silent.untold.contains(&"overlay".to_owned()));

        let question = shlex::try_join(["sh", "-c", config::ON]).unwrap();
        let config = format!("/proc/config.gz =\n$ {question}\n    CONFIG_NF_TABLES=y\n    CONFIG_VETH=y\n");
        let telling = read_sketch(&format!("{bare}{config}"));
        assert_eq!(state(&telling, "veth"), Some(ModuleState::Builtin));
        assert_eq!(state(&telling, "dummy"), None);
        assert!(!telling.untold.contains(&"dummy".to_owned()), "it is said to be absent");

        let beside = read_sketch(&format!("{bare}/boot/config-6.18.44 = CONFIG_BRIDGE=y\n"));
        assert_eq!(state(&beside, "bridge"), Some(ModuleState::Builtin));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            module_of_path(&text);
            parse_loaded(&text);
            parse_shown(&text);
        }
    }
}
