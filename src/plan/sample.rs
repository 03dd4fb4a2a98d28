//! Boxes for tests, as their facts would be read, and the same boxes after a first run.

use crate::{
    facts::{
        Facts, SCHEMA, Unknown,
        clock::{Clock, TimeService},
        cpu::Cpu,
        disk::{Disk, DiskKind, Transport, usage::DiskUse},
        firmware::{BootMode, Firmware},
        host::Privilege,
        kernel::{Kernel, Module, ModuleState},
        machine::{Container, Hypervisor},
        memory::Memory,
        mount::Mount,
        nic::{
            Nic,
            link::{Address, Link},
            route::Route,
        },
        os::Os,
        port::{Listener, Protocol},
        systemd::Systemd,
        tpm::Tpm,
    },
    units::Bytes,
};

const MODULES: [&str; 8] =
    ["8021q", "br_netfilter", "bridge", "dummy", "nf_conntrack", "nf_tables", "overlay", "veth"];

/// The box of a case, by the case's name.
pub(super) fn named(name: &str) -> Option<Facts> {
    match name {
        "plan-core" | "plan-server" => Some(server()),
        "plan-container" => Some(container()),
        "plan-ubuntu" => Some(ubuntu()),
        "plan-too-small" => Some(too_small()),
        _ => None,
    }
}

/// A small server with ECC memory, two cards of which one has a cable, and one NVMe disk with the system on it.
pub(crate) fn server() -> Facts {
    let mut facts = Facts { schema: SCHEMA.to_owned(), ..Facts::default() };
    let identity = &mut facts.identity;
    identity.cpu = Cpu {
        architecture: Some("x86_64".into()),
        vendor: Some("GenuineIntel".into()),
        model: Some("Intel(R) Xeon(R) E-2288G CPU @ 3.70GHz".into()),
        sockets: Some(1),
        cores: Some(8),
        threads: Some(16),
        flags: Some(vec!["aes".into(), "rdrand".into(), "rdseed".into(), "vmx".into()]),
    };
    identity.firmware =
        Firmware { mode: Some(BootMode::Uefi), secure_boot: Some(false), ..Firmware::default() };
    identity.hypervisor = Some(Hypervisor::None);
    identity.memory = Memory { size: Some(Bytes::gib(64)), ecc: Some(true), ..Memory::default() };
    identity.nics = vec![nic("3c:ec:ef:00:00:01"), nic("3c:ec:ef:00:00:02")];
    identity.product.uuid = Some("4c4c4544-0042-3510-8052-b4c04f4d3232".into());
    identity.tpm = Some(Tpm::V2);
    identity.disks = vec![Disk {
        id: "nvme-SAMSUNG_MZVL21T0HCLR-00B00_S676NX0R000001".into(),
        kind: DiskKind::Disk,
        by_id: vec!["nvme-SAMSUNG_MZVL21T0HCLR-00B00_S676NX0R000001".into()],
        by_path: Some("pci-0000:01:00.0-nvme-1".into()),
        serial: Some("S676NX0R000001".into()),
        wwn: None,
        vendor: None,
        model: Some("SAMSUNG MZVL21T0HCLR-00B00".into()),
        transport: Some(Transport::Nvme),
        size: Some(Bytes(1_024_209_543_168)),
        logical_block: Some(Bytes(512)),
        physical_block: Some(Bytes(512)),
        rotational: Some(false),
        discard: Some(true),
        removable: Some(false),
    }];
    let seen = &mut facts.observed;
    seen.clock = Clock {
        synchronised: Some(true),
        services: vec![TimeService::Timesyncd],
        rtc: Some(true),
        rtc_utc: Some(true),
        timezone: Some("Etc/UTC".into()),
    };
    seen.container = Some(Container::None);
    seen.cpu.vulnerabilities.insert(
        "l1tf".into(),
        "Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable".into(),
    );
    seen.disks = vec![DiskUse {
        disk: facts.identity.disks[0].id.clone(),
        name: "nvme0n1".into(),
        read_only: Some(false),
        boot_medium: false,
        table: None,
        partitions: Vec::new(),
        signatures: Vec::new(),
        mounts: vec!["/".into()],
        holders: Vec::new(),
    }];
    seen.kernel = Kernel {
        release: Some("6.1.0-28-amd64".into()),
        modules: Some(MODULES.map(|name| module(name, ModuleState::Available)).to_vec()),
        untold: Vec::new(),
        cgroup: Some(2),
    };
    seen.links = vec![
        loopback(),
        Link {
            nic: Some("3c:ec:ef:00:00:01".into()),
            speed: Some(1000),
            addresses: vec![address("192.0.2.10/24")],
            ..link("eno1")
        },
        Link { nic: Some("3c:ec:ef:00:00:02".into()), up: false, carrier: None, ..link("eno2") },
    ];
    seen.listeners = Some(vec![tcp(22, "0.0.0.0")]);
    seen.mounts = Some(vec![mount("/", "ext4", 936, 890), mount("/boot/efi", "vfat", 1, 1)]);
    seen.os = os("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)");
    seen.privilege = Privilege { uid: Some(0), capabilities: None };
    seen.routes = Some(vec![
        Route {
            to: "0.0.0.0/0".parse().unwrap(),
            via: Some("192.0.2.1".parse().unwrap()),
            protocol: Some("static".into()),
            ..route("192.0.2.0/24", "eno1")
        },
        route("192.0.2.0/24", "eno1"),
    ]);
    seen.systemd = Some(Systemd { running: true, version: Some(252), state: Some("running".into()) });
    facts
}

