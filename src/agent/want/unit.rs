//! Systemd units: enabled, active, and (re)started since their files last changed.

use std::{
    collections::BTreeMap,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail, ensure};

use super::{Changed, Host, file::below, stamp::Stamp};
use crate::step::Answer;

/// For one start: a database or a container engine may take minutes after a power cut.
const START: Duration = Duration::from_secs(300);

/// How long a unit may still be on its way after systemctl came back.
const SETTLE: Duration = Duration::from_secs(30);

/// Between two looks at a unit that was started.
const PAUSE: Duration = Duration::from_millis(300);

/// Where unit files and drop-ins of the administrator are.
const UNIT_FILES: &str = "/etc/systemd/system";

/// What a unit's want says beside its name.
pub(super) struct Unit<'a> {
    pub(super) files: &'a [String],
    pub(super) reload: bool,
}

/// What systemd says of a unit; words as in systemctl(1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    load: String,
    active: String,
    sub: String,
    /// `enabled`, `disabled`, `static`, ...; empty when there is no unit file.
    file: String,
    need_reload: bool,
}

impl Seen {
    fn enabled(&self) -> bool {
        // A static, indirect, generated or alias unit is started by others and cannot be enabled by itself.
        ["enabled", "static", "indirect", "generated", "alias"].contains(&self.file.as_str())
    }
}

fn parse(text: &str) -> Seen {
    let lines: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |name: &str| lines.get(name).map_or_else(String::new, |&value| value.to_owned());
    Seen {
        load: get("LoadState"),
        active: get("ActiveState"),
        sub: get("SubState"),
        file: get("UnitFileState"),
        need_reload: get("NeedDaemonReload") == "yes",
    }
}

fn see(name: &str, host: &Host) -> Result<Seen> {
    ensure!(!name.contains('/') && !name.starts_with('-'), "`{name}` is no name of a unit");
    let show = "--property=LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload";
    host.call(["systemctl", "show", show, "--", name]).ok().map(|text| parse(&text))
}

pub(super) fn probe(name: &str, want: &Unit<'_>, host: &Host) -> Result<Answer> {
    let seen = see(name, host)?;
    let why = if seen.load == "not-found" {
        format!("{name} does not exist")
    } else if !seen.enabled() {
        format!("{name} is {}", if seen.file.is_empty() { "not enabled" } else { &seen.file })
    } else if seen.active != "active" {
        format!("{name} is {} ({})", seen.active, seen.sub)
    } else if seen.need_reload {
        format!("{name}'s unit file has changed since systemd read it")
    } else if fresh(name, want, host)? {
        return Ok(Answer::Holds);
    } else {
        format!("{name} was not restarted by us since its files changed")
    };
    Ok(Answer::Missing(why))
}

/// Whether the unit runs with its files as they are.
fn fresh(name: &str, want: &Unit<'_>, host: &Host) -> Result<bool> {
    Ok(want.files.is_empty() || Stamp::kept(name, want.files, host)? == Some(Stamp::of(want.files, host)?))
}

pub(super) fn apply(name: &str, want: &Unit<'_>, host: &Host) -> Result<Changed> {
    // Taken first: what changes while the unit starts is not in the stamp.
    let stamp = Stamp::of(want.files, host)?;
    if see(name, host)?.need_reload || want.files.iter().any(|file| below(file, UNIT_FILES)) {
        host.call(["systemctl", "daemon-reload"]).ok()?;
    }
    let seen = see(name, host)?;
    ensure!(seen.load != "not-found", "it does not exist");
    if !seen.enabled() {
        host.call(["systemctl", "enable", "--", name]).ok()?;
    }
    // A reload does not bring a changed unit file or drop-in about; who wants that does not ask for one.
    let verb = match (fresh(name, want, host)?, want.reload) {
        (true, _) => "start",
        (false, true) => "reload-or-restart",
        (false, false) => "restart",
    };
    // Else a unit that failed a few times is refused its start; it fails for units never loaded, which is fine.
    let _ = host.call(["systemctl", "reset-failed", "--", name]).output()?;
    let started = host.call(["systemctl", verb, "--", name]).limit(START).ok();
    started.and_then(|_| settle(name, host)).map_err(|error| anyhow!("{error:#}{}", said(name, host)))?;
    if !want.files.is_empty() {
        stamp.keep(name, host)?;
    }
    Ok(Changed::new(match verb {
        "start" => "enabled and started",
        "restart" => "enabled and restarted",
        _ => "enabled and reloaded",
    }))
}

