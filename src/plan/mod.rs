//! Decides what will be done to a box, and why: a pure function of the box, the box file, the profile and what an
//! earlier run has bound.
//!
//! Only the box's identity reaches the plan's bytes. What is observed (release, interface, addresses, file systems)
//! is bound by the first run ([`Bound`]) and taken from there ever after, so that a second run plans the same although
//! the bridges, addresses and ports of the first are there by then.

mod bound;
#[cfg(test)]
mod cases;
pub mod check;
mod cloud;
mod disks;
mod docker;
mod firewall;
mod fit;
mod gain;
mod host;
pub mod install;
mod internal;
mod kernel;
mod logs;
#[cfg(test)]
mod machines;
mod measures;
mod network;
mod offline;
mod page;
mod proxy;
#[cfg(test)]
pub(crate) mod sample;
mod seen;
pub mod selector;
mod sizing;
mod software;
mod text;
pub mod wipe;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

pub use self::cloud::api_name;
pub use self::{
    bound::{Bound, BoundManagement, Card, Decided, FileSystem, ModuleState, Near, SCHEMA as BOUND_SCHEMA},
    cloud::{Api, Ceph, Cloud, Encryption, Guests, Nfs, Storage, VOLUMES, VolumeType},
    disks::Disks,
    docker::{AddressPool, Docker, StorageDriver},
    firewall::{Family, Firewall, Forward, Masquerade, OpenPort, Transport},
    fit::{Fit, Fits, Take},
    gain::Gain,
    host::{Access, Certificate, Config, Host, HostKind, Os, Ssh, Sudo, Tls},
    internal::{Internal, InternalKind},
    kernel::{Kernel, KernelModule, KernelSysctl},
    logs::Journald,
    measures::measures,
    network::{
        Addressing, Bonded, Containers, Dns, LanRoute, Management, Network, Physical, Provider, Resolver,
        Stack, Tagged, WAYS, Way, WireGuard,
    },
    offline::Offline,
    page::{Row, disks as wipe_page, page},
    proxy::Proxy,
    sizing::{Part, Sizing},
    software::{Apt, BUNDLE, Source, Sources},
};
use crate::{
    boxfile::{BoxFile, Engine, ProfileName, names::Role},
    facts::Facts,
    failure::{Exit, Failure},
    profile::{CloudService, Limit, Profile, Purpose, Service},
    step::DiskName,
    units::Bytes,
};

/// The version of the document; another one is refused.
pub const SCHEMA: &str = "ciab/plan/v1";

/// Everything that will be true of the box, decided; no later stage has to guess.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub schema: String,
    pub profile: ProfileName,
    /// What the user gets.
    pub title: String,
    /// What installs the services.
    pub engine: Engine,
    pub host: Host,
    pub os: Os,
    pub access: Access,
    pub apt: Apt,
    /// Package names by what they are for.
    pub packages: BTreeMap<Purpose, Vec<String>>,
    pub network: Network,
    pub kernel: Kernel,
    pub limits: Vec<Limit>,
    pub docker: Docker,
    pub journald: Journald,
    pub tls: Tls,
    #[serde(default, skip_serializing_if = "Certificate::is_per_box")]
    pub certificate: Certificate,
    pub config: Config,
    pub ssh: Ssh,
    pub sudo: Sudo,
    /// The disks that are taken, by role; every one of them is wiped. Empty for a profile that takes none.
    pub disks: BTreeMap<Role, Vec<ChosenDisk>>,
    /// The cloud, for a profile that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<Cloud>,
    /// What takes the place of registries and indexes, for a box that reaches none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Offline>,
    /// Everything that runs on the box, with what each takes.
    pub services: Vec<Service>,
    pub fit: Fit,
    /// Key of a value above (`docker.mtu`) to the reason for it, for values that were derived or sized.
    pub why: BTreeMap<String, String>,
    /// What this plan takes as given from now on; written to the box by the first run.
    pub bound: Bound,
}

/// A disk that a role takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChosenDisk {
    /// As in the facts: a name below /dev/disk/by-id where there is one.
    pub id: String,
    /// Read again right before the first write.
    pub serial: Option<String>,
    pub size: Bytes,
    /// Whether the box file names it for wiping; else its serial has to be typed.
    pub consent: Consent,
}

impl ChosenDisk {
    /// What a step finds it again by.
    pub fn name(&self) -> DiskName {
        DiskName { id: self.id.clone(), serial: self.serial.clone(), size: self.size }
    }
}

