//! Every want for real. These change the machine they run on: copy the test binary into a disposable host and
//! run it there as `CIAB_DISPOSABLE_HOST=1 ciab-tests --ignored real_tests --test-threads=1`.

use std::{env, fs, process::Command};

use super::*;
use crate::tree::Entry;

/// The machine itself, after it has been asked whether that is meant.
pub(crate) fn here() -> Host {
    assert!(
        env::var_os("CIAB_DISPOSABLE_HOST").is_some(),
        "only for a disposable host: set CIAB_DISPOSABLE_HOST"
    );
    Host::here(env::vars().filter(|(name, _)| name.ends_with("_proxy")).collect())
}

/// How many wants were not there; all that was said is in the test's output.
fn run(wants: &[Want]) -> usize {
    let mut out = Vec::new();
    let changed = ensure(wants, &here(), &mut out);
    println!("{}", String::from_utf8_lossy(&out));
    changed.unwrap()
}

fn fails(want: Want) -> String {
    let error = format!("{:#}", ensure(&[want], &here(), &mut Vec::new()).unwrap_err());
    println!("{error}");
    error
}

fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn file(path: &str, text: &str) -> Want {
    Want::File { path: path.into(), entry: Entry::public(text), check: vec![] }
}

fn packages(names: &str) -> Want {
    Want::Packages { names: names.split(' ').map(str::to_owned).collect() }
}

