//! Addresses of interfaces, which systemd-networkd sets from its files.

use std::{
    net::IpAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;
use serde::Deserialize;

use super::{Changed, Host, link::exists};
use crate::step::Answer;

/// How long networkd may take for an address; duplicate detection alone takes seconds.
const SETTLE: Duration = Duration::from_secs(15);

/// The part of `ip -json address show` that is looked at.
#[derive(Debug, Deserialize)]
struct Link {
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    local: Option<IpAddr>,
    prefixlen: Option<u8>,
    /// Duplicate detection goes on, or has found a second holder.
    #[serde(default)]
    tentative: bool,
    #[serde(default)]
    dadfailed: bool,
}

pub(super) fn probe(interface: &str, cidr: &str, host: &Host) -> Result<Answer> {
    let wanted: IpNet = cidr.parse().with_context(|| format!("`{cidr}` is no address with prefix length"))?;
    if !exists(interface, host)? {
        return Ok(Answer::Missing(format!("interface {interface} does not exist")));
    }
    let text = host.call(["ip", "-json", "address", "show", "dev", interface]).ok()?;
    let links: Vec<Link> = serde_json::from_str(&text).context("read what ip says of addresses")?;
    let same =
        |has: &&Address| (has.local, has.prefixlen) == (Some(wanted.addr()), Some(wanted.prefix_len()));
    Ok(match links.iter().flat_map(|link| &link.addr_info).find(same) {
        None => Answer::Missing(format!("{interface} has no {cidr}")),
        Some(has) if has.dadfailed => {
            Answer::Missing(format!("{cidr} on {interface} is used by another host"))
        }
        Some(has) if has.tentative => {
            Answer::Missing(format!("{cidr} on {interface} is being checked for a second holder"))
        }
        Some(_) => Answer::Holds,
    })
}

pub(super) fn apply(interface: &str, cidr: &str, host: &Host) -> Result<Changed> {
    host.call(["networkctl", "reload"]).ok()?;
    let start = Instant::now();
    let mut told = false;
    loop {
        // Reload makes a missing bridge or dummy; only then can it be told to take its addresses.
        if !told && exists(interface, host)? {
            host.call(["networkctl", "reconfigure", interface]).ok()?;
            told = true;
        }
        match probe(interface, cidr, host)? {
            Answer::Holds => return Ok(Changed::new("configured")),
            Answer::Missing(why) | Answer::CannotTell(why) if start.elapsed() > SETTLE => {
                let status =
                    host.call(["networkctl", "--no-pager", "--lines=5", "status", interface]).output()?;
                bail!("{why} after {} s; networkctl says:\n{}", SETTLE.as_secs(), status.stdout.trim_end());
            }
            _ => sleep(Duration::from_millis(200)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    fn said(addresses: &str) -> String {
        let b = Box::new().says(
            "ip -json",
            0,
            &format!(r#"[{{}},{{"ifname":"br0","addr_info":[{addresses}]}}]"#),
        );
        b.file("/sys/class/net/br0/mtu", "1500");
        format!("{:?}", probe("br0", "192.0.2.7/24", &b.host).unwrap())
    }

    #[test]
    fn an_address_holds_with_its_prefix_and_once_it_is_usable() {
        assert_eq!(said(r#"{"family":"inet","local":"192.0.2.7","prefixlen":24}"#), "Holds");
        assert!(said(r#"{"local":"192.0.2.7","prefixlen":16}"#).contains("br0 has no 192.0.2.7/24"));
        assert!(said(r#"{"local":"192.0.2.7","prefixlen":24,"tentative":true}"#).contains("second holder"));
        assert!(said(r#"{"local":"192.0.2.7","prefixlen":24,"dadfailed":true}"#).contains("used by another"));
        assert!(said("").contains("has no"));
    }

    #[test]
    fn a_missing_interface_is_missing() {
        let b = Box::new();
        assert_eq!(
            probe("br0", "192.0.2.7/24", &b.host).unwrap(),
            Answer::Missing("interface br0 does not exist".into())
        );
    }
}
