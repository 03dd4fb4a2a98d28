//! The automatic revert: what may cut the operator off is taken back unless it is confirmed.
//!
//! `arm` saves files and starts a timer before the change; `confirm` is called over a new connection after it;
//! else `revert` is, by the timer, or at the next boot before the network starts. One folder an attempt,
//! `guard/<step>/<attempt>/` in our record:
//!
//! | file | means |
//! |---|---|
//! | `0`, `1`, .. | content of the files as they were |
//! | `armed.json` | the timer runs, and how to return to the old state |
//! | `confirmed`, `reverted` | how it ended; the first to be written wins, under the lock |
//!
//! The change begins after `arm` has returned. A crash in the middle of it leaves nothing armed: at most units
//! that find nothing to take back and remove themselves.

mod saved;
mod units;

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use self::saved::Saved;
use super::{
    durable::{self, Meta},
    want::{Host, stamp},
};
use crate::step::{Guard, StepId};

/// For one reload command of a revert.
const RELOAD: Duration = Duration::from_secs(60);

/// For the attempt's unit to end; systemd kills after 90 seconds what does not.
const STOP: Duration = Duration::from_secs(100);

/// How long somebody who is just confirming or reverting is waited for.
const LOCK: Duration = Duration::from_secs(20);

/// Where an attempt's guard stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum GuardState {
    /// It was never armed, so nothing was changed.
    None,
    /// The old state comes back `seconds` after this, or at a boot.
    Armed {
        since: Timestamp,
        seconds: u32,
    },
    Confirmed,
    /// What the reload commands said that failed; empty when all was well.
    Reverted {
        complaints: Vec<String>,
    },
}

/// One attempt of one step.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub step: &'a StepId,
    pub attempt: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Armed {
    since: Timestamp,
    /// The boot it was armed in: after another one there is nothing running to reload.
    boot: String,
    guard: Guard,
    saved: Vec<Saved>,
}

/// Whether a revert is armed on this box, of whatever step.
pub fn any_armed() -> Result<bool> {
    units::any("/etc/systemd/system".as_ref())
}

/// Where an attempt stands.
pub fn state(of: Attempt<'_>, host: &Host) -> Result<GuardState> {
    let folder = folder(of, host);
    if let Some(bytes) = durable::read(&folder.join("reverted"))? {
        // The file's being there is what counts.
        return Ok(GuardState::Reverted { complaints: serde_json::from_slice(&bytes).unwrap_or_default() });
    }
    if durable::look(&folder.join("confirmed"))?.is_some() {
        return Ok(GuardState::Confirmed);
    }
    Ok(armed(of, host)?.map_or(GuardState::None, |armed| GuardState::Armed {
        since: armed.since,
        seconds: armed.guard.seconds,
    }))
}

/// Saves what `guard` names and sees to it that it comes back; the change may begin when this has returned.
///
/// `helper` is the program the revert is done by, at a path that outlives a boot. Attempts of the step that are
/// still armed are reverted first: else what they half changed would be saved as the old state.
pub fn arm(of: Attempt<'_>, guard: &Guard, helper: &str, now: Timestamp, host: &Host) -> Result<()> {
    ensure!(guard.seconds > 0, "the guard of {} gives no time to confirm", of.step);
    for attempt in open_attempts(of.step, host)? {
        revert(Attempt { attempt, ..of }, host)?;
    }
    let folder = folder(of, host);
    durable::folders(&folder, 0o700)?;
    let _lock = lock(of, host)?;
    ensure!(state(of, host)? == GuardState::None, "attempt {} of {} was guarded before", of.attempt, of.step);
    let mut saved = Vec::new();
    for (number, path) in guard.files.iter().enumerate() {
        saved.push(Saved::keep(path, &folder.join(number.to_string()), host)?);
    }
    let armed = Armed { since: now, boot: boot(host)?, guard: guard.clone(), saved };
    let started = units::start(of, guard.seconds, helper, host)
        // Last: what never got as far has changed nothing, and must not undo what others do later.
        .and_then(|()| {
            durable::write(&folder.join("armed.json"), &serde_json::to_vec(&armed)?, Meta::PRIVATE)
        })
        .and_then(|()| units::check(of, host));
    started.inspect_err(|error| {
        let _ = close(of, "reverted", &[format!("the guard could not be armed: {error:#}")], host);
    })
}

/// Keeps the change. An error when it has been taken back already, or was never armed.
pub fn confirm(of: Attempt<'_>, host: &Host) -> Result<()> {
    match state(of, host)? {
        GuardState::None => bail!("attempt {} of {} is not guarded", of.attempt, of.step),
        GuardState::Reverted { .. } => bail!("{}", late(of)),
        GuardState::Armed { .. } | GuardState::Confirmed => {}
    }
    let _lock = lock(of, host)?;
    if let GuardState::Reverted { .. } = state(of, host)? {
        bail!("{}", late(of));
    }
    close(of, "confirmed", &[], host)
}

