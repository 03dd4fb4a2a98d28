//! The kernel, and those of its modules that a cloud wants.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reader::Reader;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// `6.1.0-28-amd64`.
    pub release: Option<String>,
    /// Those of [`WANTED`] that are there, in any way. Where the kernel's lists are not
    /// installed the entry in `unknown` says so, and what is missing here may yet be built in.
    pub modules: Option<Vec<Module>>,
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

fn read_modules(reader: &mut Reader<'_>, release: &str) -> Vec<Module> {
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
    let folder = format!("/lib/modules/{release}");
    for (file, end, into) in [("modules.builtin", "\n", &mut builtin), ("modules.dep", ":", &mut available)] {
        let path = format!("{folder}/{file}");
        match reader.source.lines(&path, &|line| listed(line, end).is_some()) {
            Ok(text) => into.extend(text.lines().filter_map(|line| listed(line, end))),
            Err(error) => reader.failed(fact, &path, &error),
        }
    }
    let state = |name: &str| {
        let states = [
            (&loaded, ModuleState::Loaded),
            (&builtin, ModuleState::Builtin),
            (&available, ModuleState::Available),
        ];
        states.into_iter().find(|(names, _)| names.contains(name)).map(|(_, state)| state)
    };
    WANTED.iter().filter_map(|name| Some(Module { name: (*name).to_owned(), state: state(name)? })).collect()
}

pub(super) fn read(reader: &mut Reader<'_>) -> Kernel {
    let release = reader.needed("observed.kernel.release", "/proc/sys/kernel/osrelease");
    // A release is a folder's name, never a path.
    let release = release.map(|r| r.trim().to_owned()).filter(|r| !r.is_empty() && !r.contains('/'));
    let modules = release.as_deref().map(|r| read_modules(reader, r));
    let cgroup = match reader.exists("/sys/fs/cgroup/cgroup.controllers") {
        true => Some(2),
        false if reader.exists("/sys/fs/cgroup/memory") => Some(1),
        false => {
            reader.note("observed.kernel.cgroup", "nothing known is mounted at /sys/fs/cgroup");
            None
        }
    };
    Kernel { release, modules, cgroup }
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

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            module_of_path(&text);
            parse_loaded(&text);
            parse_shown(&text);
        }
    }
}
