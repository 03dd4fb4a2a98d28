//! The box that a testbed has when none is named: a bare Debian 12 with Debian's own kernel, from its packages.
//!
//! SSH and an account that may become root, and nothing that an installer brings. It has no keys of its own: each machine
//! gets its pair through QEMU (fw_cfg), so that its host key is known before it starts.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::machine::Boot;
use crate::{
    embedded,
    failure::{Exit, Failure},
    tool::{
        call::{self, Call},
        debian::{bootstrap, put},
    },
    tree::sha256,
};

/// Who logs in.
pub const USER: &str = "debian";
const SIZE: &str = "24G";
const LABEL: &str = "ciab-testbed";
const FOLDER: &str = "iso/testbed";
/// Programs that it is made with, each with its package.
const TOOLS: [(&str, &str); 3] =
    [("mmdebstrap", "mmdebstrap"), ("mkfs.ext4", "e2fsprogs"), ("chroot", "coreutils")];

/// The files of a base.
#[derive(Clone, Debug)]
pub struct Base(PathBuf);

impl Base {
    /// The raw image of its disk.
    pub fn disk(&self) -> PathBuf {
        self.0.join("disk.raw")
    }

    pub fn kernel(&self) -> PathBuf {
        self.0.join("vmlinuz")
    }

    /// How it starts: without a boot loader, which an emulated processor takes long for.
    pub fn boot(&self) -> Boot {
        let append =
            format!("root=LABEL={LABEL} rw console=tty0 console=ttyS0,115200 no_timer_check panic=-1");
        Boot::Kernel { kernel: self.kernel(), initrd: Some(self.0.join("initrd.img")), append }
    }
}

/// The base, if it was made before.
pub fn made(cache: &Path) -> Option<Base> {
    let folder = cache.join(format!("debian-{}", key()));
    folder.join("disk.raw").exists().then_some(Base(folder))
}

/// Makes it: two minutes, once. Exit 2 where that cannot be begun.
pub fn make(cache: &Path) -> Result<Base, Failure> {
    if !nix::unistd::geteuid().is_root() {
        let failure = Failure::new(Exit::Usage, "the bare Debian of a testbed can be made by root alone");
        return Err(failure.hint(
            "Run it once as root, or name what the machine starts from: --disk, --medium or --kernel.",
        ));
    }
    call::need(&TOOLS)?;
    let folder = cache.join(format!("debian-{}", key()));
    // One that was ended on the way.
    let work = folder.with_extension("part");
    if work.exists() {
        fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))?;
    }
    fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    Work(&work).all()?;
    fs::rename(&work, &folder).with_context(|| format!("put {} in place", folder.display()))?;
    Ok(Base(folder))
}

/// Of everything that it is made from; this file is a part of it, and what it calls.
fn key() -> String {
    let mut all = include_str!("debian.rs").to_owned() + include_str!("../tool/debian.rs");
    for name in embedded::below(FOLDER) {
        all += name;
        all += embedded::find(name).unwrap_or_default();
    }
    sha256(all.as_bytes()).to_string()[..16].to_owned()
}

struct Work<'a>(&'a Path);

