//! What configures the interfaces of the box: programs of the distribution, and their files.

use serde::{Deserialize, Serialize};

use crate::facts::reader::Reader;

/// Programs that configure interfaces, beside systemd-networkd, and the files that tell them how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Interfaces that ifupdown has a stanza for, interfaces(5); in alphabetical order.
    pub ifupdown: Vec<String>,
    /// NetworkManager runs.
    pub network_manager: bool,
    /// In alphabetical order; of netplan, ifupdown, NetworkManager and systemd-networkd.
    pub files: Vec<String>,
}

const INTERFACES: &str = "/etc/network/interfaces";
const FOLDERS: [&str; 4] = [
    "/etc/NetworkManager/system-connections",
    "/etc/netplan",
    "/etc/network/interfaces.d",
    "/etc/systemd/network",
];

/// The interfaces of `iface` stanzas.
fn parse(text: &str) -> impl Iterator<Item = String> {
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next() == Some("iface")).then(|| words.next().map(str::to_owned))?
    };
    text.lines().filter_map(name)
}

pub(in crate::facts) fn read(reader: &mut Reader<'_>) -> Setup {
    let fact = "observed.network_setup";
    let mut files: Vec<String> =
        reader.exists(INTERFACES).then(|| INTERFACES.to_owned()).into_iter().collect();
    for folder in FOLDERS {
        let names = reader.names(fact, folder).unwrap_or_default();
        files.extend(names.into_iter().map(|name| format!("{folder}/{name}")));
    }
    files.sort();
    let own = files.iter().filter(|path| path.starts_with(INTERFACES));
    let texts: Vec<String> = own.filter_map(|path| reader.text(path).ok()).collect();
    let mut ifupdown: Vec<String> =
        texts.iter().flat_map(|text| parse(text)).filter(|name| name != "lo").collect();
    ifupdown.sort();
    ifupdown.dedup();
    Setup { ifupdown, network_manager: reader.exists("/run/NetworkManager"), files }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_name_their_interfaces() {
        let text = "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n\
                    allow-hotplug eno1\niface eno1 inet dhcp\n# iface no inet dhcp\niface";
        assert_eq!(parse(text).collect::<Vec<_>>(), ["lo", "eno1"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            parse(&text).for_each(drop);
        }
    }
}
