//! Whether guests of this machine run on the processor itself or are emulated: tried, never guessed.
//!
//! There are machines whose `/dev/kvm` opens, whose KVM makes machines and runs firmware in them, and on which no kernel
//! ever gets anywhere. So a kernel is started under KVM, once a boot of this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{
    agent::durable::{self, Meta},
    tool::whole,
};

/// What runs the processors of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The processor itself.
    Kvm,
    /// QEMU's emulation.
    Tcg,
}

/// A kernel that has no root says this, after it has run for a while.
const PROOF: &str = "Kernel panic";
const PATIENCE: Duration = Duration::from_secs(25);
const LOOK: Duration = Duration::from_millis(100);

/// What works here; `kernel` is tried with where nothing was tried since this machine booted. The answer is kept in `cache`.
pub fn found(cache: &Path, kernel: Option<&Path>) -> Result<Accelerator> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").context("read this boot's id")?;
    let kept = cache.join("accelerator");
    if let Ok(text) = fs::read_to_string(&kept)
        && let Some(word) = text.strip_prefix(&boot)
    {
        return Ok(if word.trim() == "kvm" { Accelerator::Kvm } else { Accelerator::Tcg });
    }
    if fs::File::options().write(true).open("/dev/kvm").is_err() {
        return Ok(Accelerator::Tcg);
    }
    // Nothing to try with: slow is better than a machine that hangs without a word.
    let Some(kernel) = kernel.map(Path::to_owned).or_else(own_kernel) else { return Ok(Accelerator::Tcg) };
    let (found, word) = match runs(&kernel)? {
        true => (Accelerator::Kvm, "kvm"),
        false => (Accelerator::Tcg, "tcg"),
    };
    durable::write(&kept, format!("{boot}{word}\n").as_bytes(), Meta::READABLE)?;
    Ok(found)
}

/// A kernel of this machine that may be read.
fn own_kernel() -> Option<PathBuf> {
    let entries = fs::read_dir("/boot").ok()?;
    let kernels = entries.flatten().map(|entry| entry.path());
    let mut kernels = kernels.filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"))
            && fs::File::open(path).is_ok()
    });
    kernels.next()
}

/// Whether a kernel gets as far under KVM as it gets without a root.
fn runs(kernel: &Path) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("console");
    let mut command = Command::new(whole("qemu-system-x86_64").as_ref());
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    command.args(["-accel", "kvm", "-cpu", "host", "-m", "512", "-append", "console=ttyS0 panic=-1"]);
    command.arg("-kernel").arg(kernel).arg("-serial").arg(format!("file:{}", log.display()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().context("start qemu-system-x86_64")?;
    let start = Instant::now();
    let said = || fs::read(&log).is_ok_and(|text| String::from_utf8_lossy(&text).contains(PROOF));
    while start.elapsed() < PATIENCE && !said() && child.try_wait()?.is_none() {
        std::thread::sleep(LOOK);
    }
    let _ = child.kill();
    child.wait()?;
    Ok(said())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_since_the_boot_is_believed_and_nothing_older() {
        let folder = tempfile::tempdir().unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        fs::write(folder.path().join("accelerator"), format!("{boot}kvm\n")).unwrap();
        assert_eq!(found(folder.path(), None).unwrap(), Accelerator::Kvm);
        // A kernel that is none gets nowhere, whether there is a KVM or not.
        let old = "00000000-0000-0000-0000-000000000000\nkvm\n";
        fs::write(folder.path().join("accelerator"), old).unwrap();
        let none = folder.path().join("kernel");
        fs::write(&none, "no kernel").unwrap();
        if whole("qemu-system-x86_64").is_absolute() {
            assert_eq!(found(folder.path(), Some(&none)).unwrap(), Accelerator::Tcg);
        }
    }
}
