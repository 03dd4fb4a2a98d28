//! Network interfaces as they are set up now.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{facts::reader::Reader, units::Mac};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The kernel's name now: `eno1`.
    pub name: String,
    /// [`super::Nic::id`] where hardware is behind it.
    pub nic: Option<String>,
    /// As `ip -d link` names it: `bond`, `bridge`, `vlan`, `veth`, `dummy`; `loopback`, and `physical` for hardware.
    pub kind: String,
    /// In use now: bonds and bridges give their members another one.
    pub mac: Option<Mac>,
    pub mtu: Option<u32>,
    /// Switched on by the administrator.
    pub up: bool,
    /// A partner at the other end of the cable; unknown while the interface is down.
    pub carrier: Option<bool>,
    /// Negotiated, in Mbit/s.
    pub speed: Option<u32>,
    /// Bond or bridge that it belongs to.
    pub master: Option<String>,
    /// Members, of a bond or bridge; in alphabetical order.
    pub members: Vec<String>,
    /// The interface a VLAN, macvlan or tunnel lies on.
    pub on: Option<String>,
    /// VLAN id, 1 to 4094.
    pub vlan: Option<u16>,
    pub addresses: Vec<Address>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address itself with the length of its network: `192.0.2.7/24`.
    pub net: IpNet,
    /// `global`, `link` or `host`.
    pub scope: String,
    /// Leased (DHCP, router advertisement), so it may go away.
    pub dynamic: bool,
}

/// What `ip -j -d address` prints for one interface, as far as it is used here.
#[derive(Deserialize)]
struct Shown {
    ifindex: u32,
    ifname: String,
    #[serde(default)]
    flags: Vec<String>,
    mtu: Option<u32>,
    #[serde(default)]
    link_type: String,
    address: Option<String>,
    permaddr: Option<String>,
    master: Option<String>,
    link: Option<String>,
    linkinfo: Option<LinkInfo>,
    #[serde(default)]
    addr_info: Vec<AddressInfo>,
}

#[derive(Deserialize)]
struct LinkInfo {
    info_kind: Option<String>,
    info_data: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct AddressInfo {
    local: Option<IpAddr>,
    prefixlen: Option<u8>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    dynamic: bool,
}

/// An interface with what only its hardware half needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) link: Link,
    pub(super) index: u32,
    /// The address burnt in, where it differs from the one in use.
    pub(super) permanent: Option<Mac>,
}

/// Reads the document of `ip -j -d address`; members are filled in from their masters.
pub(super) fn parse(text: &str) -> Result<Vec<Seen>, serde_json::Error> {
    let mut seen: Vec<Seen> =
        serde_json::from_str::<Vec<Shown>>(text)?.into_iter().map(Shown::into_seen).collect();
    seen.sort_by(|a, b| a.link.name.cmp(&b.link.name));
    let pairs: Vec<(String, String)> =
        seen.iter().filter_map(|s| Some((s.link.master.clone()?, s.link.name.clone()))).collect();
    for (master, member) in pairs {
        if let Some(found) = seen.iter_mut().find(|s| s.link.name == master) {
            found.link.members.push(member);
        }
    }
    Ok(seen)
}

impl Shown {
    fn into_seen(self) -> Seen {
        let flag = |name: &str| self.flags.iter().any(|f| f == name);
        let (up, info) = (flag("UP"), self.linkinfo);
        let kind = info.as_ref().and_then(|i| i.info_kind.clone());
        let vlan = info
            .as_ref()
            .filter(|_| kind.as_deref() == Some("vlan"))
            .and_then(|i| i.info_data.as_ref()?.get("id")?.as_u64().and_then(|id| u16::try_from(id).ok()));
        let is_loopback = self.link_type == "loopback";
        let mac = |text: Option<String>| text.and_then(|t| t.parse().ok()).filter(|_| !is_loopback);
        let link = Link {
            nic: None,
            kind: kind.unwrap_or_else(|| if is_loopback { "loopback" } else { "physical" }.to_owned()),
            mac: mac(self.address),
            mtu: self.mtu,
            up,
            carrier: up.then(|| flag("LOWER_UP")),
            speed: None,
            master: self.master,
            members: Vec::new(),
            on: self.link,
            vlan,
            addresses: self.addr_info.into_iter().filter_map(AddressInfo::into_address).collect(),
            name: self.ifname,
        };
        Seen { link, index: self.ifindex, permanent: mac(self.permaddr) }
    }
}

impl AddressInfo {
    fn into_address(self) -> Option<Address> {
        let net = IpNet::new(self.local?, self.prefixlen?).ok()?;
        Some(Address { net, scope: self.scope, dynamic: self.dynamic })
    }
}