/// A container that boots systemd on a kernel without modules; nothing of the hardware can be told.
pub(super) fn container() -> Facts {
    let mut facts = server();
    facts.identity = crate::facts::Identity {
        cpu: Cpu { threads: Some(2), flags: Some(vec!["rdrand".into()]), ..Cpu::default() },
        memory: Memory { size: Some(Bytes::gib(24)), ..Memory::default() },
        ..crate::facts::Identity::default()
    };
    let seen = &mut facts.observed;
    seen.container = Some(Container::Nspawn);
    seen.cpu.vulnerabilities.clear();
    seen.disks.clear();
    let built_in = ["br_netfilter", "bridge", "nf_conntrack", "nf_tables", "overlay", "veth"];
    seen.kernel.modules = Some(built_in.map(|name| module(name, ModuleState::Builtin)).to_vec());
    seen.kernel.release = Some("6.18.44".into());
    seen.links = vec![
        loopback(),
        Link { kind: "veth".into(), addresses: vec![address("10.99.0.2/24")], ..link("host0") },
    ];
    seen.mounts = Some(vec![mount("/", "overlay", 40, 12)]);
    seen.routes = Some(vec![Route {
        to: "0.0.0.0/0".parse().unwrap(),
        via: Some("10.99.0.1".parse().unwrap()),
        ..route("0.0.0.0/0", "host0")
    }]);
    seen.systemd = Some(Systemd { running: true, version: Some(252), state: Some("degraded".into()) });
    facts.unknown =
        vec![Unknown { fact: "identity.firmware.mode".into(), reason: "the box is a container".into() }];
    facts
}

/// A virtual machine with Ubuntu in somebody's cloud, where packets are smaller and addresses are leased.
pub(super) fn ubuntu() -> Facts {
    let mut facts = server();
    facts.identity.hypervisor = Some(Hypervisor::Kvm);
    facts.identity.memory = Memory { size: Some(Bytes::gib(8)), ..Memory::default() };
    let seen = &mut facts.observed;
    seen.os = os("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS");
    seen.links[1].mtu = Some(1450);
    seen.links[1].speed = None;
    seen.cpu.vulnerabilities.insert("l1tf".into(), "Not affected".into());
    // Left by somebody's experiments.
    seen.links.push(Link {
        kind: "bridge".into(),
        addresses: vec![address("172.18.0.1/16")],
        ..link("br-33aa")
    });
    facts
}

