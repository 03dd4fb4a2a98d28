//! The rendered files, given to the programs that read them. Each program has to accept what is rendered, and to refuse
//! the same with one planted fault: a check that cannot fail checks nothing. A program that is missing is a failure.
#![expect(clippy::unwrap_used, reason = "a test's helpers are tests")]

#[path = "page/made.rs"]
mod made;
#[path = "consumers/network.rs"]
mod network;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ciab::{
    boxfile::{BoxFile, ProfileName},
    facts::Facts,
    plan::{Bound, Plan},
    profile::Profile,
    render,
    tree::Tree,
    yaml,
};

/// Debian packages that bring the programs asked here.
const PACKAGES: [&str; 12] = [
    "apt",
    "chrony",
    "docker.io",
    "iproute2",
    "nftables",
    "openssh-client",
    "openssh-server",
    "python3-apt",
    "sudo",
    "systemd",
    "util-linux",
    "wireguard-tools",
];

/// Everything that adds or changes a file.
const BOX: &str = "
apiVersion: ciab/v1
kind: Box
profile: base
name: cloud1
domain: example.org
access:
  operator: { name: dragon }
  ssh_keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org
network:
  ntp: [192.0.2.123, ntp.example.org]
  proxy: { http: 'http://proxy.example.org:3128/a%20b', https: 'http://proxy.example.org:3128', no_proxy: [.example.org] }
  management: { static: { address: 192.0.2.7/24, gateway: 192.0.2.1, address6: 2001:db8::7/64, gateway6: fe80::1 } }
  dns: [192.0.2.53]
  internal6: fd00:16::/64
  provider:
    public: { cidr6: fd00:112::/64 }
    lan: { mode: bridged, cidr: 192.0.2.0/24, pool: { first: 192.0.2.20, last: 192.0.2.30 } }
  wireguard: { users: [ann, bob], endpoint: '2001:db8::1' }
apt:
  mirror: http://mirror.example.org/debian
";

const BOUND: &str = "
schema: ciab/bound/v1
product_uuid: null
hypervisor: null
container: null
os_id: debian
os_version: \"12\"
memory: null
threads: null
management: { interface: eno1, mac: '52:54:00:12:34:56', mtu: 1500, addresses: [192.0.2.7/24], gateway: 192.0.2.1 }
ssh_ports: [22, 2222]
modules: { br_netfilter: load, nf_conntrack: load }
file_systems: {}
disks: {}
";

/// A rendered file in a folder of its own, as it is or with a fault in it.
struct Rendered {
    folder: tempfile::TempDir,
    tree: Tree,
}

