//! The volume itself: a hybrid that firmware starts from a drive and from a stick.

use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::{Timestamp, tz::TimeZone};

use super::{Work, text};
use crate::tool::call::Call;

/// GRUB's boot sector for such media (package grub-pc-bin), in the live system.
const SECTOR: &str = "root/usr/lib/grub/i386-pc/boot_hybrid.img";

/// Writes `medium.iso`. The words are those of xorriso(1) in the emulation of mkisofs.
pub(super) fn write(work: &Work<'_>, medium: &Path, label: &str, time: i64) -> Result<()> {
    let date = Timestamp::from_second(time).context("the time of the medium")?.to_zoned(TimeZone::UTC);
    let date = date.strftime("%Y%m%d%H%M%S00").to_string();
    let words = [
        "xorriso",
        "-as",
        "mkisofs",
        &format!("--modification-date={date}"),
        "--set_all_file_dates",
        &date,
        "-r",
        "-J",
        "-joliet-long",
        "-iso-level",
        "3",
        "-V",
        label,
        "-o",
        &text(&work.path("medium.iso")),
        "--grub2-mbr",
        &text(&work.path(SECTOR)),
        "-partition_offset",
        "16",
        "--mbr-force-bootable",
        "-append_partition",
        "2",
        "0xef",
        &text(&work.path("efi.img")),
        "-appended_part_as_gpt",
        "-c",
        "boot.catalog",
        "-b",
        "boot/grub/i386-pc/eltorito.img",
        "-no-emul-boot",
        "-boot-load-size",
        "4",
        "-boot-info-table",
        "--grub2-boot-info",
        "-eltorito-alt-boot",
        "-e",
        "--interval:appended_partition_2:all::",
        "-no-emul-boot",
        &text(medium),
    ];
    // SOURCE_DATE_EPOCH gives the partition table an identity that is made of the date.
    let log = work.path("log").join("volume");
    Call::new(&log, words).env("SOURCE_DATE_EPOCH", time.to_string()).env("TZ", "UTC").run()
}
