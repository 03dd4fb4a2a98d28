//! Where packages come from and which of them move by themselves.

use serde::{Deserialize, Serialize};

use super::Why;
use crate::{
    boxfile::{BoxFile, system::Upgrades},
    profile::OsRelease,
};

/// Where a box has its bundle.
pub const BUNDLE: &str = "/var/lib/ciab-bundle";

/// The package manager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apt {
    pub sources: Sources,
    /// What `unattended-upgrades` may install.
    pub upgrades: Upgrades,
    /// The suite that security updates come from: `bookworm-security`.
    pub security_suite: String,
    /// Never updated by themselves.
    pub held: Vec<String>,
    /// The folder of the bundle on the box, where that is the only archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

/// The archives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sources {
    /// Those that the box has are left alone.
    Keep,
    /// These alone.
    These(Vec<Source>),
}

/// One stanza of a deb822 file, sources.list(5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub uri: String,
    pub suites: Vec<String>,
    pub components: Vec<String>,
    /// Path of the keyring.
    pub signed_by: String,
}

pub(super) fn apt(wanted: &BoxFile, release: &OsRelease, why: &mut Why) -> Apt {
    let archive = &release.archive;
    let source = |uri: String, suites: Vec<String>| Source {
        uri,
        suites,
        components: archive.components.clone(),
        signed_by: archive.signed_by.clone(),
    };
    let (mirror, security) = (&wanted.apt.mirror, &wanted.apt.security_mirror);
    let bundle = wanted.offline.bundle.as_ref().map(|_| BUNDLE.to_owned());
    let sources = if let Some(folder) = &bundle {
        why.insert("apt.sources".into(), "the bundle takes the place of every archive".into());
        Sources::These(vec![Source {
            uri: format!("file:{folder}/apt"),
            suites: vec![release.codename.clone()],
            components: vec!["main".to_owned()],
            signed_by: format!("{folder}/apt/ciab-bundle.asc"),
        }])
    } else if mirror.is_none() && security.is_none() {
        why.insert("apt.sources".into(), "the box file names no mirror: what the box has is kept".into());
        Sources::Keep
    } else {
        let or = |own: &Option<_>, common: &str| own.as_ref().map_or(common.to_owned(), ToString::to_string);
        let suites = [release.codename.clone()].into_iter().chain(archive.suites.clone()).collect();
        Sources::These(vec![
            source(or(mirror, &archive.mirror), suites),
            source(or(security, &archive.security_mirror), vec![archive.security_suite.clone()]),
        ])
    };
    Apt {
        sources,
        upgrades: wanted.apt.upgrades,
        security_suite: archive.security_suite.clone(),
        held: release.held.clone(),
        bundle,
    }
}
