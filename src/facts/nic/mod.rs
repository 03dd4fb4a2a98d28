//! Network hardware: what stays the same whatever the interface is called.

use serde::{Deserialize, Serialize};

use super::{disk::udev::Udev, reader::Reader};
use crate::units::Mac;

pub mod link;
pub mod route;
pub mod setup;

/// One network interface with hardware (or virtual hardware) behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Unique in this document: the permanent MAC if no other has it, else the bus path, else the kernel's name.
    pub id: String,
    /// Burnt in; the current address where the driver tells no permanent one.
    pub mac: Option<Mac>,
    /// Path in sysfs without `/sys/devices/`: `pci0000:00/0000:00:1f.6`.
    pub path: Option<String>,
    /// PCI address of the device itself or of the function it hangs on: `0000:00:1f.6`.
    pub pci: Option<String>,
    pub driver: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    /// The fastest mode the hardware supports, in Mbit/s.
    pub max_speed: Option<u32>,
}

/// The PCI address nearest to the interface in a path such as `pci0000:00/0000:00:03.0/virtio2`.
fn pci_of(path: &str) -> Option<String> {
    let is_address = |part: &&str| {
        part.split([':', '.']).map(str::len).eq([4, 2, 2, 1])
            && part.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b))
    };
    path.rsplit('/').find(is_address).map(str::to_owned)
}

/// The fastest of the link modes that `ethtool` lists as supported: `10baseT/Half`, `25000baseCR/Full`.
fn parse_ethtool(text: &str) -> Option<u32> {
    let mut modes = false;
    let mut fastest = None;
    for line in text.lines().map(str::trim) {
        let list = match line.split_once(':') {
            Some((key, list)) => {
                modes = key == "Supported link modes";
                list
            }
            None => line,
        };
        if modes {
            let speeds = list.split_whitespace().filter_map(|mode| mode.split_once("base")?.0.parse().ok());
            fastest = fastest.max(speeds.max());
        }
    }
    fastest
}

fn read_nic(reader: &mut Reader<'_>, seen: &link::Seen, path: &str) -> Nic {
    let folder = format!("/sys/class/net/{}", seen.link.name);
    let udev = Udev::read(reader, &format!("n{}", seen.index));
    let named = |key: &str| udev.as_ref().and_then(|u| u.first(&[key]));
    let driver = reader.source.link(&format!("{folder}/device/driver")).ok();
    Nic {
        id: String::new(),
        mac: seen.permanent.or(seen.link.mac),
        path: Some(path.to_owned()),
        pci: pci_of(path),
        driver: driver.and_then(|d| Some(d.rsplit('/').next()?.to_owned())),
        vendor: named("ID_VENDOR_FROM_DATABASE").or_else(|| reader.word(&format!("{folder}/device/vendor"))),
        model: named("ID_MODEL_FROM_DATABASE").or_else(|| reader.word(&format!("{folder}/device/device"))),
        max_speed: None,
    }
}

fn read_max_speed(reader: &mut Reader<'_>, id: &str, name: &str) -> Option<u32> {
    let fact = format!("identity.nics[{id}].max_speed");
    let speed = parse_ethtool(&reader.output(&fact, &["ethtool", name])?);
    if speed.is_none() {
        reader.note(fact, "the driver lists no link modes");
    }
    speed
}

/// Reads all interfaces, and of those with hardware behind them the hardware.
pub(super) fn read(reader: &mut Reader<'_>) -> (Vec<Nic>, Vec<link::Link>) {
    let mut nics: Vec<(Nic, String)> = Vec::new();
    let mut links = Vec::new();
    for seen in link::read(reader) {
        let folder = format!("/sys/class/net/{}", seen.link.name);
        let target = reader.source.link(&folder).unwrap_or_default();
        let path = target.split_once("devices/").and_then(|(_, p)| p.split("/net/").next());
        let mut link = seen.link.clone();
        // Bonds, bridges, VLANs and tunnels all live below /sys/devices/virtual.
        if let Some(path) = path.filter(|p| !p.starts_with("virtual")) {
            nics.push((read_nic(reader, &seen, path), link.name.clone()));
        } else if link.kind == "physical" {
            "virtual".clone_into(&mut link.kind);
        }
        let negotiates = link.kind == "physical" || link.kind == "bond";
        // -1 stands for unknown, and a virtual card has no speed at all.
        link.speed = if link.up && negotiates { reader.number(&format!("{folder}/speed")) } else { None };
        links.push(link);
    }
    name_them(&mut nics, &mut links);
    for (nic, name) in &mut nics {
        nic.max_speed = read_max_speed(reader, &nic.id, name);
    }
    let mut nics: Vec<Nic> = nics.into_iter().map(|(nic, _)| nic).collect();
    nics.sort_by(|a, b| a.id.cmp(&b.id));
    (nics, links)
}

/// Gives each an id that no other has, and lets the interfaces refer to it.
fn name_them(nics: &mut [(Nic, String)], links: &mut [link::Link]) {
    let macs: Vec<Option<Mac>> = nics.iter().map(|(nic, _)| nic.mac).collect();
    let paths: Vec<Option<String>> = nics.iter().map(|(nic, _)| nic.path.clone()).collect();
    for (nic, name) in nics {
        let mac = nic.mac.filter(|_| macs.iter().filter(|m| **m == nic.mac).count() == 1);
        let path = nic.path.clone().filter(|_| paths.iter().filter(|p| **p == nic.path).count() == 1);
        nic.id = mac.map(|m| m.to_string()).or(path).unwrap_or_else(|| name.clone());
        if let Some(link) = links.iter_mut().find(|l| l.name == *name) {
            link.nic = Some(nic.id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_pci_function_counts() {
        assert_eq!(pci_of("pci0000:00/0000:00:1c.4/0000:02:00.1").as_deref(), Some("0000:02:00.1"));
        assert_eq!(pci_of("pci0000:00/0000:00:03.0/virtio2").as_deref(), Some("0000:00:03.0"));
        assert_eq!(pci_of("platform/fd580000.ethernet"), None);
    }

    #[test]
    fn the_fastest_supported_mode_counts() {
        let text = "Settings for eno1:\n\tSupported ports: [ TP ]\n\tSupported link modes:   10baseT/Half 10baseT/Full\n\
            \t                        100baseT/Full\n\t                        2500baseT/Full\n\
            \tSupported pause frame use: Symmetric\n\tAdvertised link modes:  10000baseT/Full\n\tSpeed: 1000Mb/s\n";
        assert_eq!(parse_ethtool(text), Some(2500));
        assert_eq!(parse_ethtool("Supported link modes:   Not reported"), None);
        assert_eq!(parse_ethtool(""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String, modes in "(Supported link modes: )?[0-9]{0,12}base[a-zA-Z/]{0,5}") {
            pci_of(&text);
            parse_ethtool(&text);
            parse_ethtool(&modes);
        }
    }
}
