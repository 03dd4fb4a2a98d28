//! Names, by the resolver that every program of the box uses.

use std::net::{IpAddr, ToSocketAddrs};

use super::{Outcome, refused};

/// Blocks as long as the resolver does; [`super::take`] waits no longer than the deadline.
pub(super) fn measure(name: &str) -> Outcome {
    match (name, 0).to_socket_addrs() {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = found.map(|a| a.ip()).collect();
            addresses.sort();
            addresses.dedup();
            if addresses.is_empty() { refused("the name has no address") } else { Outcome::Dns { addresses } }
        }
        Err(error) => refused(format!("resolve {name}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_own_name() {
        assert_eq!(measure("192.0.2.7"), Outcome::Dns { addresses: vec!["192.0.2.7".parse().unwrap()] });
        assert!(matches!(measure("no name at all"), Outcome::Refused { .. }));
    }
}