/// The leave to wipe a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// `disks.<role>.wipe` of the box file names this very disk.
    Given,
    /// To be typed before the first write.
    Asked,
}

/// Why there is no plan: one of all the reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    pub kind: Refusal,
    /// The key of the box file that decides, such as `network.internal`, or the fact.
    pub key: String,
    /// A lower-case fragment without a full stop.
    pub message: String,
    /// A whole sentence.
    pub hint: String,
}

/// What sort of no it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The box cannot carry this profile, or the box file contradicts the box.
    Impossible,
    /// Going on would harm: another box than the one bound, a disk that may not be taken.
    Unsafe,
}

impl PlanError {
    fn impossible(key: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Refusal::Impossible, key: key.into(), message: message.into(), hint: hint.into() }
    }

    fn unsafe_(key: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Refusal::Unsafe, key: key.into(), message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// All reasons in one failure; a harmful one decides the exit code.
pub fn refused(errors: &[PlanError]) -> Failure {
    let exit = match errors.iter().any(|e| e.kind == Refusal::Unsafe) {
        true => Exit::Refused,
        false => Exit::Preflight,
    };
    let lines: Vec<String> = errors.iter().map(PlanError::to_string).collect();
    let failure = Failure::new(exit, format!("no plan is possible for this box: {}", lines.join("; ")));
    errors.iter().fold(failure, |failure, error| failure.hint(error.hint.clone()))
}

/// What runs on the box: the host's own, and the cloud's.
fn services(profile: &Profile, cloud: Option<&Cloud>) -> Vec<Service> {
    let of_the_cloud = cloud.into_iter().flat_map(Cloud::catalogue).map(CloudService::service);
    profile.services.iter().cloned().chain(of_the_cloud).collect()
}

/// Reasons that collect while a plan is made.
type Why = BTreeMap<String, String>;

impl Plan {
    /// Decides everything, or says everything that stands against it.
    pub fn make(
        facts: &Facts,
        wanted: &BoxFile,
        profile: &Profile,
        bound: Option<&Bound>,
    ) -> Result<Self, Vec<PlanError>> {
        let mut errors = Vec::new();
        let mut why = Why::new();
        let bound = match bound {
            Some(earlier) => earlier.again(facts, wanted)?,
            None => Bound::first(facts, wanted, profile)?,
        };
        let release = host::release(wanted, &bound, profile).map_err(|e| errors.push(e)).ok();
        let disks = disks::make(facts, wanted, profile, &bound).map_err(|e| errors.extend(e)).ok();
        let network = network::make(wanted, profile, &bound, &mut why).map_err(|e| errors.extend(e)).ok();
        let cloud = match (&disks, &network) {
            (Some(disks), Some(network)) => {
                let ground = cloud::Ground { facts, wanted, profile, bound: &bound, network, disks };
                cloud::make(&ground, &mut why).map_err(|e| errors.extend(e)).ok().flatten()
            }
            _ => None,
        };
        let has_cloud = profile.cloud.is_some();
        let certificate = host::certificate(wanted, has_cloud).map_err(|e| errors.push(e)).ok();
        let (Some(release), Some(disks), Some(network), Some(certificate), true) =
            (release, disks, network, certificate, errors.is_empty())
        else {
            return Err(errors);
        };
        let services = services(profile, cloud.as_ref());
        Ok(Self {
            schema: SCHEMA.to_owned(),
            profile: profile.name,
            title: profile.title.clone(),
            engine: wanted.engine,
            host: host::host(wanted, &network),
            os: host::os(release, &bound),
            access: host::access(wanted),
            apt: software::apt(wanted, release, &mut why),
            packages: release.packages.clone(),
            kernel: kernel::make(wanted, profile, &bound, &mut why),
            limits: kernel::limits(wanted, profile),
            docker: docker::make(wanted, &network, &bound, &mut why),
            journald: logs::journald(wanted, &bound, &mut why),
            tls: host::tls(wanted),
            certificate,
            config: Config::default(),
            ssh: host::ssh(&bound, &mut why),
            sudo: host::sudo(wanted),
            disks: disks.clone(),
            fit: fit::make(facts, &services, &bound, cloud.as_ref()),
            services,
            why,
            bound: bound.with(&network, disks, cloud.as_ref()),
            cloud,
            offline: offline::make(wanted),
            network,
        })
    }

    /// What the next run on this box takes as given.
    pub fn bound(&self) -> Bound {
        self.bound.clone()
    }
}
