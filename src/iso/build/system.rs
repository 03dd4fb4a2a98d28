//! The live system: Debian from its packages, with this program in it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{Work, text};
use crate::{
    boxfile::content::Sha256Text,
    bundle::digest::Sum,
    embedded,
    iso::{SYSTEM, manifest::Package},
    tool::{
        call::Call,
        debian::{bootstrap, put},
    },
};

/// The time while packages are unpacked: the release of Debian 12. It stands in /etc/shadow as the day of a change.
const RELEASED: i64 = 1_686_355_200;
/// Where texts of this program go, with their modes.
const TEXTS: [(&str, &str, u32); 11] = [
    ("iso/live/cards.network", "etc/systemd/network/80-cards.network", 0o644),
    ("iso/live/online.conf", "etc/systemd/system/systemd-networkd-wait-online.service.d/ciab.conf", 0o644),
    ("iso/live/ciab-medium.service", "etc/systemd/system/ciab-medium.service", 0o644),
    ("iso/live/ciab-install.service", "etc/systemd/system/ciab-install.service", 0o644),
    ("iso/live/viewer.sh", "etc/profile.d/ciab.sh", 0o644),
    ("iso/live/getty.conf", "etc/systemd/system/getty@.service.d/ciab.conf", 0o644),
    ("iso/live/serial-getty.conf", "etc/systemd/system/serial-getty@.service.d/ciab.conf", 0o644),
    ("iso/live/sshd.conf", "etc/ssh/sshd_config.d/ciab.conf", 0o644),
    ("iso/live/boot", "etc/initramfs-tools/scripts/ciab", 0o644),
    ("iso/live/hook", "etc/initramfs-tools/hooks/ciab", 0o755),
    ("iso/live/drivers", "usr/share/initramfs-tools/modules.d/ciab", 0o644),
];
/// What is different after each installation, and made anew when it is missing.
const LEFT: [&str; 10] = [
    "etc/group-",
    "etc/gshadow-",
    "etc/nvme/hostid",
    "etc/nvme/hostnqn",
    "etc/passwd-",
    "etc/shadow-",
    "var/cache/ldconfig/aux-cache",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/random-seed",
];
/// Folders whose files are left out: logs of the installation, old states of databases.
const EMPTIED: [&str; 5] = ["run", "tmp", "var/cache/apt", "var/log", "var/tmp"];

/// The system as it stands in its folder.
pub(super) struct System {
    root: PathBuf,
    /// When the newest package was made, seconds since 1970.
    pub(super) time: i64,
    pub(super) kernel: String,
    pub(super) packages: Vec<Package>,
    /// Of this program.
    pub(super) program: Sha256Text,
}

impl System {
    pub(super) fn make(work: &Work<'_>) -> Result<Self> {
        let root = work.path("root");
        install(work, &root)?;
        let program = put_program(&root)?;
        settings(work, &root)?;
        let kernel = only(&root.join("lib/modules"))?;
        let packages = packages(work, &root)?;
        let time = newest(&root)?;
        tidy(work, &root, time)?;
        let system = Self { root, time, kernel, packages, program };
        system.initrd(work)?;
        Ok(system)
    }

    /// A file of it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Kernel, initial root and system, onto the medium.
    pub(super) fn pack(&self, work: &Work<'_>, medium: &Path) -> Result<()> {
        for (from, to) in [
            (format!("boot/vmlinuz-{}", self.kernel), "live/vmlinuz"),
            (format!("boot/initrd.img-{}", self.kernel), "live/initrd.img"),
        ] {
            fs::copy(self.path(&from), medium.join(to)).with_context(|| format!("copy {from}"))?;
        }
        let (root, to) = (text(&self.root), text(&medium.join(SYSTEM)));
        // Level 3 takes two seconds where level 15 takes a minute, for an eighth more bytes.
        let words = [
            "mksquashfs",
            &root,
            &to,
            "-noappend",
            "-no-progress",
            "-comp",
            "zstd",
            "-Xcompression-level",
            "3",
            "-no-exports",
        ];
        work.run_at("pack", self.time, words)
    }

    /// Drivers of every machine: nobody knows yet which one it is.
    fn initrd(&self, work: &Work<'_>) -> Result<()> {
        let to = format!("/boot/initrd.img-{}", self.kernel);
        let root = text(&self.root);
        work.run_at("initrd", self.time, ["chroot", &root, "mkinitramfs", "-o", &to, &self.kernel])
    }
}

/// Unpacks and configures the packages. The initial root would be made by each of them; it is made once, afterwards.
fn install(work: &Work<'_>, root: &Path) -> Result<()> {
    let more = [
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--essential-hook=chroot \"$1\" dpkg-divert --quiet --local --rename --add /usr/sbin/update-initramfs",
        "--essential-hook=ln -s /bin/true \"$1/usr/sbin/update-initramfs\"",
        "--customize-hook=rm \"$1/usr/sbin/update-initramfs\"",
        "--customize-hook=chroot \"$1\" dpkg-divert --quiet --local --rename --remove /usr/sbin/update-initramfs",
    ];
    work.run_at("packages", RELEASED, bootstrap(embedded::text("iso/live/packages"), &more, root))
}

