//! A look at the box, for defaults.

use std::future::Future;

use ipnet::IpNet;

use crate::{
    boxfile::BoxFile,
    facts::{Facts, nic::link::Link},
    failure::Failure,
    plan::selector::{about_disk, about_nic, obstacles},
    profile::Profile,
};

/// Looks at the box that a box file names.
pub trait Eyes {
    fn look(&mut self, boxfile: &BoxFile) -> impl Future<Output = Result<Seen, Failure>>;
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub facts: Facts,
    /// The fingerprint of the box's host key, where it was reached over SSH.
    pub host_key: Option<String>,
}

impl Seen {
    /// The interface of the default route, IPv4 before IPv6, the lowest metric first.
    pub(super) fn way_out(&self) -> Option<(&Link, Option<std::net::IpAddr>)> {
        let routes = self.facts.observed.routes.as_deref().unwrap_or_default();
        let defaults = routes.iter().filter(|route| route.is_default() && route.link.is_some());
        let best = defaults.min_by_key(|route| (route.to.addr().is_ipv6(), route.metric.unwrap_or(0)))?;
        let link = self.facts.observed.links.iter().find(|link| Some(&link.name) == best.link.as_ref())?;
        Some((link, best.via))
    }

    /// The first address that others reach, IPv4 before IPv6, and whether it is leased.
    pub(super) fn address_of(link: &Link) -> Option<(IpNet, bool)> {
        let global = link.addresses.iter().filter(|address| address.scope == "global");
        global
            .min_by_key(|address| address.net.addr().is_ipv6())
            .map(|address| (address.net, address.dynamic))
    }

    /// What one would want to know before going on, in lines.
    pub(super) fn summary(&self, profile: &Profile) -> String {
        let Facts { identity, observed, .. } = &self.facts;
        let os = observed.os.name.clone().unwrap_or_else(|| "an unknown system".to_owned());
        let threads = identity.cpu.threads.map(|n| format!("{n} threads"));
        let memory = identity.memory.size.map(|size| format!("{} of memory", size.human()));
        let parts: Vec<String> = [Some(os), threads, memory].into_iter().flatten().collect();
        let mut lines = vec![format!("It runs {}.", parts.join(", "))];
        for disk in &identity.disks {
            let obstacles = obstacles(disk, &self.facts);
            let taken =
                if obstacles.is_empty() { String::new() } else { format!(" ({})", obstacles.join(", ")) };
            lines.push(format!("  disk: {}{taken}", about_disk(disk, &self.facts)));
        }
        lines.extend(
            identity.nics.iter().map(|nic| format!("  network card: {}", about_nic(nic, &self.facts))),
        );
        if let (Some(id), Some(version)) = (&observed.os.id, &observed.os.version)
            && profile.os_release(id, version).is_none()
        {
            let known: Vec<&str> = profile.os.iter().map(|os| os.title.as_str()).collect();
            lines.push(format!(
                "This profile is made for {}: `ciab check` will refuse this box.",
                known.join(", ")
            ));
        }
        lines.join("\n")
    }
}