impl Rendered {
    fn new() -> Self {
        let wanted: BoxFile = yaml::from_str(BOX).unwrap();
        let bound: Bound = yaml::from_str(BOUND).unwrap();
        let profile = Profile::load(ProfileName::Base).unwrap();
        let plan = Plan::make(&Facts::default(), &wanted, &profile, Some(&bound)).unwrap();
        let tree = render::tree(&plan, &render::stand_ins(&plan)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        // dockerd is asked as nobody, who has to get here.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), mode).unwrap();
        Self { folder, tree }
    }

    /// The file, with `from` replaced by `to` in it.
    fn with(&self, path: &str, from: &str, to: &str) -> PathBuf {
        let text = &self.tree.0[path].text;
        assert!(text.contains(from), "{path} holds no `{from}`:\n{text}");
        let name = Path::new(path).file_name().unwrap();
        let place = self.folder.path().join(name);
        fs::write(&place, text.replacen(from, to, 1)).unwrap();
        place
    }

    fn plain(&self, path: &str) -> PathBuf {
        self.with(path, "", "")
    }

    /// The program takes the file as it is, and not with the fault.
    fn accepted(&self, path: &str, fault: (&str, &str), argv: &[&str]) {
        let output = ask(argv, &self.plain(path));
        assert!(output.status.success(), "{path}: {}", said(&output));
        let output = ask(argv, &self.with(path, fault.0, fault.1));
        assert!(!output.status.success(), "{path} with `{}` is accepted: {}", fault.1, said(&output));
    }
}

/// Runs a command; the word % is the file.
fn ask(argv: &[&str], file: &Path) -> Output {
    let words = argv.iter().map(|word| if *word == "%" { file.to_str().unwrap() } else { word });
    let words: Vec<&str> = words.collect();
    let output = Command::new(words[0]).args(&words[1..]).env("LC_ALL", "C.UTF-8").output();
    output.unwrap_or_else(|error| panic!("{}: {error}; install {}", words[0], PACKAGES.join(" ")))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn visudo_reads_the_rule() {
    Rendered::new().accepted(
        "/etc/sudoers.d/90-ciab",
        ("NOPASSWD:", "NOPASSWD"),
        &["visudo", "-c", "-f", "%"],
    );
}

#[test]
fn sshd_reads_its_settings() {
    // A server that was never started has neither; the package's start makes both.
    fs::create_dir_all("/run/sshd").unwrap();
    assert!(Command::new("ssh-keygen").arg("-A").output().unwrap().status.success());
    let argv = ["/usr/sbin/sshd", "-t", "-f", "%"];
    let rendered = Rendered::new();
    rendered.accepted(
        "/etc/ssh/sshd_config.d/10-ciab.conf",
        ("PasswordAuthentication", "PasswordLogin"),
        &argv,
    );
    rendered.accepted("/etc/ssh/sshd_config.d/10-ciab-keys.conf", ("AuthorizedKeysFile", "KeysFile"), &argv);
}

#[test]
fn sshd_takes_the_drop_in_over_the_settings_behind_it() {
    fs::create_dir_all("/run/sshd").unwrap();
    let rendered = Rendered::new();
    let drop_in = rendered.plain("/etc/ssh/sshd_config.d/10-ciab.conf");
    let whole = rendered.folder.path().join("sshd_config");
    fs::write(
        &whole,
        format!("Include {}\nPasswordAuthentication yes\nX11Forwarding yes\n", drop_in.display()),
    )
    .unwrap();
    let effective = said(&ask(&["/usr/sbin/sshd", "-T", "-f", "%"], &whole));
    for line in [
        "passwordauthentication no",
        "x11forwarding no",
        "pubkeyauthentication yes",
        "permitrootlogin without-password",
    ] {
        assert!(effective.lines().any(|said| said == line), "{line}:\n{effective}");
    }
}

#[test]
fn ssh_keygen_reads_the_keys() {
    let key = ("AAAAC3NzaC1lZDI1NTE5", "AAAAC3NzaC1lZDI1NTE");
    Rendered::new().accepted("/etc/ssh/authorized_keys.d/dragon", key, &["ssh-keygen", "-l", "-f", "%"]);
}

#[test]
fn nft_reads_the_table_twice_and_leaves_others_alone() {
    let rendered = Rendered::new();
    let path = "/etc/ciab/nftables.conf";
    rendered.accepted(
        path,
        ("policy drop", "policy refuse"),
        &["unshare", "--net", "nft", "--check", "--file", "%"],
    );
    // In a network of its own: somebody else's table stays, and the second load is like the first.
    let script = "nft add table ip other && nft -f $0 && nft list ruleset >$0.1 && nft -f $0 && \
                  nft list ruleset >$0.2 && cmp $0.1 $0.2 && nft list table ip other";
    let output = ask(&["unshare", "--net", "sh", "-c", script, "%"], &rendered.plain(path));
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn chronyd_reads_its_file() {
    Rendered::new().accepted(
        "/etc/chrony/chrony.conf",
        ("makestep", "makesteps"),
        &["chronyd", "-p", "-f", "%"],
    );
}

#[test]
fn apt_reads_its_files() {
    let argv = ["apt-config", "-c", "%", "dump"];
    let rendered = Rendered::new();
    rendered.accepted("/etc/apt/apt.conf.d/99-ciab.conf", ("\"false\";", "\"false\""), &argv);
    rendered.accepted("/etc/apt/apt.conf.d/99-ciab-upgrades.conf", ("\"1\";", "\"1\""), &argv);
}

#[test]
fn apt_reads_sources_and_pins() {
    let rendered = Rendered::new();
    let sources = rendered.plain("/etc/apt/sources.list.d/debian.sources");
    let parts = format!("Dir::Etc::sourceparts={}", rendered.folder.path().display());
    let argv = ["apt-get", "update", "--print-uris", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", &parts];
    let text = said(&ask(&argv, &sources));
    for uri in [
        "http://mirror.example.org/debian/dists/bookworm/InRelease",
        "/dists/bookworm-security/main/binary-amd64/",
    ] {
        assert!(text.contains(uri), "{uri}:\n{text}");
    }
    rendered.with("/etc/apt/sources.list.d/debian.sources", "Suites:", "Suits:");
    let output = ask(&argv, &sources);
    assert!(!output.status.success(), "{}", said(&output));

    let path = "/etc/apt/preferences.d/99-ciab-held.pref";
    let policy = |pin: &Path| {
        let pin = format!("Dir::Etc::preferences={}", pin.display());
        let argv =
            ["apt-cache", "-o", "Dir::Etc::preferencesparts=/dev/null", "-o", &pin, "policy", "docker.io"];
        ask(&argv, Path::new(""))
    };
    let pinned = |pin: &Path| said(&policy(pin)).lines().any(|line| line.ends_with(" 50"));
    assert!(pinned(&rendered.plain(path)));
    // What it does not know, apt leaves out in silence; so the effect is what is asked about.
    assert!(!pinned(&rendered.with(path, "release n=*", "release n=nothing")));
}

/// dockerd 20.10 has no `--validate`. It reads its file before it looks who asks, so nobody's question is safe.
#[test]
fn dockerd_reads_its_file() {
    let rendered = Rendered::new();
    let ask = |file: PathBuf| {
        let argv =
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "dockerd", "--config-file", "%"];
        said(&ask(&argv, &file))
    };
    let text = ask(rendered.plain("/etc/docker/daemon.json"));
    assert!(text.contains("needs to be started with root"), "{text}");
    let text = ask(rendered.with("/etc/docker/daemon.json", "live-restore", "live-restored"));
    assert!(text.contains("live-restored"), "{text}");
}

#[test]
fn systemd_reads_units_and_settings() {
    let rendered = Rendered::new();
    let unit = ("ExecStart=/usr/sbin/nft", "ExecStart=./nft");
    let path = "/etc/systemd/system/ciab-nftables.service";
    rendered.accepted(path, unit, &["systemd-analyze", "verify", "--man=no", "%"]);

    let docker = rendered.folder.path().join("x.service");
    fs::write(&docker, "[Service]\nExecStart=/bin/true\n").unwrap();
    let drop_ins = rendered.folder.path().join("x.service.d");
    fs::create_dir(&drop_ins).unwrap();
    let proxy = "/etc/systemd/system/docker.service.d/10-ciab-proxy.conf";
    let verify = |file: PathBuf| {
        fs::rename(file, drop_ins.join("p.conf")).unwrap();
        said(&ask(&["systemd-analyze", "verify", "--man=no", "%"], &docker))
    };
    assert!(!verify(rendered.plain(proxy)).contains("p.conf"));
    assert!(verify(rendered.with(proxy, "Environment=\"", "Environment=\"\\q")).contains("p.conf"));
}

/// journald has no check of its own; systemd-analyze shows which of several files has the last word.
#[test]
fn journald_finds_its_file() {
    let rendered = Rendered::new();
    let root = rendered.folder.path().join("root");
    let place = root.join("etc/systemd/journald.conf.d");
    fs::create_dir_all(&place).unwrap();
    fs::rename(rendered.plain("/etc/systemd/journald.conf.d/10-ciab.conf"), place.join("10-ciab.conf"))
        .unwrap();
    let root = format!("--root={}", root.display());
    let text = said(&ask(&["systemd-analyze", &root, "cat-config", "systemd/journald.conf"], Path::new("")));
    assert!(text.contains("\nSystemMaxUse=536870912\n"), "{text}");
}

#[test]
fn unattended_upgrades_takes_security_updates_only_and_leaves_the_engine_alone() {
    let rendered = Rendered::new();
    let path = "/etc/apt/apt.conf.d/99-ciab-upgrades.conf";
    // As it is read on a box: behind the distribution's own file (50unattended-upgrades of bookworm), which lets in
    // more. This machine need not have it.
    let script = "import apt_pkg, sys
apt_pkg.init_config()
apt_pkg.config.clear('Unattended-Upgrade')
apt_pkg.config.set('Unattended-Upgrade::Origins-Pattern::', 'origin=Debian,codename=${distro_codename},label=Debian')
apt_pkg.read_config_file(apt_pkg.config, sys.argv[1])
value = apt_pkg.config.value_list
print(sorted(value('Unattended-Upgrade::Origins-Pattern') + value('Unattended-Upgrade::Allowed-Origins')))
print(sorted(value('Unattended-Upgrade::Package-Blacklist')))";
    let read = |file: PathBuf| said(&ask(&["/usr/bin/python3", "-c", script, "%"], &file));
    let text = read(rendered.plain(path));
    let security = "['origin=Debian,codename=bookworm-security,label=Debian-Security']\n";
    assert!(text.starts_with(security), "{text}");
    assert!(text.contains("'docker[.]io$'"), "{text}");
    let fault = read(rendered.with(path, "#clear Unattended-Upgrade::Origins-Pattern;", ""));
    assert!(!fault.starts_with(security), "{fault}");
}

#[test]
fn the_tree_has_what_is_asked_about_here() {
    let tree = Rendered::new().tree;
    let asked =
        BTreeMap::from([("/etc/hosts", "cloud1.example.org"), ("/opt/configuration/plan.yml", "schema:")]);
    for (path, text) in asked {
        assert!(tree.0[path].text.contains(text), "{path}");
    }
}

#[test]
fn the_page_of_the_consumers_is_as_it_was_made() {
    made::is_as_it_was_made("consumers", "make acceptance");
}

#[test]
fn a_page_of_consumers_that_was_changed_is_refused() {
    made::a_change_is_refused("consumers", "make acceptance");
}
