//! Gives a role its devices, or says why it cannot have them.

use std::{fmt, ops::RangeInclusive};

use super::{Verdict, describe_disk, describe_nic, match_disks, match_nics};
use crate::{
    boxfile::selector::{DiskMatch, NicMatch},
    facts::{Facts, disk::Disk, nic::Nic},
    failure::{Exit, Failure},
};

/// A role without its devices: what stands in the way, and a line for each device that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Names role, number and selector: one line.
    pub message: String,
    /// Every device that matched, or where none did every device, with the reason.
    pub devices: Vec<String>,
    /// A whole sentence.
    pub hint: String,
}

impl Unresolved {
    /// All of it in one line.
    pub fn line(&self) -> String {
        let parts: Vec<&str> =
            std::iter::once(&self.message).chain(&self.devices).map(String::as_str).collect();
        parts.join("; ")
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.devices.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Unresolved {}

impl From<Unresolved> for Failure {
    fn from(error: Unresolved) -> Self {
        Self::new(Exit::Preflight, error.to_string()).hint(error.hint)
    }
}

/// The disks of a role, as many as it takes. Disks of an earlier run of ours (`bound`, by id) are no obstacle
/// to themselves: they are mounted because we mounted them.
pub fn resolve<'a>(
    role: &str,
    select: &DiskMatch,
    takes: &RangeInclusive<usize>,
    facts: &'a Facts,
    bound: &[&str],
) -> Result<Vec<&'a Disk>, Unresolved> {
    let mut verdicts = match_disks(select, facts);
    for verdict in verdicts.iter_mut().filter(|v| bound.contains(&v.device.as_str())) {
        verdict.obstacles.clear();
    }
    let wanted = Wanted { noun: "disk", role, takes: takes.clone(), selector: describe_disk(select) };
    let ids = wanted.choose(&verdicts)?;
    Ok(facts.identity.disks.iter().filter(|disk| ids.contains(&disk.id.as_str())).collect())
}

/// The network card of a role.
pub fn resolve_nic<'a>(role: &str, select: &NicMatch, facts: &'a Facts) -> Result<&'a Nic, Unresolved> {
    let verdicts = match_nics(select, facts);
    let wanted = Wanted { noun: "network card", role, takes: 1..=1, selector: describe_nic(select) };
    let ids = wanted.choose(&verdicts)?;
    let found = facts.identity.nics.iter().find(|nic| ids.contains(&nic.id.as_str()));
    found.ok_or_else(|| wanted.none(&verdicts))
}

struct Wanted<'a> {
    noun: &'a str,
    role: &'a str,
    takes: RangeInclusive<usize>,
    selector: String,
}

impl Wanted<'_> {
    fn choose<'v>(&self, verdicts: &'v [Verdict]) -> Result<Vec<&'v str>, Unresolved> {
        let candidates: Vec<&Verdict> = verdicts.iter().filter(|v| v.is_candidate()).collect();
        match candidates.len() {
            0 if *self.takes.start() > 0 => Err(self.none(verdicts)),
            found if found < *self.takes.start() => Err(self.too_few(&candidates)),
            found if found > *self.takes.end() => Err(self.too_many(&candidates)),
            _ => Ok(candidates.into_iter().map(|v| v.device.as_str()).collect()),
        }
    }

    /// `role `system` takes 1 disk`, `role `osd` takes 1 to 24 disks`
    fn takes(&self) -> String {
        let (least, most) = (self.takes.start(), self.takes.end());
        let plural = if *most == 1 { "" } else { "s" };
        let number = if least == most { least.to_string() } else { format!("{least} to {most}") };
        format!("role `{}` takes {number} {}{plural}", self.role, self.noun)
    }

    fn none(&self, verdicts: &[Verdict]) -> Unresolved {
        let matching: Vec<&Verdict> = verdicts.iter().filter(|v| v.matches).collect();
        let (what, shown) = match matching.is_empty() {
            true => ("none matches", verdicts.iter().collect()),
            false => ("none that matches is free", matching),
        };
        Unresolved {
            message: format!("{}, and {what} ({})", self.takes(), self.selector),
            devices: shown.into_iter().map(refusal).collect(),
            hint: format!(
                "`ciab match {}` tries a selector on the box.",
                self.noun.replace("network card", "nic")
            ),
        }
    }

    fn too_few(&self, candidates: &[&Verdict]) -> Unresolved {
        Unresolved {
            message: format!("{}, and only {} match ({})", self.takes(), candidates.len(), self.selector),
            devices: candidates.iter().map(|v| line(v)).collect(),
            hint: "Widen the selector, or give the role another one.".to_owned(),
        }
    }

    fn too_many(&self, candidates: &[&Verdict]) -> Unresolved {
        Unresolved {
            message: format!("{}, and {} match ({})", self.takes(), candidates.len(), self.selector),
            devices: candidates.iter().map(|v| line(v)).collect(),
            hint: "Add conditions until one is left for each place: serial, or path where serials are alike."
                .to_owned(),
        }
    }
}

fn line(verdict: &Verdict) -> String {
    format!("{} ({})", verdict.device, verdict.about)
}

/// A device with the first thing that is wrong about it.
fn refusal(verdict: &Verdict) -> String {
    let unmet = verdict.conditions.iter().find(|c| !c.met).map(ToString::to_string);
    let why = unmet.or_else(|| verdict.obstacles.first().cloned()).unwrap_or_default();
    format!("{}: {why}", line(verdict))
}