impl Work<'_> {
    fn run(&self, log: &str, words: &[&str]) -> Result<()> {
        Call::new(&self.0.join("log").join(log), words.iter().copied()).run()
    }

    fn all(&self) -> Result<()> {
        let root = self.0.join("root");
        self.packages(&root)?;
        self.settings(&root)?;
        for (from, to) in [("vmlinuz", "vmlinuz"), ("initrd.img", "initrd.img")] {
            fs::copy(root.join(from), self.0.join(to)).with_context(|| format!("copy {from}"))?;
        }
        let disk = self.0.join("disk.raw").display().to_string();
        self.run("size", &["truncate", "-s", SIZE, &disk])?;
        let lazy = "lazy_itable_init=1,lazy_journal_init=1";
        let from = root.display().to_string();
        self.run(
            "format",
            &["mkfs.ext4", "-q", "-F", "-m", "0", "-L", LABEL, "-E", lazy, "-d", &from, &disk],
        )?;
        for folder in [root, self.0.join("initramfs")] {
            fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
        }
        Ok(())
    }

    fn packages(&self, root: &Path) -> Result<()> {
        // Drivers of every bus that a testbed's disk may be on: those of all machines would be read for half a minute.
        let initramfs = self.0.join("initramfs");
        for (path, text) in [
            ("etc/initramfs-tools/conf.d/ciab-testbed", "MODULES=list\n"),
            ("usr/share/initramfs-tools/modules.d/ciab-testbed", embedded::text("iso/testbed/drivers")),
        ] {
            put(&initramfs.join(path), text, 0o644)?;
        }
        let hook = format!("--essential-hook=cp -R {}/. \"$1\"", initramfs.display());
        let words = bootstrap(embedded::text("iso/testbed/packages"), &[&hook], root);
        Call::new(&self.0.join("log/packages"), words).run()
    }

    /// A machine that somebody has prepared: network, SSH, one account, root locked.
    fn settings(&self, root: &Path) -> Result<()> {
        // dpkg syncs on the machine, as it does on a real one.
        let unsafe_io = root.join("etc/dpkg/dpkg.cfg.d/99mmdebstrap");
        let kept = fs::read_to_string(&unsafe_io).unwrap_or_default();
        let kept: String =
            kept.lines().filter(|line| !line.contains("unsafe-io")).map(|line| format!("{line}\n")).collect();
        fs::write(&unsafe_io, kept)?;
        for (path, text, mode) in [
            ("etc/fstab", format!("LABEL={LABEL} / ext4 errors=remount-ro 0 1\n"), 0o644),
            ("etc/hostname", format!("{USER}\n"), 0o644),
            ("etc/hosts", format!("127.0.0.1 localhost\n127.0.1.1 {USER}\n"), 0o644),
            // QEMU's user network, of which each card has one. By name: a pair of veth is of type `ether` too.
            (
                "etc/systemd/network/10-cards.network",
                "[Match]\nName=en*\n\n[Network]\nDHCP=ipv4\n".to_owned(),
                0o644,
            ),
            ("etc/resolv.conf", "nameserver 10.0.2.3\n".to_owned(), 0o644),
            ("etc/sudoers.d/90-debian", format!("{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n"), 0o440),
            ("usr/local/sbin/ciab-testbed-keys", embedded::text("iso/testbed/keys").to_owned(), 0o755),
            (
                "etc/systemd/system/ciab-testbed-keys.service",
                embedded::text("iso/testbed/keys.service").to_owned(),
                0o644,
            ),
        ] {
            put(&root.join(path), &text, mode)?;
        }
        let wants = root.join("etc/systemd/system/ssh.service.wants");
        fs::create_dir_all(&wants)?;
        symlink("../ciab-testbed-keys.service", wants.join("ciab-testbed-keys.service"))?;
        for entry in fs::read_dir(root.join("etc/ssh"))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ssh_host_")) {
                fs::remove_file(path)?;
            }
        }
        // Each machine has its own.
        fs::write(root.join("etc/machine-id"), "")?;
        let _ = fs::remove_file(root.join("var/lib/dbus/machine-id"));
        let to = root.display().to_string();
        self.run("account", &["chroot", &to, "useradd", "--create-home", "--shell", "/bin/bash", USER])?;
        self.run("root", &["chroot", &to, "passwd", "--quiet", "--lock", "root"])?;
        self.run("network", &["chroot", &to, "systemctl", "--quiet", "enable", "systemd-networkd.service"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_base_is_short_and_its_recipe_is_whole() {
        assert!(key().len() == 16 && key() == key());
        let packages = embedded::text("iso/testbed/packages");
        assert!(
            packages.lines().all(|name| !name.trim().is_empty() && name.trim() == name),
            "one name a line"
        );
        assert!(packages.lines().any(|name| name == "linux-image-amd64"));
        assert!(embedded::text("iso/testbed/keys").contains("/opt/org.ciab\n"));
        assert!(made(Path::new("/nowhere")).is_none());
    }
}