fn put_program(root: &Path) -> Result<Sha256Text> {
    let to = root.join("usr/bin/ciab");
    let own = std::env::current_exe().context("find this program")?;
    fs::copy(&own, &to).with_context(|| format!("copy {}", own.display()))?;
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
    Ok(Sum::of_file(&to, |_| ()).context("read the program")?.sha256)
}

fn settings(work: &Work<'_>, root: &Path) -> Result<()> {
    for (name, path, mode) in TEXTS {
        put(&root.join(path), embedded::text(name), mode)?;
    }
    for (path, text) in [
        ("etc/fstab", ""),
        ("etc/hostname", "ciab\n"),
        ("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 ciab\n::1 localhost ip6-localhost ip6-loopback\n"),
        // A machine gets its own at its first start.
        ("etc/machine-id", ""),
        // What swaps on the machine's disks is not ours.
        ("etc/initramfs-tools/conf.d/ciab", "RESUME=none\n"),
    ] {
        put(&root.join(path), text, 0o644)?;
    }
    // Volume groups of other systems stay as they are until somebody says that they go.
    let rules = root.join("etc/udev/rules.d");
    fs::create_dir_all(&rules)?;
    symlink("/dev/null", rules.join("69-lvm.rules")).context("leave volume groups alone")?;
    let keys = fs::read_dir(root.join("etc/ssh"))?.collect::<std::io::Result<Vec<_>>>()?;
    for key in keys.iter().filter(|entry| entry.file_name().to_string_lossy().starts_with("ssh_host_")) {
        fs::remove_file(key.path())?;
    }
    // dpkg syncs on a system that is installed from this one.
    let _ = fs::remove_file(root.join("etc/dpkg/dpkg.cfg.d/99mmdebstrap"));
    let to = text(root);
    work.run("root", ["chroot", &to, "passwd", "--quiet", "--lock", "root"])?;
    work.run(
        "units",
        ["chroot", &to, "systemctl", "--quiet", "enable", "systemd-networkd", "ciab-medium", "ciab-install"],
    )
}

fn packages(work: &Work<'_>, root: &Path) -> Result<Vec<Package>> {
    let words = ["chroot", &text(root), "dpkg-query", "--show", "--showformat=${Package} ${Version}\\n"]
        .map(String::from);
    let said = Call::new(&work.path("log").join("list"), words).output()?;
    let mut all = Vec::new();
    for line in said.lines() {
        let (name, version) = line.split_once(' ').with_context(|| format!("dpkg-query says `{line}`"))?;
        let word = |text: &str| text.parse().map_err(anyhow::Error::msg);
        all.push(Package { name: word(name)?, version: word(version)? });
    }
    Ok(all)
}

/// When the newest package was made: each has a copyright file of its own time (Debian policy, 12.5).
fn newest(root: &Path) -> Result<i64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut time = RELEASED;
    for entry in fs::read_dir(root.join("usr/share/doc"))? {
        if let Ok(about) = fs::metadata(entry?.path().join("copyright")) {
            time = time.max(about.mtime());
        }
    }
    Ok(time)
}

/// Takes away what is different after each installation, and turns younger files as old as the newest package.
fn tidy(work: &Work<'_>, root: &Path, time: i64) -> Result<()> {
    for name in LEFT {
        let _ = fs::remove_file(root.join(name));
    }
    let emptied = EMPTIED.map(|folder| text(&root.join(folder)));
    let words = ["-xdev", "-mindepth", "1", "!", "-type", "d", "-delete"].map(str::to_owned);
    work.run("tidy", ["find".to_owned()].into_iter().chain(emptied).chain(words))?;
    let (to, date) = (text(root), format!("@{time}"));
    let words =
        ["find", &to, "-xdev", "-newermt", &date, "-exec", "touch", "--no-dereference", "--date", &date];
    work.run("times", words.into_iter().chain(["{}", "+"]))
}

/// The name of the only entry of a folder.
fn only(folder: &Path) -> Result<String> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    ensure!(names.len() == 1, "{} has {} entries, not one", folder.display(), names.len());
    Ok(names.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_is_whole() {
        let packages = embedded::text("iso/live/packages");
        assert!(
            packages.lines().all(|name| !name.trim().is_empty() && name.trim() == name),
            "one name a line"
        );
        assert!(packages.lines().is_sorted());
        for (name, path, _) in TEXTS {
            assert!(!embedded::text(name).is_empty() && !path.starts_with('/'), "{name}");
        }
    }

    #[test]
    fn the_time_is_that_of_the_newest_package() {
        let folder = tempfile::tempdir().unwrap();
        let doc = folder.path().join("usr/share/doc");
        fs::create_dir_all(doc.join("a")).unwrap();
        assert_eq!(newest(folder.path()).unwrap(), RELEASED);
        fs::write(doc.join("a/copyright"), "").unwrap();
        let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_900_000_000);
        fs::File::open(doc.join("a/copyright")).unwrap().set_modified(later).unwrap();
        assert_eq!(newest(folder.path()).unwrap(), 1_900_000_000);
    }
}
