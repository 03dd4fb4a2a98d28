//! A step: plain data that says what to do on the box, how to see that it is done, and what to do when in doubt.
//!
//! `plan` prints the same list that runs; the helper on the box executes and probes it (`agent`).

mod disk;

use std::{borrow::Borrow, collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de};

pub use self::disk::{DiskName, Extent, Slice};

use crate::{
    profile::{Mend, Question},
    tree::{Entry, Tree},
};

/// The name of a step: lower-case letters, digits and hyphens, at most 48; part of unit and folder names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// Checks the name; the error says what is wrong with it.
    pub fn new(name: impl Into<String>) -> Result<Self, String> {
        let name = name.into();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 48 || !name.chars().all(good) || name.starts_with('-') {
            return Err(format!("`{name}` is no step id: use a-z, 0-9 and hyphens, at most 48"));
        }
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for StepId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl Borrow<str> for StepId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for StepId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The whole installation, in an order in which every step stands behind those it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    pub steps: Vec<Step>,
}

/// One thing to be done on the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: StepId,
    /// A sentence for people: "Install the container engine".
    pub title: String,
    /// These come first.
    #[serde(default)]
    pub needs: Vec<StepId>,
    /// Like `needs`; and when the inputs of one of these change, this runs again.
    #[serde(default)]
    pub uses: Vec<StepId>,
    /// Two steps that hold the same resource never run side by side.
    #[serde(default)]
    pub holds: Vec<Resource>,
    pub action: Action,
    pub probe: Probe,
    pub limit: Limit,
    #[serde(default)]
    pub retry: Retry,
    pub in_doubt: InDoubt,
    /// Set for a change that may cut the operator off: it is taken back unless confirmed over a new connection.
    #[serde(default)]
    pub guard: Option<Guard>,
    /// What an attempt may leave that never came to its end, and that the next one would take for whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<Mend>,
}

/// What only one step at a time may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// The package manager's lock.
    Apt,
    /// The configuration tree and its repository.
    ConfigTree,
    /// The container engine.
    Docker,
    /// Addresses, routes, firewall.
    Network,
}

/// What a step does. All but `Wait` change the box; each runs as a unit of its own there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Brings each want about, in this order; what holds already is left alone.
    Ensure(Vec<Want>),
    /// Executes argv (never a shell line) with a fixed environment and these words in addition.
    Job {
        argv: Vec<String>,
        #[serde(default)]
        env: BTreeMap<String, String>,
    },
    /// Lays a tree below `root` and commits it in the git repository there; paths that are not the tree's are
    /// left alone unless an earlier tree put them there.
    Put { root: String, tree: Tree, message: String },
    /// Restarts the box; done when another boot has been seen.
    Reboot,
    /// Changes nothing; asks the step's probe every so many seconds until it holds.
    Wait { every: u32 },
}

/// How to see that a step's effect is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Probe {
    /// Every want of the action holds, or the tree is there and committed.
    Action,
    /// This holds, whatever the action was.
    Wants(Vec<Want>),
    /// Exit status 0 is Holds, 1 is Missing, all else CannotTell.
    Command { argv: Vec<String> },
    /// Every question is answered by yes, at the latest so many seconds after the action has ended.
    Asks { questions: Vec<Question>, within: u32 },
    /// The box runs another boot than the one that `began` names.
    Rebooted,
}

/// What a probe says; the texts say what was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    Holds,
    Missing(String),
    /// Never a pass, and never a reason to run again.
    CannotTell(String),
}

/// What may be done with an attempt that began and whose end nobody wrote down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum InDoubt {
    /// The action may be repeated at any time.
    RunAgain,
    /// This step has to be run first; it puts right what half an action leaves.
    Repair(StepId),
    /// The probe compares exact inputs, so its word is enough.
    TrustProbe,
    /// Only the operator can tell.
    Stop,
}

/// How long a step may take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Past this the run says so, and goes on.
    pub soft: u32,
    /// Past this the unit is ended by systemd (`RuntimeMaxSec`).
    pub hard: u32,
}

impl Limit {
    pub fn soft(self) -> Duration {
        Duration::from_secs(self.soft.into())
    }
    pub fn hard(self) -> Duration {
        Duration::from_secs(self.hard.into())
    }
}

/// How often a failed action is tried again, and after how many seconds the first time (then doubled).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    pub times: u32,
    pub delay: u32,
}

/// What is saved before a change that may cut the box off, and how it is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Files saved (or noted as absent) before the action and restored by the revert.
    pub files: Vec<String>,
    /// Commands that make the restored files take effect, in this order; each is run whatever the others said.
    pub reload: Vec<Vec<String>>,
    /// Seconds until the revert when nobody confirms.
    pub seconds: u32,
}

