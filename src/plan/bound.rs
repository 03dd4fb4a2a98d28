//! What the first run on a box saw and decided, and every later run takes as given.

use core::net::IpAddr;
use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Addressing, Cloud, Disks, Network, PlanError, seen};
use crate::{
    boxfile::{
        BoxFile,
        names::{ReleaseName, Role, UserName},
        nets::Cidr,
    },
    facts::{
        Facts,
        machine::{Container, Hypervisor},
    },
    profile::Profile,
    units::{Bytes, Mac},
};

/// The version of the document; another one is refused.
pub const SCHEMA: &str = "ciab/bound/v1";

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
    /// The release of the engine, where it has any: a newer `ciab` prefers another one, and a box does not move by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseName>,
    /// Network cards by role.
    #[serde(default)]
    pub cards: BTreeMap<Role, Card>,
    /// Networks of others that were seen near the box; nothing of ours is put there.
    #[serde(default)]
    pub near: Vec<Near>,
    /// Networks of the box by the key of the box file, as decided.
    #[serde(default)]
    pub networks: BTreeMap<String, Decided>,
    /// Addresses that users of the tunnel have or had.
    #[serde(default)]
    pub tunnel: BTreeMap<UserName, IpAddr>,
    /// Name servers that the box asked, and programs that configured its cards.
    #[serde(default)]
    pub before: Before,
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The kernel's name when it was first seen.
    pub interface: String,
    pub mac: Option<Mac>,
}

/// A network of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Near {
    pub net: IpNet,
    /// `the network of eno1`.
    pub what: String,
    /// Docker's own, which may lie where containers get their addresses from.
    pub docker: bool,
}

/// A network of the box, and why it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    pub cidr: Cidr,
    pub instead: Option<String>,
}

/// What configured names and interfaces before we did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Name servers, in the order in which they were asked.
    pub dns: Vec<IpAddr>,
    /// Programs ask systemd-resolved.
    pub resolved: bool,
    /// The management card has a stanza of ifupdown.
    pub ifupdown: bool,
    pub network_manager: bool,
    /// Files that configured interfaces.
    pub files: Vec<String>,
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
    pub gateway: Option<IpAddr>,
    /// As in the facts: `physical`, `bond`, ...
    #[serde(default)]
    pub kind: String,
    /// Some address is leased.
    #[serde(default)]
    pub dynamic: bool,
    /// How an earlier run set the address; it stays so when the box file no longer says it.
    #[serde(default)]
    pub set: Option<Addressing>,
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
        let now = &facts.observed;
        let mut errors = Vec::new();
        let management = seen::management(facts, wanted).map_err(|e| errors.push(e)).ok();
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
        let os_id = os(&now.os.id, "observed.os.id").map_err(|e| errors.push(e)).ok();
        let os_version = os(&now.os.version, "observed.os.version").map_err(|e| errors.push(e)).ok();
        let cards = seen::cards(facts, wanted, BTreeMap::new()).map_err(|e| errors.extend(e)).ok();
        let (Some(management), Some(os_id), Some(os_version), Some(cards)) =
            (management, os_id, os_version, cards)
        else {
            return Err(errors);
        };
        let before = seen::before(facts, &management.interface);
        Ok(Self {
            schema: SCHEMA.to_owned(),
            product_uuid: facts.identity.product.uuid.clone(),
            hypervisor: facts.identity.hypervisor,
            container: now.container,
            os_id,
            os_version,
            memory: facts.identity.memory.size,
            threads: facts.identity.cpu.threads,
            management,
            ssh_ports: seen::ssh_ports(facts, wanted),
            modules: profile
                .needs
                .modules
                .iter()
                .map(|m| (m.name.clone(), seen::needed_module(facts, m)))
                .collect(),
            file_systems: ["/", "/var/lib/docker", "/var/log"]
                .into_iter()
                .filter_map(|folder| Some((folder.to_owned(), seen::file_system(facts, folder)?)))
                .collect(),
            disks: Disks::new(),
            release: None,
            cards,
            near: seen::near(facts),
            networks: BTreeMap::new(),
            tunnel: BTreeMap::new(),
            before,
        })
    }

    /// Takes what an earlier run bound, unless this is another box; roles that are new take their cards now.
    pub(super) fn again(&self, facts: &Facts, wanted: &BoxFile) -> Result<Self, Vec<PlanError>> {
        match (&self.product_uuid, &facts.identity.product.uuid) {
            (Some(then), Some(now)) if then != now => Err(vec![PlanError::unsafe_(
                "identity.product.uuid",
                format!("this is another box than the one set up here: it was {then}, it is {now}"),
                "Use another box file for another box; a disk that was moved brings its record with it.",
            )]),
            _ => {
                let cards = seen::cards(facts, wanted, self.cards.clone())?;
                Ok(Self { cards, ..self.clone() })
            }
        }
    }

    /// Keeps what was decided about networks, so that it stays when the box file no longer says it.
    pub(super) fn with(mut self, network: &Network, disks: Disks, cloud: Option<&Cloud>) -> Self {
        let decided = &network.management;
        match &decided.addressing {
            Addressing::Keep { .. } => {}
            Addressing::Dhcp => {
                (self.management.addresses, self.management.gateway) = (Vec::new(), None);
            }
            Addressing::Static { address, gateway, .. } => {
                (self.management.addresses, self.management.gateway) = (vec![address.0], *gateway);
            }
        }
        self.management.mtu = Some(decided.mtu);
        if decided.stack.is_some() {
            self.management.set = Some(decided.addressing.clone());
        }
        self.networks.extend(network.decided.clone());
        self.tunnel.extend(network.wireguard.iter().flat_map(|own| own.users.clone()));
        self.disks = disks;
        self.release = cloud.map(|cloud| cloud.release.name.clone());
        self
    }

    /// Whether the box is a container, where the kernel is somebody else's.
    pub fn is_container(&self) -> bool {
        !matches!(self.container, None | Some(Container::None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boxfile::ProfileName,
        plan::{Refusal, sample},
    };

    #[test]
    fn another_box_is_refused() {
        let mut facts = sample::server();
        let wanted = serde_json::from_str(r#"{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base"}"#);
        let profile = Profile::load(ProfileName::Base).unwrap();
        let wanted: BoxFile = wanted.unwrap();
        let bound = Bound::first(&facts, &wanted, &profile).unwrap();
        facts.identity.product.uuid = Some("00000000-0000-0000-0000-ac1f6b000001".into());
        assert_eq!(bound.again(&facts, &wanted).unwrap_err()[0].kind, Refusal::Unsafe);
        facts.identity.product.uuid = None;
        assert_eq!(bound.again(&facts, &wanted), Ok(bound), "read without root");
    }
}
