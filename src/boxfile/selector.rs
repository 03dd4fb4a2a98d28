//! `disks` and `nics`: which device has which role, said by conditions on what the device is.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Mac};

/// A disk's role: which disk takes it, and the consent to wipe that disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskRole {
    /// Conditions that the disk must meet, all of them. A property that the disk does not have is no match.
    #[serde(rename = "match")]
    pub select: DiskMatch,
    /// Serial numbers or by-id names of the disks that may be wiped. Without it `deploy` asks for the serial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wipe: Vec<DeviceName>,
}

/// Conditions on a disk; at least one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DiskMatch {
    /// A name below /dev/disk/by-id.
    #[serde(rename = "by-id", skip_serializing_if = "Option::is_none")]
    pub by_id: Option<Pattern>,
    /// The model, as `lsblk -o MODEL` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Pattern>,
    /// A name below /dev/disk/by-path: the place in the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
    /// Whether the disk turns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotational: Option<bool>,
    /// The serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Pattern>,
    /// The size of the whole disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeRange>,
    /// How the disk is connected: `nvme`, `sata`, `sas`, `usb`, `virtio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Pattern>,
    /// The World Wide Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn: Option<Pattern>,
}

/// A network card's role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NicRole {
    /// Conditions that the card must meet, all of them. A property that the card does not have is no match.
    #[serde(rename = "match")]
    pub select: NicMatch,
}

/// Conditions on a network card; at least one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NicMatch {
    /// Whether a cable with a live other end is plugged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<bool>,
    /// The kernel driver, such as `ixgbe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<Pattern>,
    /// The permanent hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The interface's name, such as `enp1s0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Pattern>,
    /// The PCI path, such as `0000:01:00.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
}

impl DiskMatch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl NicMatch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Text that must match as a whole: `*` stands for any text, `?` for one character, `|` parts alternatives; case counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// What parts the alternatives of a pattern.
pub const OR: &str = "|";

impl Pattern {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, text: &str) -> bool {
        self.0.split(OR).any(|pattern| Self::one(pattern, text))
    }

    fn one(pattern: &str, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Where the last `*` stood, and how much text it has taken so far.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(c) if *c == '?' || *c == text[t] => {
                    p += 1;
                    t += 1;
                }
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        p = at + 1;
                        t = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.chars().any(char::is_control) {
            Err("a pattern is one line of text and not empty".to_owned())
        } else if text.split(OR).any(str::is_empty) {
            Err(format!("`{text}` has an empty alternative, which no device meets"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// A disk by serial or by-id name: exact, no pattern, since it is a consent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceName(String);

impl DeviceName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_prefix("/dev/disk/by-id/").unwrap_or(text);
        if name.is_empty() || name.chars().any(|c| c.is_control() || c == '/') {
            Err(format!(
                "`{text}` names no disk for good: write its serial or its name below /dev/disk/by-id"
            ))
        } else if name.contains(['*', '?']) {
            Err(format!("`{text}` is a pattern: consent to wipe names one disk exactly"))
        } else {
            Ok(Self(name.to_owned()))
        }
    }
}

/// A range of sizes; `from` is inside, `to` is outside unless `last` says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRange {
    Exactly(Bytes),
    AtLeast(Bytes),
    Above(Bytes),
    AtMost(Bytes),
    Below(Bytes),
    /// Both ends inside.
    Between(Bytes, Bytes),
}

impl SizeRange {
    pub fn contains(self, size: Bytes) -> bool {
        match self {
            Self::Exactly(n) => size == n,
            Self::AtLeast(n) => size >= n,
            Self::Above(n) => size > n,
            Self::AtMost(n) => size <= n,
            Self::Below(n) => size < n,
            Self::Between(low, high) => low <= size && size <= high,
        }
    }
}

impl fmt::Display for SizeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(n) => n.fmt(f),
            Self::AtLeast(n) => write!(f, ">={n}"),
            Self::Above(n) => write!(f, ">{n}"),
            Self::AtMost(n) => write!(f, "<={n}"),
            Self::Below(n) => write!(f, "<{n}"),
            Self::Between(low, high) => write!(f, "{low}..{high}"),
        }
    }
}

impl FromStr for SizeRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some((low, high)) = text.split_once("..") {
            let (low, high): (Bytes, Bytes) = (low.parse()?, high.parse()?);
            return if low <= high {
                Ok(Self::Between(low, high))
            } else {
                Err(format!("`{text}` is an empty range: the first size is the larger one"))
            };
        }
        // Longer signs first, so that `>=` is not read as `>`.
        type Make = fn(Bytes) -> SizeRange;
        let signs: [(&str, Make); 4] =
            [(">=", Self::AtLeast), ("<=", Self::AtMost), (">", Self::Above), ("<", Self::Below)];
        match signs.iter().find_map(|(sign, make)| text.strip_prefix(sign).map(|rest| (make, rest))) {
            Some((make, size)) => size.parse().map(make),
            None => text.parse().map(Self::Exactly),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_whole_text() {
        for (pattern, text, matches) in [
            ("Samsung*", "Samsung SSD 990", true),
            ("Samsung*", "A Samsung", false),
            ("*990*", "Samsung SSD 990 PRO", true),
            ("S?n", "Sun", true),
            ("S?n", "Suun", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("*", "", true),
            ("sata", "SATA", false),
            ("S4*|S6?", "S6x", true),
            ("S4*|S6?", "S5", false),
            ("S4|S6", "S4|S6", false),
        ] {
            assert_eq!(pattern.parse::<Pattern>().unwrap().matches(text), matches, "{pattern} {text}");
        }
        for bad in ["", "a||b", "|", "a|"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_read_back_as_written() {
        for text in ["200GiB", ">=200GiB", "<2TiB", "<=1GiB", ">1GiB", "1GiB..2GiB"] {
            assert_eq!(text.parse::<SizeRange>().unwrap().to_string(), text);
        }
        assert!("2GiB..1GiB".parse::<SizeRange>().is_err());
        assert!("=>1GiB".parse::<SizeRange>().is_err());
        assert!(">=200GiB".parse::<SizeRange>().unwrap().contains(Bytes::gib(200)));
        assert!(!">200GiB".parse::<SizeRange>().unwrap().contains(Bytes::gib(200)));
    }

    #[test]
    fn consent_names_one_disk() {
        assert_eq!("/dev/disk/by-id/wwn-0x5".parse::<DeviceName>().unwrap().as_str(), "wwn-0x5");
        for bad in ["", "/dev/sda", "S5*", "../x"] {
            assert!(bad.parse::<DeviceName>().is_err(), "{bad}");
        }
    }
}