/// Waits until a unit is active, and still is a moment later: of most services systemd only knows that they
/// were started.
fn settle(name: &str, host: &Host) -> Result<()> {
    let (start, mut before) = (Instant::now(), false);
    loop {
        let seen = see(name, host)?;
        match seen.active.as_str() {
            "active" if before => return Ok(()),
            "active" => before = true,
            "activating" | "reloading" if start.elapsed() < SETTLE => before = false,
            other => bail!("it is {other} ({})", seen.sub),
        }
        sleep(PAUSE);
    }
}

/// The last that a unit wrote to the journal, for an error.
fn said(name: &str, host: &Host) -> String {
    let argv = ["journalctl", "--no-pager", "--quiet", "--output=short", "--lines=15", "--unit", name];
    match host.call(argv).output() {
        Ok(output) if !output.stdout.trim().is_empty() => {
            format!("\nthe last lines of its journal:\n{}", output.stdout.trim_end())
        }
        _ => "; its journal is empty".to_owned(),
    }
}

pub(super) fn probe_absent(name: &str, host: &Host) -> Result<Answer> {
    let seen = see(name, host)?;
    let off = ["inactive", "failed"].contains(&seen.active.as_str());
    Ok(if !off {
        Answer::Missing(format!("{name} is {} ({})", seen.active, seen.sub))
    } else if seen.load != "not-found" && seen.file.starts_with("enabled") {
        Answer::Missing(format!("{name} is {}", seen.file))
    } else {
        Answer::Holds
    })
}

pub(super) fn apply_absent(name: &str, host: &Host) -> Result<Changed> {
    if see(name, host)?.file.starts_with("enabled") {
        host.call(["systemctl", "disable", "--", name]).ok()?;
    }
    host.call(["systemctl", "stop", "--", name]).limit(START).ok()?;
    super::stamp::drop(name, host)?;
    Ok(Changed::new("disabled and stopped"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    const ACTIVE: &str = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNeedDaemonReload=no\n";

    fn probe_with(b: &Box, files: &[String]) -> Answer {
        probe("x.service", &Unit { files, reload: false }, &b.host).unwrap()
    }

    #[test]
    fn a_unit_holds_only_with_a_stamp_of_its_files() {
        let b = Box::new().says("systemctl show", 0, ACTIVE);
        let files = ["/etc/x".to_owned()];
        assert_eq!(probe_with(&b, &[]), Answer::Holds);
        assert!(matches!(probe_with(&b, &files), Answer::Missing(_)));
        b.file("/etc/x", "1");
        apply("x.service", &Unit { files: &files, reload: false }, &b.host).unwrap();
        assert_eq!(probe_with(&b, &files), Answer::Holds);
        b.file("/etc/x", "2");
        assert!(matches!(probe_with(&b, &files), Answer::Missing(_)));
        assert!(b.ran().contains(&"systemctl restart -- x.service".to_owned()));
        assert!(!b.ran().contains(&"systemctl daemon-reload".to_owned()));
    }

    #[test]
    fn states_are_told_in_systemds_words() {
        for (from, to, said) in [
            ("=loaded", "=not-found", "x.service does not exist"),
            ("=enabled", "=masked", "x.service is masked"),
            ("=active", "=failed", "x.service is failed (running)"),
            ("Reload=no", "Reload=yes", "x.service's unit file has changed since systemd read it"),
        ] {
            let b = Box::new().says("systemctl show", 0, &ACTIVE.replacen(from, to, 1));
            assert_eq!(probe_with(&b, &[]), Answer::Missing(said.into()));
        }
    }

    #[test]
    fn a_failed_start_tells_the_journal() {
        let b = Box::new().says("systemctl show", 0, ACTIVE).says("systemctl start", 1, "").says(
            "journalctl",
            0,
            "x: no such port",
        );
        let error = apply("x.service", &Unit { files: &[], reload: true }, &b.host).unwrap_err();
        assert!(format!("{error:#}").contains("x: no such port"), "{error:#}");
    }

    #[test]
    fn an_absent_unit_is_neither_active_nor_enabled() {
        for (text, holds) in [
            (ACTIVE.to_owned(), false),
            (ACTIVE.replace("=active", "=inactive"), false),
            (ACTIVE.replace("=active", "=inactive").replace("=enabled", "=disabled"), true),
            ("LoadState=not-found\nActiveState=inactive\n".to_owned(), true),
        ] {
            let b = Box::new().says("systemctl show", 0, &text);
            assert_eq!(probe_absent("x.service", &b.host).unwrap() == Answer::Holds, holds, "{text}");
        }
    }
}
