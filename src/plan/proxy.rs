//! The way to the internet, and what is reached without it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Containers, Internal, Management, Provider};
use crate::boxfile::{BoxFile, names::Role, system::Url};

/// The way to the internet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Proxy {
    Direct,
    Via {
        http: Option<Url>,
        https: Option<Url>,
        /// What is reached directly: the box's own names and networks, then the operator's.
        no_proxy: Vec<String>,
    },
}

pub(super) fn make(
    wanted: &BoxFile,
    management: &Management,
    internal: &Internal,
    containers: &Containers,
    provider: &BTreeMap<Role, Provider>,
) -> Proxy {
    let Some(own) = &wanted.network.proxy else { return Proxy::Direct };
    let addresses = management.addresses().into_iter().map(|a| a.addr().to_string());
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut seen = BTreeSet::new();
    let no_proxy = names
        .into_iter()
        .chain([wanted.name.to_string(), wanted.fqdn(), format!("api.{}", wanted.fqdn())])
        .chain(addresses)
        .chain([internal.cidr.to_string(), containers.cidr.to_string()])
        .chain(provider.values().map(|p| p.cidr.to_string()))
        .chain(own.no_proxy.iter().map(ToString::to_string))
        .filter(|entry| seen.insert(entry.clone()))
        .collect();
    Proxy::Via { http: own.http.clone(), https: own.https.clone(), no_proxy }
}
