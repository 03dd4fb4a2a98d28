//! Whether somebody else on the network has an address.
//!
//! A packet to the address makes the kernel ask the network who has it (ARP, or neighbour discovery); its table of
//! neighbours then tells. That needs no privilege, and the one packet goes to the discard port.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{Holder, Outcome, unknown};
use crate::{
    facts::source::{Source, ThisBox},
    units::Mac,
};

/// The port that throws away what it gets (RFC 863).
const DISCARD: u16 = 9;

/// How often the table of neighbours is looked at.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct Neighbour {
    lladdr: Option<String>,
    #[serde(default)]
    state: Vec<String>,
}

/// `ip -j neigh show to ADDRESS`. `None`: still asking.
fn parse_neighbours(text: &str) -> Result<Option<Holder>, serde_json::Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    for neighbour in serde_json::from_str::<Vec<Neighbour>>(text)? {
        let is = |state: &str| neighbour.state.iter().any(|s| s == state);
        if is("FAILED") {
            return Ok(Some(Holder::Nobody));
        }
        // An entry of old may outlive its host: what counts is an answer to the question just asked.
        if let Some(mac) = neighbour.lladdr.as_deref().filter(|_| is("REACHABLE") || is("PERMANENT")) {
            return Ok(Some(Holder::Another { mac: mac.parse::<Mac>().ok() }));
        }
    }
    Ok(None)
}

#[derive(Deserialize)]
struct Way {
    gateway: Option<IpAddr>,
    via: Option<serde_json::Value>,
}

/// `ip -j route get ADDRESS`: whether it lies on a network that the box is on itself.
fn parse_way(text: &str) -> Result<bool, serde_json::Error> {
    let ways = serde_json::from_str::<Vec<Way>>(text)?;
    Ok(ways.first().is_some_and(|way| way.gateway.is_none() && way.via.is_none()))
}

pub(super) fn measure(address: IpAddr, end: Instant) -> Outcome {
    let here = ThisBox::default();
    let text = address.to_string();
    let ask = |argv: &[&str]| -> Result<String, String> {
        here.command(argv).map_err(|e| format!("ip: {e}"))?.text().map_err(|why| format!("ip: {why}"))
    };
    if UdpSocket::bind(SocketAddr::new(address, 0)).is_ok() {
        return Outcome::Address(Holder::ThisBox);
    }
    match ask(&["ip", "-j", "route", "get", &text]).map(|way| parse_way(&way)) {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return unknown("the box is on no network with this address"),
        Ok(Err(error)) => return unknown(format!("ip route: {error}")),
        Err(why) => return unknown(why),
    }
    if let Err(error) = knock(address) {
        return unknown(format!("send to {address}: {error}"));
    }
    while Instant::now() < end {
        match ask(&["ip", "-j", "neigh", "show", "to", &text]).map(|table| parse_neighbours(&table)) {
            Ok(Ok(Some(holder))) => return Outcome::Address(holder),
            Ok(Ok(None)) => thread::sleep(LOOK),
            Ok(Err(error)) => return unknown(format!("ip neigh: {error}")),
            Err(why) => return unknown(why),
        }
    }
    unknown("the network gave no answer in time")
}

fn knock(address: IpAddr) -> std::io::Result<usize> {
    let local: SocketAddr = if address.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    UdpSocket::bind(local)?.send_to(&[0], (address, DISCARD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_neighbours_tells_who_answers() {
        let entry = |state: &str| format!(r#"[{{"dst":"192.0.2.9","dev":"eth0","state":["{state}"]}}]"#);
        assert_eq!(parse_neighbours(&entry("FAILED")).unwrap(), Some(Holder::Nobody));
        assert_eq!(parse_neighbours(&entry("INCOMPLETE")).unwrap(), None);
        assert_eq!(parse_neighbours("").unwrap(), None);
        let other =
            r#"[{"dst":"192.0.2.9","dev":"eth0","lladdr":"02:00:00:00:00:09","state":["REACHABLE"]}]"#;
        let mac = "02:00:00:00:00:09".parse().ok();
        assert_eq!(parse_neighbours(other).unwrap(), Some(Holder::Another { mac }));
        assert_eq!(parse_neighbours(&other.replace("REACHABLE", "STALE")).unwrap(), None);
    }

    #[test]
    fn only_networks_of_the_box_count() {
        assert!(parse_way(r#"[{"dst":"192.0.2.9","dev":"eth0","prefsrc":"192.0.2.2"}]"#).unwrap());
        assert!(!parse_way(r#"[{"dst":"1.1.1.1","gateway":"192.0.2.1","dev":"eth0"}]"#).unwrap());
        assert!(!parse_way("[]").unwrap());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            let _ = (parse_way(&text), parse_neighbours(&text));
        }
    }
}
