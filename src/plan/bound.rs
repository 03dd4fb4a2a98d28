//! What the first run on a box saw and decided, and every later run takes as given.

use std::{collections::BTreeMap, path::Path};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Addressing, Disks, Management, PlanError};
use crate::{
    boxfile::{BoxFile, access::Target},
    facts::{
        Facts,
        kernel::ModuleState as Seen,
        machine::{Container, Hypervisor},
        nic::link::Link,
        port::Protocol,
    },
    profile::Profile,
    units::{Bytes, Mac},
};

/// The version of the document; another one is refused.
pub const SCHEMA: &str = "ciab/bound/v1";

/// The well-known port of SSH.
const SSH: u16 = 22;

/// What is bound; `bound.json` in the record on the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    pub schema: String,
    /// SMBIOS UUID of the box, where it could be read.
    pub product_uuid: Option<String>,
    pub hypervisor: Option<Hypervisor>,
    pub container: Option<Container>,
    /// `ID` of /etc/os-release.
    pub os_id: String,
    /// `VERSION_ID` of /etc/os-release.
    pub os_version: String,
    pub memory: Option<Bytes>,
    pub threads: Option<u32>,
    pub management: BoundManagement,
    /// Ports that sshd listens on.
    pub ssh_ports: Vec<u16>,
    /// Kernel modules that the profile wants.
    pub modules: BTreeMap<String, ModuleState>,
    /// File system below each folder that something is sized by, and its size.
    pub file_systems: BTreeMap<String, FileSystem>,
    /// The disks taken by each role.
    pub disks: Disks,
}

/// The interface that the box is reached on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundManagement {
    pub interface: String,
    pub mac: Option<Mac>,
    pub mtu: Option<u32>,
    /// Not link-local.
    pub addresses: Vec<IpNet>,
    pub gateway: Option<std::net::IpAddr>,
}

/// How the kernel has a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleState {
    /// It has to be loaded at each boot.
    Load,
    /// It is there whatever we do: built in, or the host's where the box is a container.
    Present,
    Absent,
}

/// A file system by type and size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSystem {
    pub fs: String,
    pub size: Option<Bytes>,
    /// Free for an ordinary user when the first run began.
    pub available: Option<Bytes>,
}

impl Bound {
    /// Binds what is there now.
    pub(super) fn first(facts: &Facts, wanted: &BoxFile, profile: &Profile) -> Result<Self, Vec<PlanError>> {
        let seen = &facts.observed;
        let mut errors = Vec::new();
        let management = management(facts).map_err(|e| errors.push(e)).ok();
        let os = |value: &Option<String>, fact: &str| {
            value.clone().ok_or_else(|| {
                let why = facts.why_unknown(fact).unwrap_or("not told");
                PlanError::impossible(
                    "os.release",
                    format!("the operating system is unknown: {why}"),
                    "Look at /etc/os-release on the box.",
                )
            })
        };
        let os_id = os(&seen.os.id, "observed.os.id").map_err(|e| errors.push(e)).ok();
        let os_version = os(&seen.os.version, "observed.os.version").map_err(|e| errors.push(e)).ok();
        let (Some(management), Some(os_id), Some(os_version)) = (management, os_id, os_version) else {
            return Err(errors);
        };
        Ok(Self {
            schema: SCHEMA.to_owned(),
            product_uuid: facts.identity.product.uuid.clone(),
            hypervisor: facts.identity.hypervisor,
            container: seen.container,
            os_id,
            os_version,
            memory: facts.identity.memory.size,
            threads: facts.identity.cpu.threads,
            management,
            ssh_ports: ssh_ports(facts, wanted),
            modules: profile.needs.modules.iter().map(|m| (m.name.clone(), module(facts, &m.name))).collect(),
            file_systems: ["/", "/var/lib/docker", "/var/log"]
                .into_iter()
                .filter_map(|folder| Some((folder.to_owned(), file_system(facts, folder)?)))
                .collect(),
            disks: Disks::new(),
        })
    }

