//! Names, release, logins, certificates and where the configuration lies.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bound, Network, PlanError, Why, cloud};
use crate::{
    boxfile::{
        BoxFile,
        names::{DomainName, HostLabel, UserName},
        secret::SecretRef,
        ssh_key::SshKey,
        system::{Locale, PathText, TimeZone},
    },
    profile::{OsRelease, Profile, Release, Units},
};

/// What the box is called, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub name: HostLabel,
    pub domain: DomainName,
    pub fqdn: String,
    /// Lines of /etc/hosts: an address and its names, the first of them canonical.
    pub hosts: BTreeMap<IpAddr, Vec<String>>,
    pub timezone: TimeZone,
    pub locale: Locale,
}

/// The operating system, as the profile knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Os {
    pub id: String,
    pub version: String,
    pub codename: String,
    pub title: String,
    pub units: Units,
    /// What stands below the system; a container lends its host's kernel.
    pub kind: HostKind,
}

/// What the system runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostKind {
    Container,
    Machine,
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    pub operator: UserName,
    pub ssh_keys: Vec<SshKey>,
}

/// The authority that the box trusts and its own certificates come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tls {
    /// One made for this box alone.
    PerBox,
    /// The operator's own: a PEM file on the machine that `ciab` runs on.
    Operator { ca: PathText },
}

/// What the endpoints of the cloud show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Certificate {
    /// One that the box's own authority makes.
    #[default]
    PerBox,
    /// The operator's own, from where the box file says that it is.
    Operator { certificate: SecretRef, key: SecretRef },
}

impl Certificate {
    pub(super) fn is_per_box(&self) -> bool {
        *self == Self::PerBox
    }
}

/// Where the configuration lies on the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub root: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { root: "/opt/configuration".to_owned() }
    }
}

/// How sshd is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    /// What it listens on; left as it is.
    pub ports: Vec<u16>,
    /// Keyword to value, sshd_config(5).
    pub settings: BTreeMap<String, String>,
}

/// What the operator may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sudo {
    pub user: UserName,
    /// Everything as root without a password: the operator has none, the key is what is held.
    pub rule: String,
}

/// Keys only; root by key alone, since the first login may be root's and an outside rescue may need it.
const SSHD: [(&str, &str); 7] = [
    ("KbdInteractiveAuthentication", "no"),
    ("LoginGraceTime", "30"),
    ("PasswordAuthentication", "no"),
    ("PermitEmptyPasswords", "no"),
    ("PermitRootLogin", "prohibit-password"),
    ("PubkeyAuthentication", "yes"),
    ("X11Forwarding", "no"),
];

pub(super) fn host(wanted: &BoxFile, network: &Network) -> Host {
    let fqdn = wanted.fqdn();
    // The full name stands on the internal address: it stays when DHCP gives the box another one.
    let mut hosts = BTreeMap::from([(network.internal.address, vec![fqdn.clone(), wanted.name.to_string()])]);
    let api = cloud::api_name(&fqdn);
    hosts.entry(network.internal.vip).or_default().push(api);
    for (name, address) in &wanted.network.hosts {
        hosts.entry(*address).or_default().push(name.to_string());
    }
    Host {
        name: wanted.name.clone(),
        domain: wanted.domain.clone(),
        fqdn,
        hosts,
        timezone: wanted.tuning.timezone.clone(),
        locale: wanted.tuning.locale.clone(),
    }
}

pub(super) fn os(release: &OsRelease, bound: &Bound) -> Os {
    Os {
        id: release.id.clone(),
        version: release.version.clone(),
        codename: release.codename.clone(),
        title: release.title.clone(),
        units: release.units.clone(),
        kind: if bound.is_container() { HostKind::Container } else { HostKind::Machine },
    }
}

/// The systems that the profile runs on with this engine and release.
pub(super) fn systems<'a>(profile: &'a Profile, engine: Option<&'a Release>) -> Vec<&'a OsRelease> {
    let runs = |os: &&OsRelease| engine.is_none_or(|engine| engine.runs_on(&os.id, &os.version));
    profile.os.iter().filter(runs).collect()
}

/// The system that the box runs, or which ones it may run.
pub(super) fn release<'a>(
    wanted: &BoxFile,
    bound: &Bound,
    profile: &'a Profile,
) -> Result<&'a OsRelease, PlanError> {
    let engine = cloud::chosen(wanted, Some(bound));
    let systems = systems(profile, engine);
    let own = systems.iter().find(|os| os.id == bound.os_id && os.version == bound.os_version);
    own.copied().ok_or_else(|| {
        let titles: Vec<&str> = systems.iter().map(|os| os.title.as_str()).collect();
        let made = match engine {
            Some(release) => format!("engine {} {} is made for", release.engine, release.name),
            None => "the profile is made for".to_owned(),
        };
        PlanError::impossible(
            "os.release",
            format!("the box runs {} {}, {made} {}", bound.os_id, bound.os_version, titles.join(", ")),
            "Install one of these releases on the box, or choose another profile or engine.",
        )
    })
}

pub(super) fn access(wanted: &BoxFile) -> Access {
    let mut ssh_keys = wanted.access.ssh_keys.clone();
    ssh_keys.sort();
    ssh_keys.dedup();
    Access { operator: wanted.access.operator.name.clone(), ssh_keys }
}

pub(super) fn tls(wanted: &BoxFile) -> Tls {
    match &wanted.tls.ca {
        Some(ca) => Tls::Operator { ca: ca.clone() },
        None => Tls::PerBox,
    }
}

/// An authority of the operator's has its private key elsewhere: nothing on the box can sign in its name.
pub(super) fn certificate(wanted: &BoxFile, has_cloud: bool) -> Result<Certificate, PlanError> {
    match (&wanted.tls.certificate, &wanted.tls.key) {
        (Some(certificate), Some(key)) => {
            Ok(Certificate::Operator { certificate: certificate.clone(), key: key.clone() })
        }
        _ if has_cloud && wanted.tls.ca.is_some() => Err(PlanError::impossible(
            "tls.certificate",
            "the box cannot make certificates of your authority",
            "Name a certificate that it signed and its key as `tls.certificate` and `tls.key`, or leave out `tls.ca`.",
        )),
        _ => Ok(Certificate::PerBox),
    }
}

pub(super) fn ssh(bound: &Bound, why: &mut Why) -> Ssh {
    why.insert("ssh.ports".into(), "what sshd listened on at the first run; it is not moved".into());
    Ssh {
        ports: bound.ssh_ports.clone(),
        settings: SSHD.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}

pub(super) fn sudo(wanted: &BoxFile) -> Sudo {
    let user = wanted.access.operator.name.clone();
    Sudo { rule: format!("{user} ALL=(ALL:ALL) NOPASSWD: ALL"), user }
}
