//! Routes of the main table.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::facts::reader::Reader;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub to: IpNet,
    pub via: Option<IpAddr>,
    /// Interface; a route that refuses (`unreachable`, `blackhole`) has none.
    pub link: Option<String>,
    pub metric: Option<u32>,
    /// Who set it: `kernel`, `dhcp`, `ra`, `static`, `boot`.
    pub protocol: Option<String>,
    /// The source address it prefers.
    pub source: Option<IpAddr>,
}

impl Route {
    pub fn is_default(&self) -> bool {
        self.to.prefix_len() == 0
    }
}

/// What `ip -j route` prints for one route, as far as it is used here.
#[derive(Deserialize)]
struct Shown {
    dst: String,
    gateway: Option<IpAddr>,
    via: Option<Via>,
    dev: Option<String>,
    metric: Option<u32>,
    protocol: Option<String>,
    prefsrc: Option<IpAddr>,
    #[serde(default)]
    nexthops: Vec<Hop>,
}

#[derive(Deserialize)]
struct Hop {
    gateway: Option<IpAddr>,
    via: Option<Via>,
    dev: Option<String>,
}

/// A next hop of the other family: IPv4 through an IPv6 router.
#[derive(Deserialize)]
struct Via {
    host: IpAddr,
}

/// Reads the document of `ip -j route`; a route over several hops gives one entry each.
fn parse(text: &str, default: IpNet) -> Result<Vec<Route>, serde_json::Error> {
    let mut routes = Vec::new();
    for mut shown in serde_json::from_str::<Vec<Shown>>(text)? {
        let to = match shown.dst.as_str() {
            "default" => Some(default),
            dst => dst.parse().or_else(|_| dst.parse::<IpAddr>().map(IpNet::from)).ok(),
        };
        let Some(to) = to else { continue };
        if shown.nexthops.is_empty() {
            shown.nexthops.push(Hop { gateway: shown.gateway, via: shown.via.take(), dev: shown.dev.take() });
        }
        for hop in shown.nexthops {
            routes.push(Route {
                to,
                via: hop.gateway.or(hop.via.map(|v| v.host)),
                link: hop.dev,
                metric: shown.metric,
                protocol: shown.protocol.clone(),
                source: shown.prefsrc,
            });
        }
    }
    Ok(routes)
}

pub(in crate::facts) fn read(reader: &mut Reader<'_>) -> Option<Vec<Route>> {
    let fact = "observed.routes";
    let mut routes = Vec::new();
    let families = [("-4", IpNet::from(Ipv4Net::default())), ("-6", IpNet::from(Ipv6Net::default()))];
    for (family, default) in families {
        let text = reader.output(fact, &["ip", "-j", family, "route", "show"])?;
        // Older versions print nothing, not an empty list, where there is no route.
        let text = if text.trim().is_empty() { "[]" } else { &text };
        match parse(text, default) {
            Ok(found) => routes.extend(found),
            Err(error) => {
                reader.note(fact, format!("`ip {family} route`: {error}"));
                return None;
            }
        }
    }
    Some(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_host_and_multipath_routes_are_read() {
        let text = r#"[
            {"dst":"default","gateway":"192.0.2.1","dev":"br0","protocol":"dhcp","prefsrc":"192.0.2.7","metric":100,"flags":[]},
            {"dst":"192.0.2.0/24","dev":"br0","protocol":"kernel","scope":"link","flags":[]},
            {"dst":"192.0.2.1","dev":"br0","flags":["linkdown"]},
            {"dst":"198.51.100.0/24","nexthops":[{"gateway":"192.0.2.1","dev":"a"},{"via":{"family":"inet6","host":"fe80::1"},"dev":"b"}]},
            {"type":"unreachable","dst":"10.0.0.0/8"},
            {"dst":"nonsense"}]"#;
        let routes = parse(text, IpNet::from(Ipv4Net::default())).unwrap();
        assert_eq!(routes.len(), 6);
        assert!(routes[0].is_default() && !routes[1].is_default());
        assert_eq!(routes[2].to.to_string(), "192.0.2.1/32");
        assert_eq!(routes[4].via.map(|v| v.to_string()).as_deref(), Some("fe80::1"));
        assert_eq!(routes[5].link, None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            let _ = parse(&text, IpNet::from(Ipv4Net::default()));
        }
    }
}