/// Writes how it ended, then removes the units: a crash in between leaves units that have nothing to do.
fn close(of: Attempt<'_>, how: &str, complaints: &[String], host: &Host) -> Result<()> {
    durable::write(&folder(of, host).join(how), &serde_json::to_vec(complaints)?, Meta::PRIVATE)?;
    units::stop(of, host)
}

/// Brings the old state back, unless the attempt was confirmed; says where it stands then. May be repeated.
///
/// Ends the attempt's own unit first, so it is not called from within it.
pub fn revert(of: Attempt<'_>, host: &Host) -> Result<GuardState> {
    if !folder(of, host).is_dir() {
        return Ok(GuardState::None);
    }
    let _lock = lock(of, host)?;
    if let GuardState::Armed { .. } = state(of, host)? {
        let armed = armed(of, host)?.context("the guard is armed without its list")?;
        let running = armed.boot == boot(host)?;
        if running {
            // An action that is still at work would change again what is restored under it.
            let unit = format!("ciab-{}-{}.service", of.step, of.attempt);
            host.call(["systemctl", "stop", "--", &unit]).limit(STOP).output()?;
        }
        let lost = restore(of, &armed, host)?;
        let complaints = if running { reload(&armed.guard, host) } else { Vec::new() };
        // Still armed then: the unit that called this tries again.
        ensure!(lost.is_empty(), "{}", lost.join("; "));
        close(of, "reverted", &complaints, host)?;
    } else {
        units::stop(of, host)?;
    }
    state(of, host)
}

fn late(of: Attempt<'_>) -> String {
    format!("the change of {} was taken back before it was confirmed", of.step)
}

/// Restores every file that can be, and tells which could not: half of the old state is better than none.
fn restore(of: Attempt<'_>, armed: &Armed, host: &Host) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (number, saved) in armed.saved.iter().enumerate() {
        stamp::forget(&saved.path, host)?;
        let kept = folder(of, host).join(number.to_string());
        if let Err(error) = saved.restore(&kept, host) {
            complaints.push(format!("restore {}: {error:#}", saved.path));
        }
    }
    Ok(complaints)
}

/// Runs what makes the old files take effect; what fails is told and stops nothing.
fn reload(guard: &Guard, host: &Host) -> Vec<String> {
    let units = vec!["systemctl".to_owned(), "daemon-reload".to_owned()];
    let run = |argv: &Vec<String>| host.call(argv.clone()).limit(RELOAD).ok().err();
    [&units].into_iter().chain(&guard.reload).filter_map(run).map(|error| format!("{error:#}")).collect()
}

fn armed(of: Attempt<'_>, host: &Host) -> Result<Option<Armed>> {
    let place = folder(of, host).join("armed.json");
    let bytes = durable::read(&place)?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes).with_context(|| format!("read {}", place.display())))
        .transpose()
}

/// Attempts of a step that were neither confirmed nor reverted.
fn open_attempts(step: &StepId, host: &Host) -> Result<Vec<u32>> {
    let mut open = Vec::new();
    let entries = match fs::read_dir(host.state(format!("guard/{step}"))) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(open),
        Err(error) => return Err(error).context("list the guards"),
    };
    for entry in entries {
        let Ok(attempt) = entry?.file_name().to_string_lossy().parse() else { continue };
        if let GuardState::Armed { .. } = state(Attempt { step, attempt }, host)? {
            open.push(attempt);
        }
    }
    // The newest first: each brings back what it found.
    open.sort_unstable_by(|a, b| b.cmp(a));
    Ok(open)
}

fn folder(of: Attempt<'_>, host: &Host) -> PathBuf {
    host.state(format!("guard/{}/{}", of.step, of.attempt))
}

fn lock(of: Attempt<'_>, host: &Host) -> Result<Flock<File>> {
    let place = folder(of, host).join("lock");
    let mut file = File::create(&place).with_context(|| format!("open {}", place.display()))?;
    let start = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err(_) if start.elapsed() > LOCK => {
                bail!("the guard of {} is being confirmed or reverted", of.step)
            }
            Err((back, _)) => file = back,
        }
        sleep(Duration::from_millis(50));
    }
}

/// The boot id, and when PID 1 started: a container that restarts may keep the machine's boot id.
fn boot(host: &Host) -> Result<String> {
    let read = |path: &str| -> Result<String> {
        fs::read_to_string(host.path(path)?).with_context(|| format!("read {path}"))
    };
    let (id, stat) = (read("/proc/sys/kernel/random/boot_id")?, read("/proc/1/stat")?);
    // The name in parentheses may hold anything; the start time is the 20th field behind it (proc_pid_stat(5)).
    let start = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19));
    Ok(format!("{} {}", id.trim(), start.context("read the start time in /proc/1/stat")?))
}

#[cfg(test)]
mod real_tests;
#[cfg(test)]
mod tests;
