//! Plans to test with: a virtual machine and a container, made by the planner itself from a box file's text.

use super::{Secrets, stand_ins};
use crate::{
    boxfile::{BoxFile, Engine},
    facts::{
        Facts,
        kernel::{Module, ModuleState},
        machine::Container,
        mount::Mount,
        nic::{
            link::{Address, Link},
            route::Route,
        },
        port::{Listener, Protocol},
    },
    plan::Plan,
    profile::Profile,
    units::Bytes,
    yaml,
};

/// As little as a box file can say.
pub(crate) const PLAIN: &str = "
apiVersion: ciab/v1
kind: Box
profile: base
name: cloud1
domain: example.org
access:
  ssh_keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org
network:
  ntp: [0.debian.pool.ntp.org, 1.debian.pool.ntp.org]
";

/// Everything that adds or changes a file.
pub(crate) const FULL: &str = "
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
  hosts: { mirror.example.org: 192.0.2.5 }
apt:
  mirror: http://mirror.example.org/debian
tuning:
  timezone: Europe/Berlin
  locale: de_DE.UTF-8
  sysctl: { vm.swappiness: 1 }
  logs: { journal: 1GiB, container: 10MiB, container_files: 5 }
";

/// A host of one kind, by system and release.
pub(crate) struct Host {
    pub(crate) id: &'static str,
    pub(crate) version: &'static str,
    pub(crate) container: Container,
}

pub(crate) const DEBIAN: Host = Host { id: "debian", version: "12", container: Container::None };
pub(crate) const UBUNTU: Host = Host { id: "ubuntu", version: "24.04", container: Container::None };
pub(crate) const CONTAINER: Host = Host { id: "debian", version: "12", container: Container::Nspawn };

/// The plan for a host.
pub(crate) fn plan(host: &Host, boxfile: &str) -> Plan {
    let wanted: BoxFile = yaml::from_str(boxfile).unwrap();
    let profile = Profile::load(wanted.profile).unwrap();
    Plan::make(&facts(host), &wanted, &profile, None).unwrap_or_else(|why| panic!("{why:?}"))
}

/// The plan of a small cloud, with these services added to it, for an engine that may want another host.
pub(crate) fn cloud(engine: Engine, services: &[&str]) -> Plan {
    let mut plan = plan(&DEBIAN, &PLAIN.replace("profile: base", "profile: core\nengine: kolla"));
    plan.engine = engine;
    let added = services.iter().map(|name| name.parse().unwrap());
    plan.cloud.as_mut().unwrap().services.extend(added);
    plan
}

/// A plan of each host and box file, with a name for each.
pub(crate) fn plans() -> Vec<(&'static str, Plan)> {
    vec![
        ("debian-plain", plan(&DEBIAN, PLAIN)),
        ("debian-full", plan(&DEBIAN, FULL)),
        ("ubuntu-plain", plan(&UBUNTU, PLAIN)),
        ("ubuntu-full", plan(&UBUNTU, FULL)),
        ("container-plain", plan(&CONTAINER, PLAIN)),
    ]
}

pub(crate) fn secrets(plan: &Plan) -> Secrets {
    stand_ins(plan)
}

fn facts(host: &Host) -> Facts {
    let mut facts = Facts::default();
    let seen = &mut facts.observed;
    seen.os.id = Some(host.id.to_owned());
    seen.os.version = Some(host.version.to_owned());
    seen.container = Some(host.container);
    let modules = ["br_netfilter", "bridge", "nf_conntrack", "nf_tables", "overlay", "veth"];
    let module = |name: &str| Module { name: name.to_owned(), state: ModuleState::Loaded };
    seen.kernel.modules = Some(modules.into_iter().map(module).collect());
    let net = "192.0.2.7/24".parse().unwrap();
    seen.links = vec![Link {
        name: "eno1".to_owned(),
        nic: None,
        kind: "physical".to_owned(),
        mac: None,
        mtu: Some(1500),
        up: true,
        carrier: Some(true),
        speed: None,
        master: None,
        members: Vec::new(),
        on: None,
        vlan: None,
        addresses: vec![Address { net, scope: "global".to_owned(), dynamic: false }],
    }];
    seen.routes = Some(vec![Route {
        to: "0.0.0.0/0".parse().unwrap(),
        via: Some("192.0.2.1".parse().unwrap()),
        link: Some("eno1".to_owned()),
        metric: None,
        protocol: None,
        source: None,
    }]);
    seen.listeners =
        Some(vec![Listener { protocol: Protocol::Tcp, address: "0.0.0.0".parse().unwrap(), port: 22 }]);
    seen.mounts = Some(vec![Mount {
        point: "/".to_owned(),
        source: "/dev/sda1".to_owned(),
        fs: "ext4".to_owned(),
        read_only: false,
        size: Some(Bytes::gib(40)),
        available: Some(Bytes::gib(30)),
    }]);
    facts
}
