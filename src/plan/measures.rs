//! What has to be tried on the box before it can be judged.

use core::net::IpAddr;

use super::{Addressing, Bound, Network, Why, docker::DATA_ROOT, network};
use crate::{
    boxfile::{BoxFile, names::HostOrIp, nets::InterfaceAddress, network::Proxy},
    facts::{Facts, clock::TimeService},
    measure::{Measure, MeasureRequest},
    profile::Profile,
};

/// What checks of this profile want tried; nothing on it changes the box.
pub fn measures(wanted: &BoxFile, profile: &Profile, facts: &Facts) -> Vec<MeasureRequest> {
    let network = Bound::first(facts, wanted, profile)
        .ok()
        .and_then(|bound| network::make(wanted, profile, &bound, &mut Why::new()).ok());
    let addresses = network.iter().flat_map(|network| near(network, facts));
    let mut requests: Vec<MeasureRequest> = addresses
        .map(|address| Measure::Address { address })
        .chain(name(wanted, profile, facts).map(|name| Measure::Dns { name }))
        .chain(name_servers(wanted, profile, facts))
        .chain(servers(wanted).map(|server| Measure::Ntp { server }))
        .map(MeasureRequest::new)
        .collect();
    if facts.observed.clock.services.contains(&TimeService::Chrony) {
        requests.push(MeasureRequest::new(Measure::Chrony));
    }
    let deployed =
        |network: &Network| facts.observed.links.iter().any(|link| link.name == network.internal.interface);
    if !network.as_ref().is_some_and(deployed) {
        requests.push(MeasureRequest::new(fsync(facts)));
    }
    requests
}

/// Where the databases and images will lie; before anything is installed, the nearest folder above it.
pub(super) fn fsync(facts: &Facts) -> Measure {
    let mounts = facts.observed.mounts.iter().flatten();
    let own = mounts.clone().any(|mount| mount.point == DATA_ROOT);
    Measure::Fsync { folder: if own { DATA_ROOT.to_owned() } else { "/var/lib".to_owned() } }
}

/// The name that the first download resolves; none where an address is given, or a bundle takes its place.
pub(super) fn name(wanted: &BoxFile, profile: &Profile, facts: &Facts) -> Option<String> {
    if wanted.offline.bundle.is_some() {
        return None;
    }
    let proxy =
        wanted.network.proxy.as_ref().and_then(|Proxy { http, https, .. }| http.as_ref().or(https.as_ref()));
    let os = &facts.observed.os;
    let archive = profile.os_release(os.id.as_deref()?, os.version.as_deref()?);
    let url = proxy
        .or(wanted.apt.mirror.as_ref())
        .map(ToString::to_string)
        .or_else(|| archive.map(|release| release.archive.mirror.clone()))?;
    host(&url).filter(|host| host.parse::<IpAddr>().is_err())
}

/// Each name server that the box is to ask, or asks now, with the name of the first download.
pub(super) fn name_servers(
    wanted: &BoxFile,
    profile: &Profile,
    facts: &Facts,
) -> impl Iterator<Item = Measure> + use<> {
    /// resolv.conf(5): more are not asked.
    const MOST: usize = 3;
    let own = &wanted.network.dns;
    let now = facts.observed.resolver.iter().flat_map(|resolver| &resolver.servers);
    let servers: Vec<IpAddr> = if own.is_empty() { now.copied().collect() } else { own.clone() };
    let name = name(wanted, profile, facts);
    let ask = move |server| Some(Measure::NameServer { server, name: name.clone()? });
    servers.into_iter().take(MOST).filter_map(ask)
}

/// The host of a URL, without its port.
fn host(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    (!host.is_empty()).then(|| host.to_owned())
}

/// The time servers that the box file names.
pub(super) fn servers(wanted: &BoxFile) -> impl Iterator<Item = String> {
    wanted.network.ntp.iter().map(HostOrIp::to_string)
}

/// Addresses that the box will take and that somebody on one of its networks could have already.
pub(super) fn near(network: &Network, facts: &Facts) -> Vec<IpAddr> {
    let links = facts.observed.links.iter().filter(|link| !super::seen::is_ours(&link.name));
    let addresses = |scope: &str| -> Vec<_> {
        links.clone().flat_map(|l| &l.addresses).filter(|a| a.scope == scope).map(|a| a.net).collect()
    };
    let nets = addresses("global");
    taken(network)
        .into_iter()
        .filter(|address| nets.iter().any(|net| net.contains(address)))
        .filter(|address| !nets.iter().any(|net| net.addr() == *address))
        .collect()
}

/// Whether the box file gives the box this address on the network that it is reached on.
pub(super) fn is_own(network: &Network, address: IpAddr) -> bool {
    matches!(&network.management.addressing, Addressing::Static { .. })
        && network.management.addresses().iter().any(|own| own.addr() == address)
}

/// Every address that the box will take.
pub(super) fn taken(network: &Network) -> Vec<IpAddr> {
    let own = match &network.management.addressing {
        Addressing::Static { .. } => network.management.addresses(),
        Addressing::Keep { .. } | Addressing::Dhcp => Vec::new(),
    };
    let own = own.into_iter().map(|address| address.addr());
    let routers = network.physical.iter().flat_map(|physical| &physical.addresses);
    [network.internal.vip, network.internal.address]
        .into_iter()
        .chain(network.internal.address6)
        .chain(own)
        .chain(routers.map(InterfaceAddress::address))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{boxfile::ProfileName, plan::sample};

    fn wanted(network: &str) -> BoxFile {
        let text =
            format!(r#"{{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base", "network": {network}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn asked(facts: &Facts, network: &str) -> Vec<Measure> {
        let profile = Profile::load(ProfileName::Base).unwrap();
        measures(&wanted(network), &profile, facts).into_iter().map(|request| request.measure).collect()
    }

    #[test]
    fn only_what_can_be_near_is_asked_for() {
        let facts = sample::server();
        let dns = |name: &str| Measure::Dns { name: name.into() };
        let fsync = Measure::Fsync { folder: "/var/lib".into() };
        let all = asked(&facts, r#"{"ntp": ["192.0.2.1"]}"#);
        assert_eq!(all, [dns("deb.debian.org"), Measure::Ntp { server: "192.0.2.1".into() }, fsync.clone()]);

        let near = asked(&facts, r#"{"internal": "192.0.2.0/24"}"#);
        let address = |text: &str| Measure::Address { address: text.parse().unwrap() };
        assert_eq!(near[0], address("192.0.2.9"), "and not .10, which the box has itself");
        assert_eq!(near[1], dns("deb.debian.org"));

        let later = asked(&sample::deployed(&facts), "{}");
        assert_eq!(later, [dns("deb.debian.org"), Measure::Chrony], "a later run waits for no disk");
        let proxy = asked(&facts, r#"{"proxy": {"http": "http://[2001:db8::1]:3128"}}"#);
        assert_eq!(proxy, [fsync], "an address needs no name server");
    }
}
