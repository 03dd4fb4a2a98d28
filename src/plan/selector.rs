//! Which devices meet the conditions of a role, and why the others do not.
//!
//! A property that a device does not have meets no condition. Nothing is ever chosen out of several: a role that takes
//! one disk and has two to choose from is an error that lists both ([`resolve()`]).

use std::fmt;

use serde::{Deserialize, Serialize};

mod candidate;
mod filter;
mod resolve;

pub use candidate::{Naming, naming, obstacles, warnings};
pub use filter::{parse_disk_filter, parse_nic_filter};
pub use resolve::{Unresolved, resolve, resolve_nic};

use crate::{
    boxfile::selector::{DiskMatch, NicMatch, Pattern, SizeRange},
    facts::{Facts, disk::Disk, nic::Nic},
    units::Bytes,
};

/// What one device makes of a selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// [`Disk::id`] or [`Nic::id`].
    pub device: String,
    /// For people: the kernel's name now, serial, size, model.
    pub about: String,
    /// It meets every condition.
    pub matches: bool,
    /// In the order of the properties' names.
    pub conditions: Vec<Condition>,
    /// Why it may not be taken although it matches; empty for network cards.
    pub obstacles: Vec<String>,
    /// What one should know before taking it.
    pub warnings: Vec<String>,
}

/// One condition, tried on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// As in the box file: `serial`.
    pub property: String,
    /// `S4*`, `>=200GiB`, `true`
    pub wanted: String,
    /// What the device has, all of it; empty where it does not have the property.
    pub found: Vec<String>,
    pub met: bool,
}

impl Verdict {
    /// It matches, and nothing speaks against it.
    pub fn is_candidate(&self) -> bool {
        self.matches && self.obstacles.is_empty()
    }
}

impl fmt::Display for Condition {
    /// `serial is S4EWNX0N, wanted S4*`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { property, wanted, found, .. } = self;
        if found.is_empty() {
            write!(f, "{property} is unknown, wanted {wanted}")
        } else {
            write!(f, "{property} is {}, wanted {wanted}", found.join(" or "))
        }
    }
}

/// Collects the conditions that a selector has.
#[derive(Default)]
struct Trial(Vec<Condition>);

impl Trial {
    /// A text property may have several values, of which one must match: a disk has several by-id names.
    fn text<S: Into<String>>(
        &mut self,
        property: &str,
        wanted: Option<&Pattern>,
        found: impl IntoIterator<Item = S>,
    ) {
        if let Some(pattern) = wanted {
            let found: Vec<String> = found.into_iter().map(Into::into).collect();
            let met = found.iter().any(|value| pattern.matches(value));
            self.push(property, pattern.to_string(), found, met);
        }
    }

    fn flag(&mut self, property: &str, wanted: Option<bool>, found: Option<bool>) {
        if let Some(wanted) = wanted {
            let shown = found.iter().map(bool::to_string).collect();
            self.push(property, wanted.to_string(), shown, found == Some(wanted));
        }
    }

    fn size(&mut self, property: &str, wanted: Option<SizeRange>, found: Option<Bytes>) {
        if let Some(range) = wanted {
            let met = found.is_some_and(|size| range.contains(size));
            self.push(property, range.to_string(), found.iter().map(Bytes::to_string).collect(), met);
        }
    }

    fn push(&mut self, property: &str, wanted: String, found: Vec<String>, met: bool) {
        self.0.push(Condition { property: property.to_owned(), wanted, found, met });
    }

