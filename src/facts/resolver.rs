//! Whom the box asks for names.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::reader::Reader;

/// The name servers in use, as resolv.conf(5) lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    /// In the order in which they are asked; those of systemd-resolved where programs ask that.
    pub servers: Vec<IpAddr>,
    pub search: Vec<String>,
    /// Programs ask systemd-resolved on this box, and it asks the servers.
    pub resolved: bool,
}

const FILE: &str = "/etc/resolv.conf";
/// What systemd-resolved itself asks, systemd-resolved.service(8).
const BEHIND: &str = "/run/systemd/resolve/resolv.conf";
/// Where systemd-resolved listens on a box that uses it.
const STUB: [&str; 2] = ["127.0.0.53", "127.0.0.54"];

fn parse(text: &str) -> Resolver {
    let mut found = Resolver::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            // A scope (`fe80::1%eth0`) is no part of the address.
            Some("nameserver") => {
                let address: Option<IpAddr> =
                    words.next().and_then(|word| word.split('%').next()?.parse().ok());
                found.servers.extend(address);
            }
            // Of several the last counts.
            Some("search" | "domain") => found.search = words.map(str::to_owned).collect(),
            _ => {}
        }
    }
    found.resolved = found.servers.iter().any(|server| STUB.contains(&server.to_string().as_str()));
    found
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Resolver> {
    let fact = "observed.resolver";
    let mut found = parse(&reader.needed(fact, FILE)?);
    if found.resolved {
        let behind = parse(&reader.needed(fact, BEHIND)?);
        (found.servers, found.search) = (behind.servers, behind.search);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_search_are_read_as_the_c_library_does() {
        let text = "# comment\ndomain a.org\nsearch b.org c.org\nnameserver 192.0.2.1 # mine\n\
                    nameserver fe80::1%eth0\nnameserver\noptions edns0\n";
        let found = parse(text);
        let servers: Vec<String> = found.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1", "fe80::1"]);
        assert_eq!(found.search, ["b.org", "c.org"]);
        assert!(!found.resolved && parse("nameserver 127.0.0.53\n").resolved);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            parse(&text);
        }
    }
}
