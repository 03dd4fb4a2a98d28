//! Ports in use.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::reader::Reader;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub protocol: Protocol,
    pub port: u16,
    pub address: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

/// The tables of the kernel (`proc_net_tcp`), with the state that a listening or bound socket is in.
const TABLES: [(&str, Protocol, &str); 4] = [
    ("/proc/net/tcp", Protocol::Tcp, "0A"),
    ("/proc/net/tcp6", Protocol::Tcp, "0A"),
    ("/proc/net/udp", Protocol::Udp, "07"),
    ("/proc/net/udp6", Protocol::Udp, "07"),
];

/// One line: number, local address, remote address, state, and more.
fn parse_line(line: &str, protocol: Protocol, state: &str) -> Option<Listener> {
    let mut fields = line.split_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    if fields.nth(1)? != state {
        return None;
    }
    Some(Listener { protocol, port: u16::from_str_radix(port, 16).ok()?, address: parse_address(address)? })
}

/// Words of 32 bits as the processor has them in memory; every architecture of ours is little-endian.
fn parse_address(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = digits.get(at..at + 8)?;
        u32::from_str_radix(word, 16).ok().map(u32::swap_bytes)
    };
    match digits.len() {
        8 => Some(IpAddr::from(word(0)?.to_be_bytes())),
        32 => {
            let mut bytes = [0; 16];
            for (at, octets) in bytes.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(at * 8)?.to_be_bytes());
            }
            Some(IpAddr::from(bytes))
        }
        _ => None,
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Vec<Listener>> {
    let mut listeners = Vec::new();
    for (path, protocol, state) in TABLES {
        // A box with thousands of connections has long tables: only the lines that count are kept.
        match reader.source.lines(path, &|line| parse_line(line, protocol, state).is_some()) {
            Ok(text) => listeners.extend(text.lines().filter_map(|l| parse_line(l, protocol, state))),
            // No IPv6 in this kernel.
            Err(_) if path.ends_with('6') && !reader.exists(path) => {}
            Err(error) => {
                reader.failed("observed.listeners", path, &error);
                return None;
            }
        }
    }
    listeners.sort();
    listeners.dedup();
    Some(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_the_order_of_memory() {
        let line =
            "   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1";
        let listener = parse_line(line, Protocol::Tcp, "0A").unwrap();
        assert_eq!((listener.address.to_string().as_str(), listener.port), ("127.0.0.1", 53));
        let line = "  1: 000000000000000000000000 01000000:0016 0:0 0A";
        assert_eq!(parse_line(line, Protocol::Tcp, "0A"), None);
        let line = "  1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A x";
        assert_eq!(parse_line(line, Protocol::Tcp, "0A").unwrap().address.to_string(), "::1");
        let line = "  1: 00000000:0016 00000000:0000 01 x";
        assert_eq!(parse_line(line, Protocol::Tcp, "0A"), None, "connected");
        assert_eq!(parse_address("ééééabcd"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String, digits in "[0-9A-Fé+]{0,34}") {
            parse_line(&text, Protocol::Tcp, "0A");
            parse_line(&format!("0: {digits}:0016 x 0A"), Protocol::Tcp, "0A");
        }
    }
}