/// The interfaces without their addresses, from sysfs alone: for a box without `ip`.
fn from_sysfs(reader: &Reader<'_>) -> Vec<Seen> {
    let names = reader.source.list("/sys/class/net").unwrap_or_default();
    let seen = |name: String| {
        let folder = format!("/sys/class/net/{name}");
        let flags = reader.word(&format!("{folder}/flags"))?;
        let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
        // IFF_UP and IFF_LOOPBACK of netdevice(7).
        let (up, is_loopback) = (flags & 1 != 0, flags & 8 != 0);
        let master = reader.source.link(&format!("{folder}/master")).ok();
        let link = Link {
            nic: None,
            kind: if is_loopback { "loopback" } else { "physical" }.to_owned(),
            mac: reader.word(&format!("{folder}/address")).and_then(|t| t.parse().ok()),
            mtu: reader.number(&format!("{folder}/mtu")),
            up,
            carrier: reader.flag(&format!("{folder}/carrier")),
            speed: None,
            master: master.and_then(|m| Some(m.rsplit('/').next()?.to_owned())),
            members: Vec::new(),
            on: None,
            vlan: None,
            addresses: Vec::new(),
            name,
        };
        Some(Seen { link, index: reader.number(&format!("{folder}/ifindex"))?, permanent: None })
    };
    names.into_iter().filter_map(seen).collect()
}

pub(super) fn read(reader: &mut Reader<'_>) -> Vec<Seen> {
    let argv = ["ip", "-j", "-d", "address", "show"];
    let shown = reader.output("observed.links.addresses", &argv);
    match shown.map(|text| parse(&text)) {
        Some(Ok(seen)) => seen,
        Some(Err(error)) => {
            reader.note("observed.links.addresses", format!("`{}`: {error}", argv.join(" ")));
            from_sysfs(reader)
        }
        None => from_sysfs(reader),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A VLAN on a bond of two, in a bridge: the usual set-up of a server with two ports.
    const STACK: &str = r#"[
{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
{"ifindex":2,"ifname":"eno1","flags":["BROADCAST","SLAVE","UP","LOWER_UP"],"mtu":1500,"master":"bond0","link_type":"ether","address":"02:00:00:00:00:01","addr_info":[]},
{"ifindex":3,"ifname":"eno2","flags":["BROADCAST","SLAVE","UP"],"mtu":1500,"master":"bond0","link_type":"ether","address":"02:00:00:00:00:01","permaddr":"02:00:00:00:00:02","linkinfo":{"info_slave_kind":"bond"},"addr_info":[]},
{"ifindex":4,"ifname":"bond0","flags":["BROADCAST","MASTER","UP","LOWER_UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:01","linkinfo":{"info_kind":"bond","info_data":{"mode":"802.3ad"}},"addr_info":[]},
{"ifindex":5,"ifname":"bond0.100","link":"bond0","flags":["BROADCAST","UP","LOWER_UP"],"mtu":1500,"master":"br0","link_type":"ether","address":"02:00:00:00:00:01","linkinfo":{"info_kind":"vlan","info_data":{"protocol":"802.1Q","id":100}},"addr_info":[]},
{"ifindex":6,"ifname":"br0","flags":["BROADCAST","UP","LOWER_UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:01","linkinfo":{"info_kind":"bridge"},"addr_info":[{"family":"inet","local":"192.0.2.7","prefixlen":24,"scope":"global","dynamic":true},{"family":"inet6","local":"2001:db8::7","prefixlen":64,"scope":"global"}]},
{"ifindex":7,"ifname":"wg0","flags":["POINTOPOINT"],"mtu":1420,"link_type":"none","linkinfo":{"info_kind":"wireguard"},"addr_info":[]}
]"#;

    fn find<'a>(seen: &'a [Seen], name: &str) -> &'a Seen {
        seen.iter().find(|s| s.link.name == name).unwrap()
    }

    #[test]
    fn a_bridge_on_a_vlan_on_a_bond_is_read() {
        let seen = parse(STACK).unwrap();
        assert_eq!(find(&seen, "bond0").link.members, ["eno1", "eno2"]);
        let vlan = &find(&seen, "bond0.100").link;
        assert_eq!(
            (vlan.vlan, vlan.on.as_deref(), vlan.master.as_deref()),
            (Some(100), Some("bond0"), Some("br0"))
        );
        let bridge = &find(&seen, "br0").link;
        assert_eq!(bridge.kind, "bridge");
        assert_eq!(bridge.addresses[0].net.to_string(), "192.0.2.7/24");
        assert!(bridge.addresses[0].dynamic && !bridge.addresses[1].dynamic);
        let port = find(&seen, "eno2");
        assert_eq!(port.permanent.map(|m| m.to_string()).as_deref(), Some("02:00:00:00:00:02"));
        assert_eq!((port.link.carrier, port.link.kind.as_str()), (Some(false), "physical"));
        assert_eq!(find(&seen, "wg0").link.carrier, None);
        assert_eq!(find(&seen, "lo").link.mac, None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            let _ = parse(&text);
        }
    }
}
