//! Transient systemd units: every attempt is one, so it outlives the connection, the helper and the workstation.

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use super::{
    record::Attempt,
    systemd::{self, Transient, Unit},
};
use crate::step::{Step, StepId};

/// The end is written however long the syncing of a slow disk takes.
const LAST_WORDS: Duration = Duration::from_secs(300);

/// The unit of one attempt. A name is used once: systemd refuses one that is loaded, `job` one that began.
pub fn name(step: &StepId, attempt: u32) -> String {
    format!("ciab-{step}-{attempt}.service")
}

/// Starts the unit of a prepared attempt. Returns when systemd has taken it.
///
/// The command line holds the helper, the step's name and a number; everything else is in `spec`, because any
/// user can read a unit's properties.
pub fn start(helper: &Path, record: &Path, step: &Step, attempt: &Attempt) -> Result<()> {
    let helper = helper.to_str().context("the path of the helper is no UTF-8")?;
    let record = record.to_str().context("the path of the record is no UTF-8")?;
    let number = attempt.number.to_string();
    let agent = |verb| [helper, "agent", verb, "--record", record, step.id.as_str(), number.as_str()];
    let unit = Transient {
        name: &name(&step.id, attempt.number),
        description: &format!("ciab: {}", step.title),
        start: &agent("job"),
        stop_post: &agent("ended"),
        output: &attempt.folder.join("out"),
        runtime_max: step.limit.hard(),
        stop_timeout: LAST_WORDS,
    };
    systemd::start(&unit).with_context(|| format!("start the unit of step `{}`", step.id))
}

/// Names of all units of ours that are loaded: running, queued, or in their last words.
pub fn loaded() -> Result<BTreeSet<String>> {
    let units = systemd::units(&["ciab-*.service"])?;
    let live = units.into_iter().filter(|unit| is_attempt(&unit.name) && is_live(unit));
    Ok(live.map(|unit| unit.name).collect())
}

/// Whether a unit runs or waits to: one that has ended stays in memory for a moment.
fn is_live(unit: &Unit) -> bool {
    unit.queued || !matches!(unit.active.as_str(), "inactive" | "failed")
}

/// Whether a unit is an attempt's; the guard's and those that a profile installs are not.
fn is_attempt(unit: &str) -> bool {
    let name = unit.strip_prefix("ciab-").and_then(|name| name.strip_suffix(".service"));
    let parts = name.and_then(|name| name.rsplit_once('-'));
    parts.is_some_and(|(step, number)| !step.starts_with("revert-") && number.parse::<u32>().is_ok())
}

/// Whether this attempt's unit is loaded or has a job queued.
pub fn is_loaded(step: &StepId, attempt: u32) -> Result<bool> {
    Ok(systemd::units(&[&name(step, attempt)])?.iter().any(is_live))
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
        let is_live = |active: &str, queued| {
            is_live(&Unit { name: "ciab-a-1.service".into(), active: active.into(), queued })
        };
        assert!(is_live("activating", false) && is_live("active", false) && is_live("deactivating", false));
        assert!(!is_live("failed", false) && !is_live("inactive", false));
        // While the box starts up a unit waits for what comes before it.
        assert!(is_live("inactive", true));
    }

    #[test]
    fn attempts_are_told_from_other_units_of_ours() {
        assert!(is_attempt("ciab-a-1.service") && is_attempt("ciab-docker-daemon-12.service"));
        for other in ["ciab-nftables.service", "ciab-revert-a-1.service", "a-1.service", "ciab-a-1.timer"] {
            assert!(!is_attempt(other), "{other}");
        }
    }
}
