//! The guest: a small disk image of Debian's kernel and busybox that says its address and its metadata on the console.
//!
//! It boots by BIOS from a FAT file system with syslinux. All is made with tools that write into files: no loop device,
//! no mount, no root.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Ground, apt,
    place::{self, made},
};
use crate::{
    bundle::manifest::{Kind, Part},
    embedded,
    tool::call::Call,
};

/// In the bundle.
const GUESTS: &str = "guests";
const NAME: &str = "ciab-guest";
const INIT: &str = "bundle/guest/init";
const LEASE: &str = "bundle/guest/lease";
/// The kernel without drivers that no virtual machine has, and the tools.
const PACKAGES: [&str; 2] = ["linux-image-cloud-amd64", "busybox-static"];
/// Drivers that the guest loads, behind what each needs: raw sockets for DHCP, the virtio devices of libvirt.
const MODULES: [&str; 5] = ["af_packet", "virtio_pci", "virtio_blk", "virtio_net", "virtio_rng"];
/// Bytes before the partition: what every partitioning tool leaves.
const START: u64 = 1 << 20;
/// Bytes of the file system: kernel and initrd are half of it.
const SIZE: u64 = 40 << 20;
const SECTOR: u64 = 512;
/// Where syslinux (package syslinux-common) has its boot code.
const BOOT_CODE: &str = "/usr/lib/syslinux/mbr/mbr.bin";

/// Programs that it is made with, each with its package.
pub(super) const TOOLS: [(&str, &str); 9] = [
    ("cpio", "cpio"),
    ("depmod", "kmod"),
    ("dpkg-deb", "dpkg"),
    ("mcopy", "mtools"),
    ("modprobe", "kmod"),
    ("qemu-img", "qemu-utils"),
    ("sfdisk", "fdisk"),
    ("syslinux", "syslinux"),
    // `syslinux` only recommends it.
    (BOOT_CODE, "syslinux-common"),
];

/// Makes the image; the part.
pub(super) fn build(ground: &Ground<'_>) -> Result<Part> {
    ground.said("Making the guest's disk image");
    let work = Work { ground, root: ground.work.join("guest") };
    if work.root.exists() {
        fs::remove_dir_all(&work.root).with_context(|| format!("remove {}", work.root.display()))?;
    }
    let system = work.unpacked()?;
    let kernel = the_one(&system.join("boot"), "vmlinuz-")?;
    let version = kernel.file_name().unwrap_or_default().to_string_lossy().replacen("vmlinuz-", "", 1);
    let initrd = work.initrd(&system, &version)?;
    let disk = work.disk(&kernel, &initrd)?;
    let folder = ground.settings.folder.join(GUESTS);
    let file = format!("{NAME}-{version}.qcow2");
    place::link(&disk, &folder.join(&file))?;
    place::only(&folder, |name| name == file)?;
    made(ground, Kind::Guest, NAME, &version, &format!("{GUESTS}/{file}"))
}

struct Work<'a> {
    ground: &'a Ground<'a>,
    root: PathBuf,
}