/// One state of the box to be brought about; its probe is the same data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Want {
    /// A file with these bytes, mode and owner. `check` is an argv run before it is put in place, in which the
    /// word `%` stands for the temporary file (`visudo -cf %`).
    File {
        path: String,
        entry: Entry,
        #[serde(default)]
        check: Vec<String>,
    },
    /// No file at this path; a folder there is an error.
    NoFile { path: String },
    /// A folder with this mode and owner.
    Folder { path: String, mode: u32, owner: String, group: String },
    /// APT packages, installed. Lists are refreshed when a source is newer than they are, or a package unknown.
    Packages { names: Vec<String> },
    /// A user with a home, a shell and these additional groups; the password is locked when the user is made.
    User { name: String, groups: Vec<String>, shell: String },
    /// A systemd unit, enabled and active. It is restarted (or reloaded) when one of `files` has changed since it
    /// last was by us.
    Unit {
        name: String,
        #[serde(default)]
        files: Vec<String>,
        #[serde(default)]
        reload: bool,
    },
    /// A unit that is neither enabled nor active.
    NoUnit { name: String },
    /// A kernel parameter's present value; dots separate, as in sysctl.conf(5).
    Sysctl { key: String, value: String },
    /// A kernel module loaded, or built into the kernel.
    Module { name: String },
    /// Our own nftables table, loaded in one transaction from `text`, which begins by deleting the old one.
    NftTable { family: String, name: String, text: String },
    /// An address in CIDR form on an interface; systemd-networkd is told to reload.
    Address { interface: String, cidr: String },
    /// An interface that systemd-networkd has made and configured from `file`, after the last change of `files`.
    Link { interface: String, file: String, files: Vec<String> },
    /// No interface of this name; one that is there is deleted.
    NoLink { interface: String },
    /// An interface that ifupdown does not hold; its files are left as they are.
    Released { interface: String },
    /// The static host name.
    Hostname { name: String },
    /// The time zone, a name of the tz database.
    TimeZone { name: String },
    /// A certificate (PEM) in the system's trust store.
    Trusted { name: String, pem: String },
    /// Exactly these partitions on a disk that nobody uses; all that was on it is lost.
    Table { disk: DiskName, slices: Vec<Slice> },
    /// A file system with this UUID on a partition, mounted at a path; or what is swapped to, which is not.
    FileSystem {
        disk: DiskName,
        partition: u32,
        kind: String,
        label: String,
        uuid: String,
        at: Option<String>,
    },
    /// A system from an image of the medium, with this digest, all of it on the disk.
    Unpacked { image: String, sha256: String, to: String },
    /// SSH host keys of the system below a path.
    HostKeys { root: String },
    /// GRUB for UEFI and, where the disk allows it, for BIOS, of the system below a path.
    BootLoader { disk: DiskName, root: String, bios: bool },
    /// A volume group of LVM that stands here; made once, and never again where it was. Without a place, one that is there
    /// already.
    VolumeGroup { name: String, on: Option<Extent> },
    /// Nothing mounted at a path or below it.
    NoMount { at: String },
    /// The name of a partition.
    PartitionName { disk: DiskName, partition: u32, name: String },
}

impl Want {
    /// What the want is about, for people and logs; never a secret.
    pub fn subject(&self) -> String {
        match self {
            Self::File { path, .. } => path.clone(),
            Self::NoFile { path } => format!("no {path}"),
            Self::Folder { path, .. } => format!("{path}/"),
            Self::Packages { names } => format!("packages {}", names.join(" ")),
            Self::User { name, .. } => format!("user {name}"),
            Self::Unit { name, .. } => format!("unit {name}"),
            Self::NoUnit { name } => format!("no unit {name}"),
            Self::Sysctl { key, value } => format!("sysctl {key}={value}"),
            Self::Module { name } => format!("kernel module {name}"),
            Self::NftTable { family, name, .. } => format!("nftables table {family} {name}"),
            Self::Address { interface, cidr } => format!("address {cidr} on {interface}"),
            Self::Link { interface, .. } => format!("interface {interface}"),
            Self::NoLink { interface } => format!("no interface {interface}"),
            Self::Released { interface } => format!("{interface} free of ifupdown"),
            Self::Hostname { name } => format!("host name {name}"),
            Self::TimeZone { name } => format!("time zone {name}"),
            Self::Trusted { name, .. } => format!("trusted certificate {name}"),
            Self::Table { disk, .. } => format!("partitions of {}", disk.id),
            Self::FileSystem { kind, label, .. } => format!("{kind} {label}"),
            Self::Unpacked { to, .. } => format!("the system in {to}"),
            Self::HostKeys { root } => format!("host keys in {root}"),
            Self::BootLoader { disk, .. } => format!("boot loader on {}", disk.id),
            Self::VolumeGroup { name, .. } => format!("volume group {name}"),
            Self::NoMount { at } => format!("nothing mounted at {at}"),
            Self::PartitionName { name, .. } => format!("partition {name}"),
        }
    }
}

impl Graph {
    /// Everything wrong with the graph: names used twice or unknown, an order that needs what comes later.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen: Vec<&StepId> = Vec::new();
        for step in &self.steps {
            if seen.contains(&&step.id) {
                faults.push(format!("step `{}` stands twice", step.id));
            }
            for before in step.before() {
                if !seen.contains(&before) {
                    faults
                        .push(format!("step `{}` needs `{before}`, which does not come before it", step.id));
                }
            }
            if let InDoubt::Repair(repair) = &step.in_doubt
                && !self.steps.iter().any(|s| s.id == *repair)
            {
                faults.push(format!("step `{}` is repaired by `{repair}`, which does not exist", step.id));
            }
            seen.push(&step.id);
        }
        faults
    }

    /// The first step that takes a disk for itself.
    pub fn taking(&self, disk: &DiskName) -> Option<&StepId> {
        let takes = |want: &Want| matches!(want, Want::Table { disk: taken, .. } | Want::VolumeGroup { on: Some(Extent { disk: taken, .. }), .. } if taken == disk);
        let step = self
            .steps
            .iter()
            .find(|step| matches!(&step.action, Action::Ensure(wants) if wants.iter().any(takes)));
        step.map(|step| &step.id)
    }

    pub fn get(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id.as_str() == id)
    }
}

impl Step {
    /// All steps that must be done before this one.
    pub fn before(&self) -> impl Iterator<Item = &StepId> {
        self.needs.iter().chain(&self.uses)
    }

    /// A reboot holds everything.
    pub fn excludes(&self, other: &Self) -> bool {
        let reboot = |step: &Self| matches!(step.action, Action::Reboot);
        reboot(self) || reboot(other) || self.holds.iter().any(|held| other.holds.contains(held))
    }
}