/// A virtual machine that meets nothing, on a network that the box's own would cover.
pub(super) fn too_small() -> Facts {
    let mut facts = server();
    facts.identity.cpu = Cpu { threads: Some(1), flags: Some(Vec::new()), ..Cpu::default() };
    facts.identity.hypervisor = Some(Hypervisor::Kvm);
    facts.identity.memory = Memory { size: Some(Bytes::mib(768)), ..Memory::default() };
    facts.identity.rng = Some(crate::facts::machine::Rng { available: Vec::new(), current: None });
    facts.identity.tpm = Some(Tpm::Absent);
    let seen = &mut facts.observed;
    seen.os = os("debian", "11", "bullseye", "Debian GNU/Linux 11 (bullseye)");
    seen.links[1].addresses = vec![address("192.168.16.77/20")];
    seen.links[1].mtu = Some(1200);
    seen.links[1].speed = None;
    seen.kernel.modules = Some(vec![module("bridge", ModuleState::Loaded)]);
    seen.mounts = Some(vec![mount("/", "ext4", 8, 2)]);
    seen.systemd = Some(Systemd { running: false, version: Some(247), state: None });
    seen.privilege.uid = Some(1000);
    facts
}

/// The same box after profile `base` was deployed to it: our bridge, Docker's, their routes, time service, ports.
pub(super) fn deployed(facts: &Facts) -> Facts {
    let mut after = facts.clone();
    let seen = &mut after.observed;
    seen.clock.services = vec![TimeService::Chrony];
    let bridge =
        |name: &str, net: &str| Link { kind: "bridge".into(), addresses: vec![address(net)], ..link(name) };
    seen.links.push(bridge("ciab0", "192.168.16.10/24"));
    seen.links.push(bridge("docker0", "172.17.0.1/17"));
    seen.links.push(bridge("br-6a1c", "172.17.128.1/24"));
    // A lease may change, and the kernel may have been updated and the interface renamed.
    for link in &mut seen.links {
        for address in &mut link.addresses {
            address.dynamic = true;
        }
    }
    if let Some(routes) = &mut seen.routes {
        routes.push(route("192.168.16.0/24", "ciab0"));
        routes.push(route("172.17.0.0/17", "docker0"));
    }
    if let Some(listeners) = &mut seen.listeners {
        listeners.push(tcp(443, "192.168.16.9"));
    }
    for module in seen.kernel.modules.iter_mut().flatten() {
        if module.state == ModuleState::Available {
            module.state = ModuleState::Loaded;
        }
    }
    for mount in seen.mounts.iter_mut().flatten() {
        mount.available = mount.available.map(|Bytes(n)| Bytes(n / 2));
    }
    after
}

fn module(name: &str, state: ModuleState) -> Module {
    Module { name: name.into(), state }
}

fn nic(mac: &str) -> Nic {
    Nic {
        id: mac.into(),
        mac: Some(mac.parse().unwrap()),
        path: None,
        pci: None,
        driver: Some("igb".into()),
        vendor: None,
        model: None,
        max_speed: Some(1000),
    }
}

fn link(name: &str) -> Link {
    Link {
        name: name.into(),
        nic: None,
        kind: "physical".into(),
        mac: None,
        mtu: Some(1500),
        up: true,
        carrier: Some(true),
        speed: None,
        master: None,
        members: Vec::new(),
        on: None,
        vlan: None,
        addresses: Vec::new(),
    }
}

fn loopback() -> Link {
    let own = Address { scope: "host".into(), ..address("127.0.0.1/8") };
    Link { kind: "loopback".into(), addresses: vec![own], ..link("lo") }
}

fn address(net: &str) -> Address {
    Address { net: net.parse().unwrap(), scope: "global".into(), dynamic: false }
}

fn route(to: &str, link: &str) -> Route {
    Route {
        to: to.parse().unwrap(),
        via: None,
        link: Some(link.into()),
        metric: None,
        protocol: Some("kernel".into()),
        source: None,
    }
}

fn mount(point: &str, fs: &str, size: u64, available: u64) -> Mount {
    Mount {
        point: point.into(),
        source: "/dev/nvme0n1p2".into(),
        fs: fs.into(),
        read_only: false,
        size: Some(Bytes::gib(size)),
        available: Some(Bytes::gib(available)),
    }
}

fn os(id: &str, version: &str, codename: &str, name: &str) -> Os {
    Os {
        id: Some(id.into()),
        version: Some(version.into()),
        codename: Some(codename.into()),
        name: Some(name.into()),
    }
}

fn tcp(port: u16, address: &str) -> Listener {
    Listener { protocol: Protocol::Tcp, port, address: address.parse().unwrap() }
}