    /// Takes what an earlier run bound, unless this is another box.
    pub(super) fn again(&self, facts: &Facts) -> Result<Self, Vec<PlanError>> {
        match (&self.product_uuid, &facts.identity.product.uuid) {
            (Some(then), Some(now)) if then != now => Err(vec![PlanError::unsafe_(
                "identity.product.uuid",
                format!("this is another box than the one set up here: it was {then}, it is {now}"),
                "Use another box file for another box; a disk that was moved brings its record with it.",
            )]),
            _ => Ok(self.clone()),
        }
    }

    /// Keeps what was decided about the way to the box, so that it stays when the box file no longer says it.
    pub(super) fn with(mut self, decided: &Management, disks: Disks) -> Self {
        match &decided.addressing {
            Addressing::Keep { .. } => {}
            Addressing::Dhcp => (self.management.addresses, self.management.gateway) = (Vec::new(), None),
            Addressing::Static { address, gateway, .. } => {
                (self.management.addresses, self.management.gateway) = (vec![address.0], *gateway);
            }
        }
        self.management.mtu = Some(decided.mtu);
        self.disks = disks;
        self
    }

    /// Whether the box is a container, where the kernel is somebody else's.
    pub fn is_container(&self) -> bool {
        !matches!(self.container, None | Some(Container::None))
    }
}

/// The interface of the default route with the lowest metric; without one, the only one that carries an address.
fn management(facts: &Facts) -> Result<BoundManagement, PlanError> {
    let routes = facts.observed.routes.as_deref().unwrap_or_default();
    let mut defaults: Vec<_> = routes.iter().filter(|r| r.is_default() && r.link.is_some()).collect();
    defaults.sort_by_key(|r| (r.to.addr().is_ipv6(), r.metric.unwrap_or(0)));
    let by_route = defaults.first().and_then(|r| r.link.as_deref());
    if let [first, second, ..] = defaults.as_slice()
        && (first.to, first.metric) == (second.to, second.metric)
        && first.link != second.link
    {
        return Err(PlanError::impossible(
            "nics.management",
            format!(
                "two default routes have the same metric, over {} and {}",
                first.link.as_deref().unwrap_or_default(),
                second.link.as_deref().unwrap_or_default()
            ),
            "Take one of them away, or name the network card in `nics.management.match`.",
        ));
    }
    let carriers: Vec<&Link> = facts
        .observed
        .links
        .iter()
        .filter(|l| l.kind != "loopback" && l.up && l.addresses.iter().any(|a| a.scope == "global"))
        .collect();
    let link = match (by_route, carriers.as_slice()) {
        (Some(name), _) => facts.observed.links.iter().find(|l| l.name == name),
        (None, [only]) => Some(*only),
        (None, _) => None,
    };
    let link = link.ok_or_else(|| {
        let names: Vec<&str> = carriers.iter().map(|l| l.name.as_str()).collect();
        let found = if names.is_empty() { "none has an address".to_owned() } else { names.join(", ") };
        PlanError::impossible(
            "nics.management",
            format!("there is no default route, and which interface the box is reached on is open: {found}"),
            "Set a default route, or name the network card in `nics.management.match`.",
        )
    })?;
    let gateway = defaults.iter().find(|r| r.link.as_deref() == Some(&link.name)).and_then(|r| r.via);
    let nic = link.nic.as_ref().and_then(|id| facts.identity.nics.iter().find(|n| &n.id == id));
    let mut addresses: Vec<IpNet> =
        link.addresses.iter().filter(|a| a.scope == "global").map(|a| a.net).collect();
    addresses.sort();
    Ok(BoundManagement {
        interface: link.name.clone(),
        mac: nic.and_then(|n| n.mac).or(link.mac),
        mtu: link.mtu,
        addresses,
        gateway,
    })
}