fn unit(name: &str, files: &[&str]) -> Want {
    Want::Unit {
        name: name.into(),
        files: files.iter().map(|&file| file.to_owned()).collect(),
        reload: false,
    }
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn a_file_that_fails_its_check_is_not_put_in_place() {
    let checked = |text: &str| Want::File {
        path: "/etc/sudoers.d/ciab-try".into(),
        entry: Entry { mode: 0o440, ..Entry::public(text) },
        check: ["visudo", "-cf", "%"].map(str::to_owned).to_vec(),
    };
    let good = checked("games ALL=(ALL) NOPASSWD: ALL\n");
    run(std::slice::from_ref(&good));
    assert_eq!(run(&[good]), 0);
    fails(checked("games ALL=(ALL NOPASSWD\n"));
    assert!(fs::read_to_string("/etc/sudoers.d/ciab-try").unwrap().contains("(ALL)"));
    assert_eq!(shell("ls -A /etc/sudoers.d | grep -c ciab-new || true"), "0");
    run(&[Want::NoFile { path: "/etc/sudoers.d/ciab-try".into() }]);
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn packages_are_installed_also_after_an_interrupted_dpkg() {
    run(&[packages("jq git nftables")]);
    assert_eq!(run(&[packages("jq git nftables")]), 0);
    shell("cd /tmp && apt-get download tree && dpkg --unpack tree_*.deb");
    assert_eq!(run(&[packages("tree")]), 1);
    assert_eq!(shell("dpkg --audit"), "");
    assert!(fails(packages("no-such-package")).ends_with("no APT source of this box has no-such-package"));
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn a_user_is_made_and_completed() {
    let user = Want::User { name: "ciab-try".into(), groups: vec!["sudo".into()], shell: "/bin/bash".into() };
    let wants = [
        user.clone(),
        Want::Folder {
            path: "/home/ciab-try/.ssh".into(),
            mode: 0o700,
            owner: "ciab-try".into(),
            group: "ciab-try".into(),
        },
    ];
    run(&wants);
    assert_eq!(run(&wants), 0);
    assert!(shell("getent shadow ciab-try").starts_with("ciab-try:*:"));
    // As a power cut in the middle of useradd leaves it.
    shell(
        "sed -i /^ciab-try:/d /etc/shadow; rm -r /home/ciab-try; gpasswd -d ciab-try sudo; echo 1 > /etc/passwd.lock",
    );
    assert_eq!(run(&wants), 2);
    assert!(shell("getent shadow ciab-try").starts_with("ciab-try:*:"));
    assert_eq!(shell("stat -c %U:%a /home/ciab-try; id -nG ciab-try"), "ciab-try:700\nciab-try sudo");
    shell("userdel -r ciab-try 2>/dev/null");
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn a_unit_is_restarted_when_its_files_change_and_only_then() {
    const UNIT: &str = "/etc/systemd/system/ciab-try.service";
    let wants = |text: &str, command: &str| {
        let service = format!("[Service]\nExecStart={command}\n[Install]\nWantedBy=multi-user.target\n");
        [
            file("/etc/ciab-try", text),
            file(UNIT, &service),
            unit("ciab-try.service", &["/etc/ciab-try", UNIT]),
        ]
    };
    let pid = || shell("systemctl show --value --property MainPID ciab-try");
    run(&wants("1", "sleep 1h"));
    let first = pid();
    assert_eq!((run(&wants("1", "sleep 1h")), pid()), (0, first.clone()));
    assert_eq!(run(&wants("2", "sleep 1h")), 2);
    let second = pid();
    assert_ne!(first, second);
    assert_eq!(run(&wants("2", "sleep 2h")), 2);
    assert_ne!(second, pid());
    // A crash after the file was written and before the restart, and then the old content again.
    let third = pid();
    run(&wants("3", "sleep 2h")[..1]);
    assert_eq!(run(&wants("2", "sleep 2h")), 2);
    assert_ne!(third, pid());
    // One that does not come up says why.
    run(&[file(UNIT, "[Service]\nType=oneshot\nExecStart=sh -c 'echo no such port; exit 3'\n")]);
    assert!(fails(unit("ciab-try.service", &[UNIT])).contains("no such port"));
    let gone = [Want::NoUnit { name: "ciab-try.service".into() }, Want::NoFile { path: UNIT.into() }];
    run(&gone);
    assert_eq!(run(&gone), 0);
    assert!(fails(unit("ciab-none.service", &[])).ends_with("unit ciab-none.service: it does not exist"));
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn the_kernel_is_set() {
    let sysctl =
        |value: &str| Want::Sysctl { key: "net.ipv4.ip_local_port_range".into(), value: value.into() };
    run(&[sysctl("20000 60000")]);
    assert_eq!(run(&[sysctl("20000 60000")]), 0);
    run(&[sysctl("32768 60999")]);
    fails(Want::Sysctl { key: "net.ciab".into(), value: "1".into() });
    assert_eq!(run(&[Want::Module { name: "loop".into() }]), 0);
    fails(Want::Module { name: "ciab-none".into() });
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn our_table_is_the_same_after_ten_loads_and_others_are_left_alone() {
    run(&[packages("nftables")]);
    let table = |port: u16| Want::NftTable {
        family: "inet".into(),
        name: "ciab_try".into(),
        text: format!(
            "table inet ciab_try\ndelete table inet ciab_try\ntable inet ciab_try {{\n  set allowed {{\n    \
             type inet_service\n    elements = {{ 22, {port} }}\n  }}\n  chain input {{\n    type filter hook input \
             priority 10; policy accept;\n    tcp dport @allowed counter accept\n  }}\n}}\n"
        ),
    };
    shell("nft add table inet other; nft add chain inet other c");
    run(&[table(80)]);
    let listed = || shell("nft list ruleset");
    let first = listed();
    for _ in 0..10 {
        apply(&table(80), &here(), &mut Vec::new()).unwrap();
    }
    assert_eq!(run(&[table(80)]), 0);
    assert_eq!(listed(), first);
    assert!(first.contains("table inet other"));
    shell("nft add rule inet ciab_try input tcp dport 99 accept");
    assert_eq!(run(&[table(80)]), 1);
    assert_eq!(listed(), first);
    assert_eq!(run(&[table(81)]), 1);
    shell("nft delete table inet ciab_try");
    assert_eq!(run(&[table(81)]), 1);
    shell("nft delete table inet ciab_try; nft delete table inet other");
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn an_address_is_set_on_a_bridge_that_networkd_makes() {
    const NETWORK: &str = "/etc/systemd/network/50-ciab-try.network";
    let wants = |cidr: &str| {
        [
            file("/etc/systemd/network/50-ciab-try.netdev", "[NetDev]\nName=ciabtry0\nKind=bridge\n"),
            file(
                NETWORK,
                // Without a carrier the search for a second holder of an IPv6 address never ends.
                &format!(
                    "[Match]\nName=ciabtry0\n[Link]\nRequiredForOnline=no\n[Network]\nConfigureWithoutCarrier=yes\n\
                     LinkLocalAddressing=no\n[Address]\nAddress={cidr}\nDuplicateAddressDetection=none\n"
                ),
            ),
            unit("systemd-networkd.service", &[]),
            Want::Address { interface: "ciabtry0".into(), cidr: cidr.into() },
        ]
    };
    run(&wants("192.0.2.77/24"));
    assert_eq!(run(&wants("192.0.2.77/24")), 0);
    run(&wants("192.0.2.78/24"));
    assert!(!shell("ip -br addr show ciabtry0").contains("192.0.2.77"));
    run(&wants("2001:db8::7/64"));
    fails(Want::Address { interface: "ciabtry0".into(), cidr: "192.0.2.99/24".into() });
    let files = [NETWORK, "/etc/systemd/network/50-ciab-try.netdev"];
    run(&files.map(|path| Want::NoFile { path: path.into() }));
    shell("ip link delete ciabtry0");
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn name_zone_and_certificate_are_set() {
    let line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=try";
    let certificate = || Want::Trusted { name: "ciab-try".into(), pem: shell(line) + "\n" };
    let old = shell("hostname");
    let mut wants = vec![
        Want::Hostname { name: "ciab-try-1".into() },
        Want::TimeZone { name: "Europe/Berlin".into() },
        certificate(),
    ];
    run(&wants);
    assert_eq!(run(&wants), 0);
    assert_eq!(shell("hostname; date +%z"), format!("ciab-try-1\n{}", shell("TZ=Europe/Berlin date +%z")));
    wants[2] = certificate();
    assert_eq!(run(&wants), 1);
    shell("openssl verify -CApath /etc/ssl/certs /usr/local/share/ca-certificates/ciab-try.crt");
    run(&[Want::Hostname { name: old }, Want::TimeZone { name: "Etc/UTC".into() }]);
    shell("rm /usr/local/share/ca-certificates/ciab-try.crt; update-ca-certificates --fresh");
}
