//! What starts the medium: GRUB for BIOS; for UEFI the signed shim and GRUB of Debian, in a file system of their own.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{Work, system::System, text};
use crate::embedded;

/// Bytes of the EFI system partition: shim, its key manager and GRUB are a half.
const EFI_SIZE: u64 = 8 << 20;
const SECTOR: u64 = 512;
/// What GRUB needs to read the volume and its menu; all else it finds there.
const MODULES: [&str; 6] = ["biosdisk", "iso9660", "normal", "part_gpt", "part_msdos", "configfile"];
/// For UEFI: from the live system, to the names that firmware and shim look for. `gcdx64` is the GRUB for media.
const EFI: [(&str, &str); 3] = [
    ("usr/lib/shim/shimx64.efi.signed", "::/EFI/BOOT/BOOTX64.EFI"),
    ("usr/lib/shim/mmx64.efi.signed", "::/EFI/BOOT/mmx64.efi"),
    ("usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed", "::/EFI/BOOT/grubx64.efi"),
];

/// Puts all of it onto the medium, and the EFI file system beside it.
pub(super) fn put(work: &Work<'_>, system: &System, medium: &Path, label: &str) -> Result<()> {
    let grub = medium.join("boot/grub");
    fs::write(grub.join("grub.cfg"), named(embedded::text("iso/live/grub.cfg"), label))?;
    let (from, to) = (system.path("usr/lib/grub/i386-pc"), grub.join("i386-pc"));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(&from).with_context(|| format!("read {}", from.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "mod" || ext == "lst") {
            fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
        }
    }
    bios(work, system, &to.join("eltorito.img"))?;
    efi(work, system, label)
}

/// The image that El Torito and the boot sector load.
fn bios(work: &Work<'_>, system: &System, to: &Path) -> Result<()> {
    let root = system.path("");
    let words = ["chroot", &text(&root), "grub-mkimage", "--format=i386-pc-eltorito", "--prefix=/boot/grub"]
        .map(str::to_owned);
    let image = "--output=/tmp/eltorito.img".to_owned();
    let words = words.into_iter().chain([image]).chain(MODULES.map(str::to_owned));
    work.run_at("grub", system.time, words)?;
    let made = system.path("tmp/eltorito.img");
    fs::copy(&made, to).context("copy GRUB")?;
    fs::remove_file(made).context("remove GRUB")
}

/// The EFI system partition.
fn efi(work: &Work<'_>, system: &System, label: &str) -> Result<()> {
    let image = work.path("efi.img");
    File::create(&image).and_then(|file| file.set_len(EFI_SIZE)).context("make the EFI file system")?;
    let (at, sectors) = (text(&image), (EFI_SIZE / SECTOR).to_string());
    let time = system.time;
    // The serial number is the label's, not the hour's.
    let number = label.trim_start_matches("CIAB_");
    work.run_at(
        "efi",
        time,
        ["mformat", "-i", &at, "-v", "CIAB-EFI", "-N", number, "-T", &sectors, "-h", "16", "-s", "32", "::"],
    )?;
    work.run_at(
        "efi",
        time,
        ["mmd", "-i", &at, "::/EFI", "::/EFI/BOOT", "::/EFI/debian", "::/boot", "::/boot/grub"],
    )?;
    let menu = work.path("efi.cfg");
    fs::write(&menu, named(embedded::text("iso/live/efi.cfg"), label))?;
    // GRUB of Debian looks in one place, that for media in the other.
    let menus = ["::/EFI/debian/grub.cfg", "::/boot/grub/grub.cfg"].map(|to| (menu.clone(), to));
    let files = EFI.into_iter().map(|(from, to)| (system.path(from), to)).chain(menus);
    for (from, to) in files {
        work.run_at("efi", time, ["mcopy", "-i", &at, &text(&from), to])?;
    }
    Ok(())
}

/// A menu of this medium.
fn named(menu: &str, label: &str) -> String {
    menu.replace("@label@", label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menus_name_the_medium() {
        for name in ["iso/live/grub.cfg", "iso/live/efi.cfg"] {
            let menu = named(embedded::text(name), "CIAB_12345678");
            assert!(menu.contains("CIAB_12345678") && !menu.contains('@'), "{name}");
        }
    }
}
