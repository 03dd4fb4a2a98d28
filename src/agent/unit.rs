//! Transient systemd units: every attempt is one, so it outlives the connection, the helper and the workstation.

use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::record::Attempt;
use crate::step::{Step, StepId};

/// The unit of one attempt. A name is used once: systemd refuses one that is loaded, `job` one that began.
pub fn name(step: &StepId, attempt: u32) -> String {
    format!("ciab-{step}-{attempt}.service")
}

/// Starts the unit of a prepared attempt (systemd-run(1)). Returns when systemd has taken it.
///
/// The command line holds the helper, the step's name and a number; everything else is in `spec`, because any
/// user can read a unit's properties.
pub fn start(helper: &Path, record: &Path, step: &Step, attempt: &Attempt) -> Result<()> {
    let (helper, record) = (helper.display(), record.display());
    let words = format!("--record {record} {} {}", step.id, attempt.number);
    let out = attempt.folder.join("out");
    let properties = [
        "Type=exec".to_owned(),
        format!("StandardOutput=append:{}", out.display()),
        format!("StandardError=append:{}", out.display()),
        format!("RuntimeMaxSec={}", step.limit.hard),
        format!("ExecStopPost={helper} agent ended {words}"),
        // The end is written however long the syncing of a slow disk takes.
        "TimeoutStopSec=300".to_owned(),
        "UMask=0077".to_owned(),
    ];
    let mut command = Command::new("systemd-run");
    command.args([
        "--quiet",
        "--collect",
        "--no-block",
        &format!("--unit={}", name(&step.id, attempt.number)),
    ]);
    command.arg(format!("--description=ciab: {}", step.title));
    for property in properties {
        command.arg(format!("--property={property}"));
    }
    command.args(["--", &helper.to_string(), "agent", "job"]).args(words.split(' '));
    let output = command.output().context("start systemd-run")?;
    if !output.status.success() {
        bail!("start the unit of step `{}`: {}", step.id, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Names of all units of ours that are loaded: running, queued, or in their last words.
pub fn loaded() -> Result<BTreeSet<String>> {
    let output = Command::new("systemctl")
        .args(["list-units", "--all", "--plain", "--no-legend", "--no-pager", "ciab-*.service"])
        .output()
        .context("ask systemd for its units")?;
    if !output.status.success() {
        bail!("ask systemd for its units: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(parse_units(&String::from_utf8_lossy(&output.stdout)))
}

/// The names of units that run, or wait to; `UNIT LOAD ACTIVE SUB DESCRIPTION` as systemctl(1) lists them.
fn parse_units(text: &str) -> BTreeSet<String> {
    let live = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let name = fields.next()?;
        let active = fields.nth(1)?;
        // `inactive` units stay listed while something refers to them: a queued start does not.
        (is_attempt(name) && active != "inactive" && active != "failed").then(|| name.to_owned())
    };
    text.lines().filter_map(live).collect()
}

/// Whether a unit is an attempt's; the guard's and those that a profile installs are not.
fn is_attempt(unit: &str) -> bool {
    let name = unit.strip_prefix("ciab-").and_then(|name| name.strip_suffix(".service"));
    let parts = name.and_then(|name| name.rsplit_once('-'));
    parts.is_some_and(|(step, number)| !step.starts_with("revert-") && number.parse::<u32>().is_ok())
}

/// Whether this attempt's unit is loaded or has a job queued.
pub fn is_loaded(step: &StepId, attempt: u32) -> Result<bool> {
    let name = name(step, attempt);
    let output = Command::new("systemctl")
        .args(["show", "--property=ActiveState,Job", &name])
        .output()
        .context("ask systemd for a unit")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().any(|line| match line.split_once('=') {
        Some(("ActiveState", state)) => !matches!(state, "inactive" | "failed"),
        Some(("Job", job)) => !matches!(job, "" | "0"),
        _ => false,
    }))
}

/// Stops an attempt's unit; its end is written by its own last words.
pub fn stop(step: &StepId, attempt: u32) -> Result<()> {
    let output = Command::new("systemctl").args(["stop", &name(step, attempt)]).output()?;
    if output.status.success() || !is_loaded(step, attempt)? {
        return Ok(());
    }
    bail!("stop the unit of step `{step}`: {}", String::from_utf8_lossy(&output.stderr).trim())
}

/// Stops every attempt's unit that is loaded.
pub fn stop_all() -> Result<()> {
    for name in loaded()? {
        Command::new("systemctl").args(["stop", &name]).status().with_context(|| format!("stop {name}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_only_linger_do_not_count() {
        let text = "ciab-a-1.service loaded activating start ciab: A\n\
                    ciab-b-2.service loaded failed failed ciab: B\n\
                    ciab-c-1.service loaded deactivating stop-post ciab: C\n\
                    ciab-d-1.service loaded inactive dead ciab: D\n\
                    ciab-nftables.service loaded active exited the firewall\n\
                    ciab-revert-a-1.service loaded active running a guard\n\n";
        let names: Vec<String> = parse_units(text).into_iter().collect();
        assert_eq!(names, ["ciab-a-1.service", "ciab-c-1.service"]);
    }
}
