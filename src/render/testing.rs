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
            Nic,
            link::{Address, Link},
            route::Route,
        },
        port::{Listener, Protocol},
        resolver::Resolver,
    },
    plan::Plan,
    profile::Profile,
    units::{Bytes, Mac},
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

/// Every layer between cards and address, and every way out but a card of its own.
pub(crate) const LAYERS: &str = "
apiVersion: ciab/v1
kind: Box
profile: base
name: cloud1
domain: example.org
access:
  ssh_keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org
nics:
  second: { match: { mac: 3c:ec:ef:00:00:02 } }
network:
  management:
    static: { address: 192.0.2.7/24, gateway: 192.0.2.1, address6: 2001:db8::7/64, gateway6: fe80::1, vlan: 42, mtu: 1400 }
  bond: { members: [management, second], mode: 802.3ad }
  internal6: fd00:16::/64
  provider:
    public: { cidr6: fd00:112::/64 }
    lan: { mode: bridged, cidr: 198.51.100.0/24, pool: { first: 198.51.100.20, last: 198.51.100.30 }, vlan: 7 }
  wireguard: { users: [bob, ann] }
  dns: [192.0.2.53]
  ntp: [192.0.2.123]
";

/// A leased address on a bridge, a card for virtual machines alone, and a network that is not in its usual place.
pub(crate) const BRIDGED: &str = "
apiVersion: ciab/v1
kind: Box
profile: base
name: cloud1
domain: example.org
access:
  ssh_keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org
nics:
  provider: { match: { mac: 3c:ec:ef:00:00:02 } }
network:
  management: dhcp
  provider:
    public: { cidr: 198.51.100.0/24, pool: { first: 198.51.100.20, last: 198.51.100.30 } }
    lan: { mode: bridged, cidr: 192.0.2.0/24, pool: { first: 192.0.2.20, last: 192.0.2.30 } }
  ntp: [192.0.2.123]
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
    let (host, profile) = match engine {
        Engine::Osism => (&UBUNTU, "profile: edge\nengine: osism"),
        Engine::None | Engine::Kolla => (&DEBIAN, "profile: core\nengine: kolla"),
    };
    let mut plan = plan(host, &PLAIN.replace("profile: base", profile));
    let added = services.iter().map(|name| name.parse().unwrap());
    plan.cloud.as_mut().unwrap().services.extend(added);
    plan
}

/// A plan of each host and box file, with a name for each.
pub(crate) fn plans() -> Vec<(&'static str, Plan)> {
    vec![
        ("debian-plain", plan(&DEBIAN, PLAIN)),
        ("debian-full", plan(&DEBIAN, FULL)),
        ("debian-offline", plan(&DEBIAN, &format!("{PLAIN}offline: {{ bundle: /srv/bundle }}\n"))),
        ("ubuntu-plain", plan(&UBUNTU, PLAIN)),
        ("ubuntu-full", plan(&UBUNTU, FULL)),
        ("container-plain", plan(&CONTAINER, PLAIN)),
        ("debian-layers", plan(&DEBIAN, LAYERS)),
        ("ubuntu-bridged", plan(&UBUNTU, BRIDGED)),
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
    let mac = |n: u8| -> Mac { format!("3c:ec:ef:00:00:0{n}").parse().unwrap() };
    let link = |name: &str, n: u8, addresses: Vec<Address>| Link {
        name: name.to_owned(),
        nic: Some(mac(n).to_string()),
        kind: "physical".to_owned(),
        mac: Some(mac(n)),
        mtu: Some(1500),
        up: true,
        carrier: Some(true),
        speed: None,
        master: None,
        members: Vec::new(),
        on: None,
        vlan: None,
        addresses,
    };
    let own = Address { net, scope: "global".to_owned(), dynamic: false };
    seen.links = vec![link("eno1", 1, vec![own]), link("eno2", 2, Vec::new())];
    seen.network_setup.ifupdown = vec!["eno1".to_owned()];
    seen.network_setup.network_manager = true;
    seen.network_setup.files = vec!["/etc/network/interfaces".to_owned()];
    let resolved = host.id == "ubuntu";
    seen.resolver =
        Some(Resolver { servers: vec!["192.0.2.1".parse().unwrap()], search: Vec::new(), resolved });
    let nic = |n: u8| Nic {
        id: mac(n).to_string(),
        mac: Some(mac(n)),
        path: None,
        pci: None,
        driver: None,
        vendor: None,
        model: None,
        max_speed: None,
    };
    facts.identity.nics = vec![nic(1), nic(2)];
    let seen = &mut facts.observed;
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
