//! What a box looks like when all is done, file by file, and what its record says of how that came about.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use ciab::event::{Event, Kind};

use crate::{graph, host::Host};

/// Files that may differ, and why.
const EXCEPTIONS: &str = include_str!("exceptions");

/// Every path below the folders that the graph changes, with kind, mode, owner, target or content.
const LIST: &str = r"
cd / && for top in etc opt srv usr/local; do find $top -xdev -printf '/%p\t%y %m %U:%G %l\n'; done
find etc opt srv usr/local -xdev -type f -print0 | xargs -0 sha256sum | sed -E 's#^([0-9a-f]+)  (.*)#/\2\t\1#'
";

/// Facts that stand in for what the exceptions leave out, and leftovers that nothing may leave.
const FACTS: &str = r#"
if [ -d /opt/tree/.git ]; then
  cd /opt/tree
  printf 'git tree\t'; git rev-parse 'HEAD^{tree}'
  printf 'git status\t'; git status --porcelain | tr '\n' ' '; echo
  printf 'git log\t'; git log --format=%s | tr '\n' ';'; echo
  printf 'git check\t'; git fsck --no-dangling 2>&1 | tr '\n' ' '; echo
fi
printf 'units of ours\t'; systemctl list-units --all --plain --no-legend 'ciab-*' | tr '\n' ' '; echo
printf 'unit files of ours\t'; find /etc/systemd /run/systemd -name 'ciab-*' | tr '\n' ' '; echo
printf 'failed units\t'; systemctl list-units --failed --plain --no-legend | tr '\n' ' '; echo
printf 'helpers left in folders\t'; find /run /var/tmp /tmp /home /root -maxdepth 2 -name 'ciab-????????' | tr '\n' ' '; echo
printf 'service\t'; systemctl is-active fault.service
printf 'members of users\t'; getent group users | cut -d: -f4
"#;

/// A box's files and facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndState(BTreeMap<String, String>);

impl EndState {
    pub(crate) fn read(host: &Host) -> Result<Self> {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        let text = host.exec(LIST)? + &host.exec(FACTS)?;
        for line in text.lines() {
            let (name, what) = line.split_once('\t').with_context(|| format!("an odd line: {line}"))?;
            let entry = all.entry(name.to_owned()).or_default();
            entry.push_str(what.trim());
            entry.push(' ');
        }
        Ok(Self(all))
    }

    /// Every difference that no exception allows.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let excepted = |name: &str| exceptions().any(|(pattern, _)| matches(pattern, name));
        let show =
            |state: &Self, name: &str| state.0.get(name).map_or("absent".to_owned(), |s| s.trim().to_owned());
        names
            .into_iter()
            .filter(|name| self.0.get(*name) != other.0.get(*name) && !excepted(name))
            .map(|name| format!("{name}: {} -> {}", show(self, name), show(other, name)))
            .collect()
    }
}

fn exceptions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = EXCEPTIONS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once(char::is_whitespace).unwrap_or((line, "")))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// A planted change is found wherever no exception stands, and each exception has its reason.
pub(crate) fn self_test() -> Result<()> {
    let state = |pairs: &[(&str, &str)]| {
        EndState(pairs.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect())
    };
    let whole =
        state(&[("/srv/effect/again", "f 644 a"), ("/etc/fault.conf", "f 640 b"), ("/srv/count/again", "1")]);
    let planted = [
        state(&[("/srv/effect/again", "f 644 a"), ("/etc/fault.conf", "f 644 b"), ("/srv/count/again", "1")]),
        state(&[("/srv/effect/again", "f 644 x"), ("/etc/fault.conf", "f 640 b"), ("/srv/count/again", "1")]),
        state(&[("/etc/fault.conf", "f 640 b"), ("/srv/count/again", "1")]),
        state(&[("/srv/effect/again", "f 644 a"), ("/etc/fault.conf", "f 640 b"), ("/etc/left", "f")]),
    ];
    for changed in planted {
        anyhow::ensure!(whole.differences(&changed).len() == 1, "a planted change was not seen: {changed:?}");
    }
    let other =
        state(&[("/srv/effect/again", "f 644 a"), ("/etc/fault.conf", "f 640 b"), ("/srv/count/again", "2")]);
    anyhow::ensure!(whole.differences(&other).is_empty(), "an exception does not hold");
    for (pattern, reason) in exceptions() {
        anyhow::ensure!(!reason.trim().is_empty(), "the exception {pattern} has no reason");
    }
    Ok(())
}

