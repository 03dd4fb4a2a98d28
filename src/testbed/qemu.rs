//! From a machine to the words that QEMU and the servers of its disks are started with.

use super::{
    accelerator::Accelerator,
    disk::{Bus, Content, Disk},
    machine::{Boot, Firmware, Machine, Place, image},
};

/// Of package ovmf: the firmware, and the variables that a new machine has.
pub(super) const OVMF_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
pub(super) const OVMF_VARS: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// Emulated: an AMD model needs no page-table isolation, and none with AVX, which costs half as much again.
const EMULATED: [&str; 4] = ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Opteron_G3"];
const OWN: [&str; 4] = ["-accel", "kvm", "-cpu", "host"];
/// Of addresses that are nobody's (IEEE 802: locally administered) in QEMU's usual range.
const MAC: &str = "52:54:00:c1:ab";

/// The server of one disk: `file` with a write cache that dies with it.
pub(super) fn disk_server(place: &Place, number: usize) -> Vec<String> {
    let (socket, file) = (place.text(&disk_socket(number)), place.text(&image(number)));
    // It ends with its parent (PR_SET_PDEATHSIG), so that has to stay.
    let parent = ["sh", "-c", "\"$@\"; exit", "sh"];
    let words =
        ["nbdkit", "--foreground", "--filter=cache", "--unix", &socket, "file", &file, "cache=writeback"];
    parent.iter().chain(&words).map(|word| (*word).to_owned()).collect()
}

pub(super) fn disk_socket(number: usize) -> String {
    format!("disk{number}.sock")
}

/// QEMU itself. `snapshot` names a state to go on from.
pub(super) fn argv(machine: &Machine, place: &Place, snapshot: Option<&str>) -> Vec<String> {
    let mut argv = Words::default();
    argv.add(&[
        "qemu-system-x86_64",
        "-name",
        &machine.name,
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
    ]);
    argv.add(match machine.accelerator {
        Accelerator::Kvm => &OWN,
        Accelerator::Tcg => &EMULATED,
    });
    argv.add(&["-smp", &machine.processors.to_string(), "-m", &(machine.memory.0 >> 20).to_string()]);
    match machine.firmware {
        Firmware::Bios => argv.add(&["-machine", "q35"]),
        Firmware::Uefi => {
            argv.add(&["-machine", "q35,pflash0=code,pflash1=variables"]);
            let code =
                format!("driver=raw,node-name=code,read-only=on,file.driver=file,file.filename={OVMF_CODE}");
            argv.add(&["-blockdev", &code]);
            let variables = place.text("firmware.qcow2");
            let variables =
                format!("driver=qcow2,node-name=variables,file.driver=file,file.filename={variables}");
            argv.add(&["-blockdev", &variables]);
        }
    }
    argv.boot(machine);
    argv.disks(machine, place);
    for card in 0..machine.cards {
        // The first one is reached from here.
        let forward = match card {
            0 => format!(",hostfwd=tcp:127.0.0.1:{}-:22", machine.port),
            _ => String::new(),
        };
        argv.add(&["-netdev", &format!("user,id=net{card},ipv6=off,net=10.0.{}.0/24{forward}", 2 + card)]);
        let device = format!("virtio-net-pci,netdev=net{card},mac={MAC}:{:02x},romfile=", card + 1);
        argv.add(&["-device", &device]);
    }
    argv.add(&["-device", "virtio-rng-pci"]);
    if machine.keys {
        for (name, file) in [("authorized_keys", "key.pub"), ("host_key", "host_key")] {
            argv.add(&["-fw_cfg", &format!("name=opt/org.ciab/{name},file={}", place.text(file))]);
        }
    }
    let (socket, log) = (place.text("console.sock"), place.text("console.log"));
    let console = format!("socket,id=console,path={socket},server=on,wait=off,logfile={log},logappend=on");
    argv.add(&["-chardev", &console, "-serial", "chardev:console"]);
    argv.add(&["-qmp", &format!("unix:{},server=on,wait=off", place.text("qmp.sock"))]);
    if let Some(snapshot) = snapshot {
        argv.add(&["-loadvm", snapshot]);
    }
    argv.0
}

