//! Interfaces that systemd-networkd makes and configures from our files, and those that are gone.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{Changed, Host, stamp::Stamp};
use crate::{agent::durable, step::Answer};

/// How long networkd may take: a lease, or a switch that lets a port wait for spanning tree.
const SETTLE: Duration = Duration::from_secs(45);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// The part of `networkctl --json=short status` that is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Status {
    administrative_state: String,
    network_file: Option<String>,
}

/// An interface as its want says it.
pub(super) struct Link<'a> {
    pub(super) interface: &'a str,
    pub(super) file: &'a str,
    /// All files that shape it.
    pub(super) files: &'a [String],
}

impl Link<'_> {
    /// What the stamp of its files is kept under.
    fn name(&self) -> String {
        format!("link-{}", self.interface)
    }
}

pub(super) fn probe(link: &Link<'_>, host: &Host) -> Result<Answer> {
    let interface = link.interface;
    if !exists(interface, host)? {
        return Ok(Answer::Missing(format!("interface {interface} does not exist")));
    }
    if Stamp::kept(&link.name(), link.files, host)? != Some(Stamp::of(link.files, host)?) {
        return Ok(Answer::Missing(format!("{interface} was not configured by us since its files changed")));
    }
    let status = status(interface, host)?;
    Ok(if status.network_file.as_deref() != Some(link.file) {
        let other = status.network_file.unwrap_or_else(|| "no file".to_owned());
        Answer::Missing(format!("{interface} is configured from {other}"))
    } else if status.administrative_state != "configured" {
        Answer::Missing(format!("{interface} is {}", status.administrative_state))
    } else {
        Answer::Holds
    })
}

pub(super) fn apply(link: &Link<'_>, host: &Host) -> Result<Changed> {
    let stamp = Stamp::of(link.files, host)?;
    host.call(["networkctl", "reload"]).ok()?;
    let start = Instant::now();
    let mut told = false;
    loop {
        // Reload makes a missing bridge or veth pair; only then can it be told to take its settings.
        if !told && exists(link.interface, host)? {
            host.call(["networkctl", "reconfigure", link.interface]).ok()?;
            told = true;
        }
        if told {
            let now = status(link.interface, host)?;
            if now.administrative_state == "configured" && now.network_file.as_deref() == Some(link.file) {
                stamp.keep(&link.name(), host)?;
                return Ok(Changed::new("configured"));
            }
        }
        if start.elapsed() > SETTLE {
            let argv = ["networkctl", "--no-pager", "--lines=5", "status", link.interface];
            let said = host.call(argv).output()?.stdout;
            bail!("it is not configured after {} s; networkctl says:\n{}", SETTLE.as_secs(), said.trim_end());
        }
        sleep(PAUSE);
    }
}

fn status(interface: &str, host: &Host) -> Result<Status> {
    let text = host.call(["networkctl", "--json=short", "status", interface]).ok()?;
    serde_json::from_str(&text).context("read what networkctl says of a link")
}

pub(super) fn probe_absent(interface: &str, host: &Host) -> Result<Answer> {
    Ok(if exists(interface, host)? {
        Answer::Missing(format!("interface {interface} is there"))
    } else {
        Answer::Holds
    })
}

pub(super) fn apply_absent(interface: &str, host: &Host) -> Result<Changed> {
    host.call(["networkctl", "delete", interface]).ok()?;
    Ok(Changed::new("deleted"))
}

/// ifupdown's own word on whether it has configured an interface; where ifupdown is not, nothing is.
pub(super) fn probe_released(interface: &str, host: &Host) -> Result<Answer> {
    if durable::look(&host.path("/sbin/ifquery")?)?.is_none() {
        return Ok(Answer::Holds);
    }
    let said = host.call(["ifquery", "--state", interface]).output()?;
    Ok(if said.stdout.trim().is_empty() {
        Answer::Holds
    } else {
        Answer::Missing(format!("ifupdown has {interface}"))
    })
}

pub(super) fn apply_released(interface: &str, host: &Host) -> Result<Changed> {
    host.call(["ifdown", "--force", interface]).ok()?;
    Ok(Changed::new("taken from ifupdown"))
}

pub(super) fn exists(interface: &str, host: &Host) -> Result<bool> {
    // A link in sysfs that leads out of the folder: it is looked at itself.
    Ok(durable::look(&host.path(&format!("/sys/class/net/{interface}"))?)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    const FILE: &str = "/etc/systemd/network/05-ciab-bridge.network";

    fn configured(state: &str, file: &str) -> Box {
        let text =
            format!(r#"{{"Name":"ciab-br","AdministrativeState":"{state}","NetworkFile":"{file}","x":1}}"#);
        let b = Box::new().says("networkctl --json", 0, &text);
        b.file("/sys/class/net/ciab-br/mtu", "1500");
        b
    }

    #[test]
    fn an_interface_holds_while_networkd_has_it_from_our_files_as_they_are() {
        let b = configured("configured", FILE);
        let files = [FILE.to_owned()];
        let link = Link { interface: "ciab-br", file: FILE, files: &files };
        b.file(FILE, "1");
        assert!(format!("{:?}", probe(&link, &b.host).unwrap()).contains("since its files changed"));
        apply(&link, &b.host).unwrap();
        assert_eq!(probe(&link, &b.host).unwrap(), Answer::Holds);
        assert!(b.ran().contains(&"networkctl reconfigure ciab-br".to_owned()));
        b.file(FILE, "2");
        assert!(matches!(probe(&link, &b.host).unwrap(), Answer::Missing(_)));
        b.file(FILE, "1");
        for (state, file, said) in [
            ("failed", FILE, "ciab-br is failed"),
            ("configured", "/run/systemd/network/10-netplan-a.network", "is configured from /run/"),
        ] {
            let text = format!(r#"{{"AdministrativeState":"{state}","NetworkFile":"{file}"}}"#);
            b.answer("networkctl --json", crate::agent::want::Output::of(0, &text, ""));
            assert!(format!("{:?}", probe(&link, &b.host).unwrap()).contains(said), "{said}");
        }
    }

    #[test]
    fn what_ifupdown_has_is_taken_from_it() {
        let b = Box::new().says("ifquery", 0, "eno1=eno1\n");
        assert_eq!(probe_released("eno1", &b.host).unwrap(), Answer::Holds, "there is no ifupdown");
        b.file("/sbin/ifquery", "");
        assert_eq!(probe_released("eno1", &b.host).unwrap(), Answer::Missing("ifupdown has eno1".into()));
    }
}
