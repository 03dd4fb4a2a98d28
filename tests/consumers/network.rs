//! systemd-networkd and wg-quick are given what is rendered for them.

use std::{fs, path::PathBuf, process::Output};

use super::{Rendered, ask, said};

/// systemd-networkd itself, in namespaces of its own with a card that is a veth pair: no program only checks its files.
/// The words that follow the folder are what it has to bring about: an interface, and text that `ip` says of it.
const NETWORKD: &str = "set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
install -d -o systemd-network -g systemd-network /run/systemd/netif/{links,leases,lldp} /run/systemd/netif
mount --bind \"$1\" /etc/systemd/network
mount -t sysfs -o ro sysfs /sys
ip link add eno1 address 52:54:00:12:34:56 type veth peer name cable
ip link set cable up
SYSTEMD_LOG_TARGET=console timeout 20 /lib/systemd/systemd-networkd &
shift
for try in $(seq 100); do
    good=yes
    for word; do
        { ip -details -oneline link show dev \"${word%%=*}\"
          ip -oneline address show dev \"${word%%=*}\"; } 2>/dev/null | grep -qE \"${word#*=}\" || good=
    done
    [ -z \"$good\" ] || exit 0
    sleep 0.1
done
ip -details address
exit 1";

/// What came of the files that begin so, once networkd has them.
fn networkd(rendered: &Rendered, begin: &str, wanted: &[&str]) -> Output {
    let folder = "/etc/systemd/network/";
    for path in rendered.tree.0.keys().filter(|path| path.starts_with(&format!("{folder}{begin}"))) {
        let place = rendered.folder.path().join(path.trim_start_matches(folder));
        if !place.exists() {
            rendered.plain(path);
        }
    }
    let script = [
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "bash",
        "-c",
        NETWORKD,
        "bash",
        "%",
    ];
    let argv: Vec<&str> = script.iter().chain(wanted).copied().collect();
    ask(&argv, rendered.folder.path())
}

#[test]
fn systemd_networkd_makes_the_internal_network() {
    let network = "/etc/systemd/network/10-ciab.network";
    let wanted = ["ciab0=inet 192.168.16.10/24", "ciab0=inet6 fd00:16::a/64"];
    let output = networkd(&Rendered::new(), "10-ciab", &wanted);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!said(&output).contains("ignoring"), "{}", said(&output));
    let broken = Rendered::new();
    broken.with(network, "ConfigureWithoutCarrier=yes", "ConfigureWithoutCarrier=no");
    let output = networkd(&broken, "10-ciab", &wanted);
    assert!(!output.status.success(), "an interface without a carrier has its address: {}", said(&output));
}

#[test]
fn systemd_networkd_makes_the_bridge_and_the_ways_out() {
    let wanted = [
        "eno1=master ciab-br ",
        "ciab-br=inet 192.0.2.7/24",
        "ciab-br=inet6 2001:db8::7/64",
        "ciab-ex=veth",
        "ciab-gw=inet 192.168.112.10/24",
        "ciab-gw=inet6 fd00:112::",
        "ciab-up2=master ciab-br ",
    ];
    let output = networkd(&Rendered::new(), "05-ciab", &wanted);
    assert!(output.status.success(), "{}", said(&output));
    // A kernel may have no tunnels, and networkd then says so.
    let odd = |line: &&str| line.contains("ignoring") && !line.contains("ciab-wg");
    let odd: Vec<String> = said(&output).lines().filter(odd).map(str::to_owned).collect();
    assert!(odd.is_empty(), "{odd:?}");
    let broken = Rendered::new();
    broken.with("/etc/systemd/network/05-ciab-card.network", "Bridge=", "Bond=");
    let output = networkd(&broken, "05-ciab", &wanted);
    assert!(!output.status.success(), "a card without its bridge is taken: {}", said(&output));
}

#[test]
fn wg_quick_reads_what_a_user_gets() {
    let rendered = Rendered::new();
    let path = "/var/lib/ciab/wireguard/ann.conf";
    let fault = ("[Peer]", "[Pear]");
    let argv = ["wg-quick", "strip", "%"];
    let stripped = |file: PathBuf| {
        // It wants a name that an interface may have, and nobody else to read the file.
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        said(&ask(&argv, &file))
    };
    let text = stripped(rendered.plain(path));
    for line in ["Endpoint = [2001:db8::1]:51820", "AllowedIPs = 192.168.48.0/24, 192.168.16.0/24", "[Peer]"]
    {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    assert!(!text.contains("Address"), "{text}");
    let keys: Vec<&str> = text.lines().filter(|line| line.contains("Key = ")).collect();
    assert_eq!(keys.len(), 2, "{text}");
    assert!(!stripped(rendered.with(path, fault.0, fault.1)).contains("[Peer]"));
}
