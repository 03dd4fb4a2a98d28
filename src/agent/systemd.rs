//! What systemd's manager is asked, over D-Bus as org.freedesktop.systemd1(5) describes it.
//!
//! Each question has a connection of its own: on systemd's private socket every signal of every unit comes along,
//! and a connection that nobody reads would fill up between two questions.

mod bus;
#[cfg(test)]
mod real_tests;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};

use bus::{Bus, Value};

const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The manager's state in the words of systemctl(1), `is-system-running`: `running`, `degraded`, `stopping`.
pub(super) fn state() -> Result<String> {
    let mut bus = Bus::open()?;
    bus.property(PROPERTIES, MANAGER, "SystemState").context("ask systemd for its state")
}

/// A unit that systemd has in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: String,
    /// `active`, `activating`, `inactive`, ... as systemctl(1) says.
    pub(super) active: String,
    /// A start or stop of it waits to be done.
    pub(super) queued: bool,
}

/// The loaded units whose names match one of these glob patterns.
pub(super) fn units(patterns: &[&str]) -> Result<Vec<Unit>> {
    let states: &[&str] = &[];
    let rows = Bus::open()?.call(MANAGER, "ListUnitsByPatterns", &(states, patterns));
    let (rows,): (Vec<bus::UnitRow>,) = rows.context("ask systemd for its units")?;
    let unit = |row: bus::UnitRow| Unit { name: row.0, active: row.3, queued: row.7 != 0 };
    Ok(rows.into_iter().map(unit).collect())
}

/// A service that is made when it starts and gone when it has ended, however it ends.
#[derive(Debug)]
pub(super) struct Transient<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    /// The program, by its whole path, and its words; taken as they are, without specifiers.
    pub(super) start: &'a [&'a str],
    /// Run after the last process of `start` has ended.
    pub(super) stop_post: &'a [&'a str],
    /// Output and errors are appended to this file.
    pub(super) output: &'a Path,
    pub(super) runtime_max: Duration,
    pub(super) stop_timeout: Duration,
}

/// Has systemd start a service. Returns when it has taken the service, not when that runs; a name that is loaded
/// is refused.
pub(super) fn start(unit: &Transient<'_>) -> Result<()> {
    let output = unit.output.to_str().context("the path of the output is no UTF-8")?;
    // What systemd-run(1) sends for the like properties; any user can read them.
    let properties = [
        ("Description", Value::text(unit.description)),
        ("CollectMode", Value::text("inactive-or-failed")),
        ("Type", Value::text("exec")),
        ("StandardOutputFileToAppend", Value::text(output)),
        ("StandardErrorFileToAppend", Value::text(output)),
        ("UMask", Value::number(0o077)),
        ("RuntimeMaxUSec", Value::micros(unit.runtime_max)),
        ("TimeoutStopUSec", Value::micros(unit.stop_timeout)),
        ("ExecStart", Value::command(unit.start)),
        ("ExecStopPost", Value::command(unit.stop_post)),
    ];
    let mut bus = Bus::open()?;
    bus.start(MANAGER, unit.name, &properties)
}