impl Work<'_> {
    fn run<S: Into<String>>(&self, log: &str, words: impl IntoIterator<Item = S>) -> Result<()> {
        Call::new(&self.ground.log(&format!("guest-{log}")), words).run()
    }

    /// The files of the packages.
    fn unpacked(&self) -> Result<PathBuf> {
        let system = self.root.join("system");
        fs::create_dir_all(&system)?;
        let wanted = |file: &Path| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            ["linux-image-", "busybox-static_"].iter().any(|head| name.starts_with(head))
        };
        for file in apt::fetch(self.ground, &PACKAGES)?.iter().filter(|file| wanted(file)) {
            self.run("unpack", ["dpkg-deb", "--extract", &text(file), &text(&system)])?;
        }
        Ok(system)
    }

    /// The root of the guest, as the kernel unpacks it.
    fn initrd(&self, system: &Path, version: &str) -> Result<PathBuf> {
        let root = self.root.join("root");
        fs::create_dir_all(root.join("bin"))?;
        fs::copy(system.join("bin/busybox"), root.join("bin/busybox")).context("copy busybox")?;
        for (name, script) in [("init", embedded::text(INIT)), ("lease", embedded::text(LEASE))] {
            fs::write(root.join(name), script)?;
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755))?;
        }
        fs::write(root.join("modules"), MODULES.join("\n") + "\n")?;
        self.run("depmod-all", ["depmod", "--basedir", &text(system), version])?;
        for module in MODULES {
            let words =
                ["modprobe", "--dirname", &text(system), "--set-version", version, "--show-depends", module];
            let log = self.ground.log("guest-modprobe");
            let said =
                Call::new(&log, words).output().with_context(|| format!("find the driver {module}"))?;
            for path in said.lines().filter_map(|line| line.trim().strip_prefix("insmod ")) {
                let from = Path::new(path.trim());
                let to = root.join(from.strip_prefix(system).unwrap_or(from));
                fs::create_dir_all(to.parent().unwrap_or(&root))?;
                fs::copy(from, &to).with_context(|| format!("copy {path}"))?;
            }
        }
        let modules = root.join("lib/modules").join(version);
        fs::create_dir_all(&modules)?;
        // Which of them the kernel has in itself, so that asking for one of those is no error.
        for list in ["modules.builtin", "modules.order"] {
            fs::copy(system.join("lib/modules").join(version).join(list), modules.join(list))?;
        }
        self.run("depmod", ["depmod", "--basedir", &text(&root), version])?;
        let initrd = self.root.join("initrd.gz");
        // One line for a shell: cpio takes its names from a pipe.
        let line = "cd \"$1\" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -9n > \"$2\"";
        self.run("initrd", ["sh", "-euc", line, "sh", &text(&root), &text(&initrd)])?;
        Ok(initrd)
    }

    /// The disk, in qcow2.
    fn disk(&self, kernel: &Path, initrd: &Path) -> Result<PathBuf> {
        let (fat, raw, disk) =
            (self.root.join("fat"), self.root.join("disk.raw"), self.root.join("disk.qcow2"));
        let there = fs::metadata(kernel)?.len() + fs::metadata(initrd)?.len();
        ensure!(
            there + (2 << 20) < SIZE,
            "kernel and initrd have {there} bytes: too many for the guest's disk"
        );
        File::create(&fat)?.set_len(SIZE)?;
        let config = self.root.join("syslinux.cfg");
        // An emulated processor that is kept waiting fails the kernel's check of its timer, and the kernel stops there.
        fs::write(
            &config,
            "SERIAL 0 115200\nDEFAULT linux\nPROMPT 0\nLABEL linux\n KERNEL vmlinuz\n INITRD initrd.gz\n \
             APPEND console=tty0 console=ttyS0,115200 no_timer_check panic=10 quiet\n",
        )?;
        let sectors = (SIZE / SECTOR).to_string();
        self.run(
            "format",
            ["mformat", "-i", &text(&fat), "-v", "BOOT", "-T", &sectors, "-h", "16", "-s", "63", "::"],
        )?;
        for (from, to) in [(kernel, "::/vmlinuz"), (initrd, "::/initrd.gz"), (&config, "::/syslinux.cfg")] {
            self.run("copy", ["mcopy", "-i", &text(&fat), &text(from), to])?;
        }
        self.run("syslinux", ["syslinux", "--install", &text(&fat)])?;
        let out = File::create(&raw)?;
        out.set_len(START + SIZE)?;
        let table = format!("label: dos\nstart={}, size={sectors}, type=c, bootable\n", START / SECTOR);
        let script = self.root.join("table");
        File::create(&script)?.write_all(table.as_bytes())?;
        self.run("table", ["sh", "-euc", "sfdisk -q \"$1\" < \"$2\"", "sh", &text(&raw), &text(&script)])?;
        out.write_all_at(&fs::read(&fat)?, START)?;
        // The first 440 bytes are code; behind them stands the table.
        let code = fs::read(BOOT_CODE).with_context(|| format!("read {BOOT_CODE}"))?;
        ensure!(code.len() <= 440, "{BOOT_CODE} is no boot code of a partitioned disk");
        out.write_all_at(&code, 0)?;
        self.run(
            "qcow2",
            ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", &text(&raw), &text(&disk)],
        )?;
        Ok(disk)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The only file whose name begins so.
fn the_one(folder: &Path, head: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(head) {
            found.push(entry.path());
        }
    }
    ensure!(found.len() == 1, "{} has {} files `{head}*`, not one", folder.display(), found.len());
    Ok(found.remove(0))
}
