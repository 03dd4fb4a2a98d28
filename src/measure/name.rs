//! Names, by the resolver that every program of the box uses.
//!
//! That resolver is glibc's with its modules (`nsswitch.conf`), which a static binary cannot load, so `getent` asks it.

use std::{
    io::{self, Read},
    net::{IpAddr, ToSocketAddrs},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Outcome, refused, unknown};

/// How often the child is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// The exit code of getent(1) for a name that is not there.
const NOT_FOUND: i32 = 2;

/// More addresses than any name needs.
const MOST: usize = 64;

pub(super) fn measure(name: &str, end: Instant) -> Outcome {
    match resolve(name, end) {
        Ok(addresses) if addresses.is_empty() => refused("the name has no address"),
        Ok(addresses) => Outcome::Dns { addresses },
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => unknown(error.to_string()),
        Err(error) => refused(format!("resolve {name}: {error}")),
    }
}

/// The addresses of a name, in rising order; an address is its own name.
pub(super) fn resolve(name: &str, end: Instant) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    // `getent` would read it as a flag, and a resolver as something else.
    if name.is_empty()
        || name.starts_with('-')
        || name.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no name"));
    }
    let child = Command::new("getent")
        .args(["ahosts", name])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(child) => answer(child, end),
        // A box without getent has no glibc either, and its resolver is this binary's.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let found = (name, 0).to_socket_addrs()?.map(|address| address.ip());
            Ok(ordered(found.collect()))
        }
        Err(error) => Err(error),
    }
}

/// Waits for the child, and ends it when its time is over. What it says always fits into its pipe.
fn answer(mut child: Child, end: Instant) -> io::Result<Vec<IpAddr>> {
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() >= end => {
                child.kill()?;
                child.wait()?;
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no name server answered in time"));
            }
            None => thread::sleep(LOOK),
        }
    };
    let mut text = String::new();
    child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut text)).transpose()?;
    match status.code() {
        Some(0) => Ok(parse(&text)),
        Some(NOT_FOUND) => {
            Err(io::Error::new(io::ErrorKind::NotFound, "no name server knows it, or none answers"))
        }
        _ => Err(io::Error::other(format!("getent: {status}"))),
    }
}

/// `getent ahosts`: an address, the kind of socket, and on an address's first line the canonical name.
fn parse(text: &str) -> Vec<IpAddr> {
    ordered(text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect())
}

fn ordered(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort();
    addresses.dedup();
    addresses.truncate(MOST);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn an_address_is_its_own_name() {
        let itself = Outcome::Dns { addresses: vec!["192.0.2.7".parse().unwrap()] };
        assert_eq!(measure("192.0.2.7", soon()), itself);
        for odd in ["no name at all", "", "--help", "a\nb"] {
            assert!(matches!(measure(odd, soon()), Outcome::Unknown { .. }), "{odd}");
        }
        let Outcome::Dns { addresses } = measure("localhost", soon()) else {
            panic!("everybody knows localhost")
        };
        assert!(addresses.iter().all(IpAddr::is_loopback));
    }

    #[test]
    fn each_address_counts_once() {
        let text = "192.0.2.7  STREAM example.org\n192.0.2.7  DGRAM\n2001:db8::1 STREAM\nodd\n\n";
        assert_eq!(parse(text).len(), 2);
    }

    #[test]
    fn a_resolver_that_hangs_is_ended() {
        let child = Command::new("sleep").arg("60").stdout(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        let error = answer(child, begun + Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