/// The well-known port and the one we log in to, as far as they are listened on.
fn ssh_ports(facts: &Facts, wanted: &BoxFile) -> Vec<u16> {
    let target = match &wanted.access.target {
        Target::Ssh(login) => login.port,
        Target::Local => None,
    };
    let mut known: Vec<u16> = target.into_iter().chain([SSH]).collect();
    known.sort_unstable();
    known.dedup();
    let listened = |port: &u16| match &facts.observed.listeners {
        Some(all) => all.iter().any(|l| l.protocol == Protocol::Tcp && l.port == *port),
        None => true,
    };
    let open: Vec<u16> = known.iter().copied().filter(listened).collect();
    // Nothing listens where we know to look (a forwarded port): keep both open rather than lock anybody out.
    if open.is_empty() { known } else { open }
}

fn module(facts: &Facts, name: &str) -> ModuleState {
    let inside = !matches!(facts.observed.container, None | Some(Container::None));
    let Some(modules) = &facts.observed.kernel.modules else {
        return if inside { ModuleState::Absent } else { ModuleState::Load };
    };
    match modules.iter().find(|m| m.name == name).map(|m| m.state) {
        Some(Seen::Builtin) => ModuleState::Present,
        Some(Seen::Loaded) if inside => ModuleState::Present,
        Some(Seen::Available) if inside => ModuleState::Absent,
        Some(Seen::Loaded | Seen::Available) => ModuleState::Load,
        None => ModuleState::Absent,
    }
}

/// The file system that holds a folder now.
pub(super) fn file_system(facts: &Facts, folder: &str) -> Option<FileSystem> {
    let mounts = facts.observed.mounts.as_deref()?;
    let holds = |point: &str| Path::new(folder).starts_with(point);
    let mount = mounts.iter().filter(|m| holds(&m.point)).max_by_key(|m| m.point.len())?;
    Some(FileSystem { fs: mount.fs.clone(), size: mount.size, available: mount.available })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn the_box_is_reached_over_the_best_default_route() {
        let mut facts = sample::server();
        assert_eq!(management(&facts).unwrap().interface, "eno1");

        let mut second = facts.observed.routes.clone().unwrap()[0].clone();
        second.link = Some("eno2".into());
        facts.observed.routes.as_mut().unwrap().push(second);
        let error = management(&facts).unwrap_err();
        assert_eq!(error.message, "two default routes have the same metric, over eno1 and eno2");

        facts.observed.routes.as_mut().unwrap()[0].metric = Some(100);
        assert_eq!(management(&facts).unwrap().interface, "eno2", "the lower metric wins");

        facts.observed.routes = Some(Vec::new());
        assert_eq!(management(&facts).unwrap().interface, "eno1", "the only one that carries an address");
        facts.observed.links[1].addresses.clear();
        assert!(management(&facts).is_err());
    }

    #[test]
    fn another_box_is_refused() {
        let mut facts = sample::server();
        let wanted = serde_json::from_str(r#"{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base"}"#);
        let profile = Profile::load(crate::boxfile::ProfileName::Base).unwrap();
        let bound = Bound::first(&facts, &wanted.unwrap(), &profile).unwrap();
        facts.identity.product.uuid = Some("00000000-0000-0000-0000-ac1f6b000001".into());
        assert_eq!(bound.again(&facts).unwrap_err()[0].kind, super::super::Refusal::Unsafe);
        facts.identity.product.uuid = None;
        assert_eq!(bound.again(&facts), Ok(bound), "read without root");
    }

    #[test]
    fn ports_of_ssh_are_never_locked_out() {
        let mut facts = sample::server();
        let at = |target: &str| {
            let text = format!(
                r#"{{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base", "access": {{"target": "{target}"}}}}"#
            );
            serde_json::from_str::<BoxFile>(&text).unwrap()
        };
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10")), [22]);
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10:2222")), [22], "a forwarded port");
        facts.observed.listeners.as_mut().unwrap()[0].port = 2222;
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10:2222")), [2222]);
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10")), [22], "none found: the usual one stays open");
        facts.observed.listeners = None;
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10:2222")), [22, 2222]);
    }

    #[test]
    fn a_container_is_asked_to_load_nothing() {
        let facts = sample::container();
        assert_eq!(module(&facts, "overlay"), ModuleState::Present);
        assert_eq!(module(&facts, "dummy"), ModuleState::Absent);
        assert_eq!(module(&sample::server(), "dummy"), ModuleState::Load);
    }
}