/// One attempt as the record has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attempt {
    pub(crate) step: String,
    pub(crate) number: u32,
    pub(crate) began: bool,
    pub(crate) done: bool,
}

/// All attempts that a box's record has.
pub(crate) fn attempts(host: &Host) -> Result<Vec<Attempt>> {
    let script = r#"cd /var/lib/ciab/steps 2>/dev/null || exit 0
for a in */*; do printf '%s' $a; for w in began end done; do [ -n "$(tr -d '\0' < $a/$w 2>/dev/null)" ] && printf ' %s' $w; done; echo; done"#;
    let text = host.exec(script)?;
    let mut all = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let Some((step, number)) = words.next().and_then(|path| path.split_once('/')) else { continue };
        let Ok(number) = number.parse() else { continue };
        let words: Vec<&str> = words.collect();
        let has = |word| words.contains(&word);
        all.push(Attempt { step: step.to_owned(), number, began: has("began"), done: has("done") });
    }
    all.sort();
    Ok(all)
}

/// Finished actions that ran again though no probe had said Missing.
pub(crate) fn acted_again(attempts: &[Attempt], events: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    for attempt in attempts {
        let later = attempts.iter().any(|a| a.step == attempt.step && a.number > attempt.number);
        let drifted =
            events.iter().any(|e| matches!(&e.kind, Kind::StepDrifted { step, .. } if *step == attempt.step));
        // What repairs is done once for each doubt.
        if attempt.done && later && !drifted && attempt.step != graph::ON_DEMAND {
            wrong.push(format!("{} acted again after its attempt {} was done", attempt.step, attempt.number));
        }
    }
    wrong
}

/// What is wrong with how often things were done.
pub(crate) fn misdeeds(host: &Host, events: &[Event]) -> Result<Vec<String>> {
    let attempts = attempts(host)?;
    let mut wrong = acted_again(&attempts, events);
    for step in graph::graph().steps {
        let name = step.id.as_str();
        let of_step: Vec<&Attempt> = attempts.iter().filter(|a| a.step == name).collect();
        let needs_record =
            !matches!(step.action, ciab::step::Action::Wait { .. }) && name != graph::ON_DEMAND;
        if needs_record && !of_step.iter().any(|a| a.done) {
            wrong.push(format!("{name} is not recorded as done"));
        }
        if !graph::COUNTED.contains(&name) {
            continue;
        }
        let acted =
            host.said(&format!("cat /srv/count/{name} 2>/dev/null | wc -l")).trim().parse().unwrap_or(0);
        let began = of_step.iter().filter(|a| a.began).count();
        if acted > began {
            wrong.push(format!("{name} acted {acted} times in {began} attempts"));
        }
        if acted == 0 && name != graph::ON_DEMAND {
            wrong.push(format!("{name} never acted"));
        }
    }
    Ok(wrong)
}

/// Makes a host as it was before the first run, all but the helper's binary.
pub(crate) fn reset(host: &Host) -> Result<()> {
    host.exec(
        r"systemctl stop 'ciab-*' 2>/dev/null; systemctl disable --now fault.service 2>/dev/null
userdel -r fault 2>/dev/null
cd /var/lib/ciab 2>/dev/null && find . -mindepth 1 -maxdepth 1 ! -name bin -exec rm -rf {} +
rm -rf /srv/* /opt/tree /etc/fault* /etc/systemd/system/fault.service /run/ciab-* /run/fault*
rm -f /etc/systemd/system/ciab-* /etc/systemd/system/*/ciab-* /etc/systemd/system/.*.ciab* /etc/.fault*
systemctl daemon-reload; systemctl reset-failed; sync",
    )
    .map(|_| ())
}
