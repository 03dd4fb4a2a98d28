//! What calls the revert: a timer with its service, and a service of the next boot.
//!
//! Two services, for one that is ordered before the network could not restart it: systemd would have the restart
//! wait for the service that waits for the restart.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::Attempt;
use crate::agent::{
    durable::{self, Meta},
    want::Host,
};

const FOLDER: &str = "/etc/systemd/system";

/// What wants the service of the next boot. All ordinary services start after this target.
const WANTED_BY: &str = "sysinit.target.wants";

/// Time for systemd under load to read all its units.
const LIMIT: Duration = Duration::from_secs(90);

/// Whether units of a guard lie in this folder.
pub(super) fn any(folder: &Path) -> Result<bool> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        if entry?.file_name().to_string_lossy().starts_with("ciab-revert-") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes the units and starts the timer.
pub(super) fn start(of: Attempt<'_>, seconds: u32, helper: &str, host: &Host) -> Result<()> {
    ensure!(
        helper.starts_with('/') && !helper.contains(['"', '\\', '\n']),
        "`{helper}` is no path for a unit"
    );
    let names = Names::of(of);
    let command = format!("\"{}\" agent revert {} {}", helper.replace('%', "%%"), of.step, of.attempt);
    for (name, text) in [
        (&names.service, service(of, &command)),
        (&names.timer, timer(of, seconds, &names.service)),
        (&names.boot, boot_service(of, &command, &host.state("guard").to_string_lossy())),
    ] {
        durable::write(&host.path(&format!("{FOLDER}/{name}"))?, text.as_bytes(), Meta::READABLE)?;
    }
    // What `systemctl enable` does, but synced.
    durable::link(&PathBuf::from(format!("../{}", names.boot)), &host.path(&names.enabled())?)?;
    host.call(["systemctl", "daemon-reload"]).limit(LIMIT).ok()?;
    // Of an earlier attempt one may be there still.
    host.call(["systemctl", "restart", "--", &names.timer]).limit(LIMIT).ok().map(|_| ())
}

/// An error unless the timer runs.
pub(super) fn check(of: Attempt<'_>, host: &Host) -> Result<()> {
    let names = Names::of(of);
    let active = host.call(["systemctl", "is-active", "--quiet", "--", &names.timer]).output()?;
    ensure!(active.good(), "{} does not run after it was started", names.timer);
    Ok(())
}

/// Removes the units; the one that may be running this goes on to its end.
pub(super) fn stop(of: Attempt<'_>, host: &Host) -> Result<()> {
    let names = Names::of(of);
    let mut was = false;
    let service = host.path(&format!("{FOLDER}/{}", names.service))?;
    let ours = durable::read(&service)?.is_some_and(|text| {
        // They may by now be those of a later attempt.
        String::from_utf8_lossy(&text).contains(&format!(" agent revert {} {}\n", of.step, of.attempt))
    });
    let enabled = host.path(&names.enabled())?;
    if !ours && (service.exists() || durable::look(&enabled)?.is_none()) {
        return Ok(());
    }
    durable::remove(&enabled)?;
    let _ = host.call(["systemctl", "stop", "--", &names.timer]).limit(LIMIT).output()?;
    // The service last: as long as it is there this is done again.
    for name in [&names.timer, &names.boot, &names.service] {
        was |= durable::remove(&host.path(&format!("{FOLDER}/{name}"))?)?;
    }
    if was {
        let reload = host.call(["systemctl", "daemon-reload"]).limit(LIMIT).output();
        reload.context("tell systemd that the guard is gone")?;
    }
    Ok(())
}

struct Names {
    service: String,
    timer: String,
    boot: String,
}

impl Names {
    fn of(of: Attempt<'_>) -> Self {
        let stem = format!("ciab-revert-{}", of.step);
        Self {
            service: format!("{stem}.service"),
            timer: format!("{stem}.timer"),
            boot: format!("{stem}-boot.service"),
        }
    }

    fn enabled(&self) -> String {
        format!("{FOLDER}/{WANTED_BY}/{}", self.boot)
    }
}

fn service(of: Attempt<'_>, command: &str) -> String {
    format!(
        "[Unit]
Description=Take back the change of {step}, which nobody confirmed
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={command}
Restart=on-failure
RestartSec=10
",
        step = of.step
    )
}

/// Monotonic, so that a clock that is set does not matter; exact, for the default is a minute late.
fn timer(of: Attempt<'_>, seconds: u32, service: &str) -> String {
    format!(
        "[Unit]
Description=Wait for the change of {step} to be confirmed

[Timer]
OnActiveSec={seconds}
AccuracySec=1
Unit={service}
",
        step = of.step
    )
}

/// Only the files come back here: whatever reads them starts later.
fn boot_service(of: Attempt<'_>, command: &str, record: &str) -> String {
    format!(
        "[Unit]
Description=Take back the change of {step}, which nobody confirmed before the boot
DefaultDependencies=no
RequiresMountsFor=/etc {record}
After=local-fs.target
Before=sysinit.target network-pre.target nftables.service systemd-networkd.service networking.service ssh.service
Wants=network-pre.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
ExecStart={command}
TimeoutStartSec=120

[Install]
WantedBy=sysinit.target
",
        step = of.step
    )
}
