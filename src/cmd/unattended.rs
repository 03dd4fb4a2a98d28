//! The installation that starts by itself: the box file that the start found names the system's disk, and consents.
//! How it ends stands on every console and in the login banner; nothing waits behind a blank prompt.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::install::{self, Ended};
use crate::{boxfile::args::BoxArgs, failure::Exit, iso::live, plan, report::out};

/// Where the live system puts the box file that its start found.
const BOXFILE: &str = "/root/box.yaml";
/// Consoles of the kernel, by name (kernel documentation, sysfs-tty).
const CONSOLES: &str = "/sys/class/tty/console/active";
/// Time to read the last line, and to take the medium out.
const PAUSE: Duration = Duration::from_secs(10);

/// Installs where the embedded box file says so. An error is said on the consoles before it is returned.
pub(super) fn main() -> Result<()> {
    let args = BoxArgs { file: Some(PathBuf::from(BOXFILE)), set: Vec::new() };
    // A box file with faults is told by the page that every console shows.
    let Ok(wanted) = args.load() else { return Ok(()) };
    if plan::install::role(&wanted.boxfile).is_none() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let args = install::Args { file: Some(PathBuf::from(BOXFILE)), yes: true, again: false, json: false };
    let (text, ended) = match runtime.block_on(install::install(&args)) {
        Ok(ended) => (ended.says(), Some(ended)),
        Err(failure) => (out::failure_page(&failure), None),
    };
    match ended {
        Some(Ended { exit: Exit::Done, began: true, .. }) => {
            let seconds = PAUSE.as_secs();
            announce(&format!("ciab: {text}.\nThe machine restarts in {seconds} seconds.\n"))?;
            thread::sleep(PAUSE);
            let status = Command::new("systemctl").arg("reboot").status().context("restart")?;
            anyhow::ensure!(status.success(), "systemctl reboot: {status}");
            Ok(())
        }
        Some(Ended { exit: Exit::Done, .. }) => {
            announce(&format!("ciab: {text}.\n`ciab install --again` wipes it and begins anew.\n"))
        }
        _ => {
            announce(&format!(
                "ciab: the installation has stopped.\n{text}\n`ciab logs` shows it; `ciab install` goes on.\n"
            ))?;
            anyhow::bail!(text)
        }
    }
}

/// Says it on every console now, and to everybody who comes to one or logs in later.
fn announce(text: &str) -> Result<()> {
    live::add(Path::new("/"), text)?;
    let consoles = fs::read_to_string(CONSOLES).context("read the consoles")?;
    for name in consoles.split_whitespace() {
        // A line that nobody listens on takes nothing away from the others.
        if let Ok(mut console) = fs::File::options().write(true).open(Path::new("/dev").join(name)) {
            let _ = console.write_all(format!("\r\n{}\r\n", text.replace('\n', "\r\n")).as_bytes());
        }
    }
    Ok(())
}
