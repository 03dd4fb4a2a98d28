//! What starts an installed system: GRUB for BIOS and for UEFI on the same disk; and its own SSH host keys.

use std::{fs, io::Write, os::unix::fs::FileExt as _, time::Duration};

use anyhow::{Context as _, Result};

use super::{Changed, Host, disk, filesystem};
use crate::{
    iso::greeting::{ADDRESSES, ISSUE, host_keys},
    step::{Answer, DiskName},
    tool::debian::put,
};

/// Bytes of boot code in the first sector (UEFI 2.10, 5.2.1).
const BOOT_CODE: usize = 440;
/// What grub-install leaves last (grub-install(8)).
const FOR_BIOS: &str = "boot/grub/i386-pc/core.img";
const FOR_UEFI: &str = "boot/efi/EFI/BOOT/grub.cfg";
/// grub-install looks for devices there.
const BOUND: [&str; 3] = ["dev", "proc", "sys"];
const LIMIT: Duration = Duration::from_secs(300);

pub(super) fn probe(wanted: &DiskName, root: &str, bios: bool, host: &Host) -> Result<Answer> {
    let found = disk::find(wanted, host)?;
    let folder = host.path(root)?;
    let needed = [(FOR_UEFI, true), (FOR_BIOS, bios)];
    if let Some((name, _)) = needed.iter().find(|(name, needed)| *needed && !folder.join(name).exists()) {
        return Ok(Answer::Missing(format!("{root}/{name} is not there")));
    }
    let mut first = [0; BOOT_CODE];
    let device = fs::File::open(host.path(&found.device())?).context("open the disk")?;
    device.read_exact_at(&mut first, 0).context("read the first sector")?;
    Ok(match !bios || first.iter().any(|byte| *byte != 0) {
        true => Answer::Holds,
        false => Answer::Missing(format!("{} has no boot code", wanted.id)),
    })
}

/// The entry of UEFI is the one for disks that firmware does not know (UEFI 2.10, 3.5.1.1): it survives a change of the
/// board, and nothing of the machine's own memory is written.
pub(super) fn apply(
    wanted: &DiskName,
    root: &str,
    bios: bool,
    host: &Host,
    out: &mut dyn Write,
) -> Result<Changed> {
    let device = disk::find(wanted, host)?.device();
    for name in BOUND {
        host.call(["mount", "--bind", &format!("/{name}"), &format!("{root}/{name}")]).ok()?;
    }
    let for_bios = ["--target=i386-pc", &device];
    let for_uefi = [
        "--target=x86_64-efi",
        "--uefi-secure-boot",
        "--no-nvram",
        "--removable",
        "--efi-directory=/boot/efi",
    ];
    let mut install = |words: &[&str]| {
        let words = ["chroot", root, "grub-install"].into_iter().chain(words.iter().copied());
        host.call(words).limit(LIMIT).told(out).map(drop)
    };
    let mut done = if bios { install(&for_bios) } else { Ok(()) };
    done = done.and_then(|()| install(&for_uefi));
    for name in BOUND.iter().rev() {
        filesystem::apply_no_mount(&format!("{root}/{name}"), host)?;
    }
    done.map(|()| Changed::new("put in place"))
}

const KEY: &str = "etc/ssh/ssh_host_ed25519_key.pub";

pub(super) fn probe_host_keys(root: &str, host: &Host) -> Result<Answer> {
    let folder = host.path(root)?;
    let all = [KEY, ISSUE].iter().all(|name| folder.join(name).exists());
    Ok(if all { Answer::Holds } else { Answer::Missing("it has none".to_owned()) })
}

/// Consoles show their fingerprints: who logs in for the first time compares them.
pub(super) fn apply_host_keys(root: &str, host: &Host) -> Result<Changed> {
    host.call(["ssh-keygen", "-A", "-f", root]).ok()?;
    let folder = host.path(root)?;
    let lines = host_keys(&folder)?.iter().map(|key| format!("  {key}\n")).collect::<String>();
    put(&folder.join(ISSUE), &format!("{}Host keys:\n{lines}\n", ADDRESSES), 0o644)?;
    Ok(Changed::new("made"))
}