#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
    }

    fn boot(&mut self, machine: &Machine) {
        match &machine.boot {
            Boot::Disk => {}
            Boot::Medium(file) => {
                let drive = format!(
                    "driver=raw,node-name=medium,read-only=on,file.driver=file,file.filename={}",
                    comma(file)
                );
                self.add(&["-blockdev", &drive, "-device", "ide-cd,drive=medium,bus=ide.5,bootindex=0"]);
            }
            Boot::Kernel { kernel, initrd, append } => {
                self.add(&["-kernel", &kernel.display().to_string(), "-append", append]);
                if let Some(initrd) = initrd {
                    self.add(&["-initrd", &initrd.display().to_string()]);
                }
            }
        }
    }

    fn disks(&mut self, machine: &Machine, place: &Place) {
        if machine.disks.iter().any(|disk| disk.bus == Bus::Usb) {
            self.add(&["-device", "qemu-xhci,id=usb"]);
        }
        let mut sata = 0;
        for (number, disk) in machine.disks.iter().enumerate() {
            let socket = place.text(&disk_socket(number));
            let node = format!(
                "driver=qcow2,node-name=disk{number},file.driver=nbd,file.server.type=unix,file.server.path={socket}"
            );
            self.add(&["-blockdev", &node]);
            // The medium comes first.
            let after = usize::from(matches!(machine.boot, Boot::Medium(_)));
            let mut device = match disk.bus {
                Bus::Virtio => format!("virtio-blk-pci,drive=disk{number}"),
                Bus::Sata => {
                    sata += 1;
                    // The chipset has six places; a medium takes the last one.
                    format!("ide-hd,drive=disk{number},bus=ide.{}", sata - 1)
                }
                Bus::Nvme => format!("nvme,drive=disk{number}"),
                Bus::Usb => format!("usb-storage,drive=disk{number},bus=usb.0"),
            };
            if let Some(serial) = disk.told(&machine.name, number) {
                device += &format!(",serial={serial}");
            }
            if disk.block != 512 {
                device += &format!(",logical_block_size={0},physical_block_size={0}", disk.block);
            }
            if !matches!(machine.boot, Boot::Kernel { .. }) {
                device += &format!(",bootindex={}", number + after);
            }
            self.add(&["-device", &device]);
        }
    }
}

/// A comma in a value is written twice.
fn comma(path: &std::path::Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// SATA disks that there are places for.
pub(super) fn sata_places(machine: &Machine) -> usize {
    6 - usize::from(matches!(machine.boot, Boot::Medium(_)))
}

/// The files that a machine's words name, and that have to be there.
pub(super) fn files(machine: &Machine) -> Vec<std::path::PathBuf> {
    let disks = machine.disks.iter().filter_map(|Disk { content, .. }| match content {
        Content::File(file) => Some(file.clone()),
        Content::Blank(_) => None,
    });
    let mut files: Vec<_> = disks.collect();
    match &machine.boot {
        Boot::Disk => {}
        Boot::Medium(file) => files.push(file.clone()),
        Boot::Kernel { kernel, initrd, .. } => files.extend([kernel].into_iter().chain(initrd).cloned()),
    }
    if machine.firmware == Firmware::Uefi {
        files.extend([OVMF_CODE, OVMF_VARS].map(Into::into));
    }
    files
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::units::Bytes;

    fn machine() -> Machine {
        Machine {
            schema: Machine::schema(),
            name: "box".to_owned(),
            processors: 2,
            memory: Bytes::gib(2),
            firmware: Firmware::Bios,
            boot: Boot::Disk,
            disks: ["virtio:1GiB", "sata:1GiB", "nvme:1GiB,block=4096", "usb:1GiB,serial=none", "sata:1GiB"]
                .map(|words| words.parse().unwrap())
                .to_vec(),
            cards: 2,
            port: 2222,
            keys: true,
            accelerator: Accelerator::Tcg,
        }
    }

    fn line(machine: &Machine) -> String {
        let place = Place::of(Path::new("/s"), "box").unwrap();
        argv(machine, &place, None).join(" ")
    }

    #[test]
    fn each_disk_is_on_its_bus_with_what_it_tells() {
        let line = line(&machine());
        for part in [
            "-device virtio-blk-pci,drive=disk0,serial=box-0,bootindex=0",
            "-device ide-hd,drive=disk1,bus=ide.0,serial=box-1,bootindex=1",
            "-device nvme,drive=disk2,serial=box-2,logical_block_size=4096,physical_block_size=4096,bootindex=2",
            "-device qemu-xhci,id=usb",
            "-device usb-storage,drive=disk3,bus=usb.0,bootindex=3",
            "-device ide-hd,drive=disk4,bus=ide.1,serial=box-4,bootindex=4",
            "file.driver=nbd,file.server.type=unix,file.server.path=/s/box/disk2.sock",
            "hostfwd=tcp:127.0.0.1:2222-:22",
            "net=10.0.3.0/24 ",
            "name=opt/org.ciab/host_key,file=/s/box/host_key",
        ] {
            assert!(line.contains(part), "{part}\n{line}");
        }
        assert!(!line.contains("pflash"), "{line}");
    }

    #[test]
    fn a_medium_starts_before_the_disks_and_a_kernel_without_them() {
        let medium =
            Machine { boot: Boot::Medium("/m/a,b.iso".into()), firmware: Firmware::Uefi, ..machine() };
        assert_eq!(sata_places(&medium), 5);
        let medium = line(&medium);
        assert!(
            medium.contains("file.filename=/m/a,,b.iso") && medium.contains("bus=ide.5,bootindex=0"),
            "{medium}"
        );
        assert!(
            medium.contains("serial=box-0,bootindex=1") && medium.contains("pflash1=variables"),
            "{medium}"
        );
        let boot = Boot::Kernel { kernel: "/k".into(), initrd: Some("/i".into()), append: "a b".to_owned() };
        let kernel = line(&Machine { boot, ..machine() });
        assert!(
            kernel.contains("-kernel /k -append a b -initrd /i") && !kernel.contains("bootindex"),
            "{kernel}"
        );
    }
}