    /// A selector without conditions selects nothing, rather than everything.
    fn verdict(self, device: &str, about: String) -> Verdict {
        Verdict {
            device: device.to_owned(),
            about,
            matches: !self.0.is_empty() && self.0.iter().all(|c| c.met),
            conditions: self.0,
            obstacles: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// Tries a selector on every disk of a box.
pub fn match_disks(select: &DiskMatch, facts: &Facts) -> Vec<Verdict> {
    facts.identity.disks.iter().map(|disk| match_disk(select, disk, facts)).collect()
}

fn match_disk(select: &DiskMatch, disk: &Disk, facts: &Facts) -> Verdict {
    // In full, so that a property that is added to the box file cannot be forgotten here.
    let DiskMatch { by_id, model, path, rotational, serial, size, transport, wwn } = select;
    let mut trial = Trial::default();
    trial.text("by-id", by_id.as_ref(), &disk.by_id);
    trial.text("model", model.as_ref(), &disk.model);
    trial.text("path", path.as_ref(), &disk.by_path);
    trial.flag("rotational", *rotational, disk.rotational);
    trial.text("serial", serial.as_ref(), &disk.serial);
    trial.size("size", *size, disk.size);
    trial.text("transport", transport.as_ref(), disk.transport.map(|t| t.name()));
    trial.text("wwn", wwn.as_ref(), &disk.wwn);
    let verdict = trial.verdict(&disk.id, about_disk(disk, facts));
    Verdict { obstacles: obstacles(disk, facts), warnings: warnings(disk, facts), ..verdict }
}

/// Tries a selector on every network card of a box.
pub fn match_nics(select: &NicMatch, facts: &Facts) -> Vec<Verdict> {
    facts.identity.nics.iter().map(|nic| match_nic(select, nic, facts)).collect()
}

fn match_nic(select: &NicMatch, nic: &Nic, facts: &Facts) -> Verdict {
    let NicMatch { carrier, driver, mac, name, path } = select;
    let link = facts.link_of(nic);
    let mut trial = Trial::default();
    trial.flag("carrier", *carrier, link.and_then(|l| l.carrier));
    trial.text("driver", driver.as_ref(), &nic.driver);
    if let Some(mac) = mac {
        let found = nic.mac.iter().map(ToString::to_string).collect();
        trial.push("mac", mac.to_string(), found, nic.mac == Some(*mac));
    }
    trial.text("name", name.as_ref(), link.map(|l| &l.name));
    trial.text("path", path.as_ref(), nic.pci.iter().chain(&nic.path));
    trial.verdict(&nic.id, about_nic(nic, facts))
}

/// `sda, serial S4EWNX0N, 1.7 TiB, Samsung SSD 860`
pub fn about_disk(disk: &Disk, facts: &Facts) -> String {
    let serial = disk.serial.as_ref().map_or("no serial".to_owned(), |s| format!("serial {s}"));
    let size = disk.size.map_or("size unknown".to_owned(), Bytes::human);
    let name = facts.use_of(disk).map(|u| u.name.clone());
    [name, Some(serial), Some(size), disk.model.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `eno1, 52:54:00:12:34:56, igb, 0000:00:1f.6`
pub fn about_nic(nic: &Nic, facts: &Facts) -> String {
    let name = facts.link_of(nic).map(|l| l.name.clone());
    let mac = nic.mac.map(|m| m.to_string());
    [name, mac, nic.driver.clone(), nic.pci.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A selector in words: `serial S4*, size >=200GiB`.
pub fn describe_disk(select: &DiskMatch) -> String {
    let DiskMatch { by_id, model, path, rotational, serial, size, transport, wwn } = select;
    join([
        ("by-id", by_id.as_ref().map(Pattern::to_string)),
        ("model", model.as_ref().map(Pattern::to_string)),
        ("path", path.as_ref().map(Pattern::to_string)),
        ("rotational", rotational.map(|r| r.to_string())),
        ("serial", serial.as_ref().map(Pattern::to_string)),
        ("size", size.map(|s| s.to_string())),
        ("transport", transport.as_ref().map(Pattern::to_string)),
        ("wwn", wwn.as_ref().map(Pattern::to_string)),
    ])
}

/// A selector in words: `carrier true, driver igb`.
pub fn describe_nic(select: &NicMatch) -> String {
    let NicMatch { carrier, driver, mac, name, path } = select;
    join([
        ("carrier", carrier.map(|c| c.to_string())),
        ("driver", driver.as_ref().map(Pattern::to_string)),
        ("mac", mac.map(|m| m.to_string())),
        ("name", name.as_ref().map(Pattern::to_string)),
        ("path", path.as_ref().map(Pattern::to_string)),
    ])
}

fn join<const N: usize>(conditions: [(&str, Option<String>); N]) -> String {
    let words = conditions.into_iter().filter_map(|(property, value)| Some(format!("{property} {}", value?)));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
