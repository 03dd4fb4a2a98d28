//! What a kernel was built with, for kernels whose lists of modules are not installed.

use std::collections::{BTreeSet, HashMap};

use super::super::reader::Reader;

/// Modules and the options that build them (`obj-$(CONFIG_…)` in the kernel's Makefiles). Those of `WANTED` that have
/// no row are built by no option of one name, or outside of the kernel.
const OPTIONS: [(&str, &str); 47] = [
    ("8021q", "VLAN_8021Q"),
    ("bcache", "BCACHE"),
    ("bonding", "BONDING"),
    ("br_netfilter", "BRIDGE_NETFILTER"),
    ("bridge", "BRIDGE"),
    ("ceph", "CEPH_FS"),
    ("dm_crypt", "DM_CRYPT"),
    ("dm_mod", "BLK_DEV_DM"),
    ("dm_multipath", "DM_MULTIPATH"),
    ("dm_snapshot", "DM_SNAPSHOT"),
    ("dm_thin_pool", "DM_THIN_PROVISIONING"),
    ("dummy", "DUMMY"),
    ("geneve", "GENEVE"),
    ("ip6_tables", "IP6_NF_IPTABLES"),
    ("ip_gre", "NET_IPGRE"),
    ("ip_set", "IP_SET"),
    ("ip_tables", "IP_NF_IPTABLES"),
    ("ip_vs", "IP_VS"),
    ("ipip", "NET_IPIP"),
    ("ipmi_devintf", "IPMI_DEVICE_INTERFACE"),
    ("ipmi_si", "IPMI_SI"),
    ("iscsi_target_mod", "ISCSI_TARGET"),
    ("iscsi_tcp", "ISCSI_TCP"),
    ("kvm", "KVM"),
    ("kvm_amd", "KVM_AMD"),
    ("kvm_intel", "KVM_INTEL"),
    ("libceph", "CEPH_LIB"),
    ("loop", "BLK_DEV_LOOP"),
    ("macvlan", "MACVLAN"),
    ("nbd", "BLK_DEV_NBD"),
    ("nf_conntrack", "NF_CONNTRACK"),
    ("nf_nat", "NF_NAT"),
    ("nf_tables", "NF_TABLES"),
    ("nfs", "NFS_FS"),
    ("nfsd", "NFSD"),
    ("openvswitch", "OPENVSWITCH"),
    ("overlay", "OVERLAY_FS"),
    ("rbd", "BLK_DEV_RBD"),
    ("target_core_mod", "TARGET_CORE"),
    ("tun", "TUN"),
    ("veth", "VETH"),
    ("vfio_pci", "VFIO_PCI"),
    ("vhost_net", "VHOST_NET"),
    ("vhost_vsock", "VHOST_VSOCK"),
    ("vxlan", "VXLAN"),
    ("wireguard", "WIREGUARD"),
    ("xt_conntrack", "NETFILTER_XT_MATCH_CONNTRACK"),
];

/// The configuration of the running kernel (`CONFIG_IKCONFIG_PROC`).
const OWN: &str = "/proc/config.gz";

/// What is on in it. Not `zgrep`, which is a script that starts a dozen programs and takes the longest of all questions.
pub(super) const ON: &str = "gzip -cd /proc/config.gz | grep '^CONFIG_[A-Z0-9_]*=[ym]$'";

/// What a configuration says of the modules in [`OPTIONS`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) builtin: BTreeSet<String>,
    /// Neither built in, nor as a module: there is none, wherever one looks.
    pub(super) absent: BTreeSet<String>,
}

/// Lines such as `CONFIG_VETH=y`; what is off is a comment or is not named at all. `None` for a text without any,
/// which is no configuration.
fn parse(text: &str) -> Option<Config> {
    let lines =
        text.lines().filter_map(|line| line.strip_prefix("CONFIG_")).filter_map(|line| line.split_once('='));
    let values: HashMap<&str, &str> = lines.collect();
    if values.is_empty() {
        return None;
    }
    let named = |wanted: fn(Option<&str>) -> bool| {
        let chosen = OPTIONS.iter().filter(|(_, option)| wanted(values.get(option).copied()));
        chosen.map(|(name, _)| (*name).to_owned()).collect()
    };
    Some(Config { builtin: named(|v| v == Some("y")), absent: named(|v| !matches!(v, Some("y" | "m"))) })
}

/// The configuration, from the kernel itself or from the file that distributions install beside it.
pub(super) fn read(reader: &Reader<'_>, release: &str) -> Option<Config> {
    let wanted = |line: &str| {
        let name = line.strip_prefix("CONFIG_").and_then(|rest| rest.split_once('='));
        name.is_some_and(|(name, _)| OPTIONS.iter().any(|(_, option)| *option == name))
    };
    if reader.exists(OWN)
        && let Ok(output) = reader.source.command(&["sh", "-c", ON])
        && let Some(config) = output.text().ok().and_then(|text| parse(&text))
    {
        return Some(config);
    }
    reader.source.lines(&format!("/boot/config-{release}"), &wanted).ok().and_then(|text| parse(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::kernel::WANTED;

    #[test]
    fn an_option_is_read_by_its_whole_name() {
        let config =
            parse("CONFIG_VETH=y\nCONFIG_BRIDGE_NETFILTER=y\nCONFIG_TUN=m\n# CONFIG_DUMMY is not set\n");
        let config = config.unwrap();
        assert_eq!(config.builtin, ["br_netfilter", "veth"].map(str::to_owned).into());
        for name in ["bridge", "dummy", "nf_tables"] {
            assert!(config.absent.contains(name), "{name}");
        }
        assert!(!config.absent.contains("tun"), "it may be installed elsewhere");
        assert_eq!(parse("# nothing\n"), None);
    }

    #[test]
    fn an_option_is_found_behind_one_that_begins_with_its_name() {
        let config = parse("CONFIG_BRIDGE_NETFILTER=y\nCONFIG_BRIDGE=y\n").unwrap();
        assert_eq!(config.builtin, ["br_netfilter", "bridge"].map(str::to_owned).into());
    }

    #[test]
    fn options_are_those_of_wanted_modules() {
        for (name, _) in OPTIONS {
            assert!(WANTED.contains(&name), "{name}");
        }
        assert!(OPTIONS.is_sorted());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            parse(&text);
        }
    }
}
