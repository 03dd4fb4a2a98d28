//! The database of udev: what its rules found out about a device when it appeared.

use std::collections::BTreeMap;

use crate::facts::reader::Reader;

/// One record: symbolic links below `/dev`, and properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::facts) struct Udev {
    links: Vec<String>,
    properties: BTreeMap<String, String>,
}

impl Udev {
    /// Lines of `/run/udev/data/*`: `S:` is a link, `E:` a property; the others are udev's own business.
    pub(in crate::facts) fn parse(text: &str) -> Self {
        let mut record = Self::default();
        for line in text.lines() {
            match line.split_once(':') {
                Some(("S", link)) => record.links.push(link.to_owned()),
                Some(("E", property)) => {
                    if let Some((key, value)) = property.split_once('=') {
                        record.properties.insert(key.to_owned(), value.to_owned());
                    }
                }
                _ => {}
            }
        }
        record.links.sort();
        record
    }

    /// Reads a record by its name: `b8:0` for a block device, `n2` for a network interface.
    pub(in crate::facts) fn read(reader: &Reader<'_>, name: &str) -> Option<Self> {
        let record = Self::parse(&reader.text(&format!("/run/udev/data/{name}")).ok()?);
        // A record that no rule wrote to says nothing, not even that there is nothing to say.
        Some(record).filter(|r| !r.properties.is_empty())
    }

    pub(in crate::facts) fn get(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(|v| v.trim()).filter(|v| !v.is_empty())
    }

    /// The first of several properties that is there.
    pub(in crate::facts) fn first(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.get(key)).map(str::to_owned)
    }

    /// Names of links in a folder below `/dev`, such as `disk/by-id/`.
    pub(super) fn links(&self, folder: &str) -> Vec<String> {
        self.links.iter().filter_map(|link| link.strip_prefix(folder)).map(str::to_owned).collect()
    }

    /// A property whose odd bytes stand as `\x20`.
    pub(super) fn decoded(&self, key: &str) -> Option<String> {
        let mut bytes = Vec::new();
        let mut rest = self.get(key)?.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            let code = rest
                .strip_prefix(b"\\x")
                .and_then(|digits| std::str::from_utf8(digits.get(..2)?).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(code.unwrap_or(*first));
            rest = if code.is_some() { rest.get(4..).unwrap_or_default() } else { tail };
        }
        Some(crate::facts::reader::clean(&String::from_utf8_lossy(&bytes))).filter(|t| !t.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_properties_are_read() {
        let text = "S:disk/by-id/wwn-0x5002538e40a0b1c2\nS:disk/by-id/ata-X_1\nW:3\nI:123\nE:ID_BUS=ata\nE:EMPTY=\n\
            E:ID_FS_LABEL_ENC=my\\x20data\\x\nG:systemd\nodd";
        let record = Udev::parse(text);
        assert_eq!(record.links("disk/by-id/"), ["ata-X_1", "wwn-0x5002538e40a0b1c2"]);
        assert_eq!(record.get("ID_BUS"), Some("ata"));
        assert_eq!(record.get("EMPTY"), None);
        assert_eq!(record.decoded("ID_FS_LABEL_ENC").as_deref(), Some("my data\\x"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String, value in "(\\\\x|[0-9a-fé])*") {
            Udev::parse(&text);
            Udev::parse(&format!("E:K={value}")).decoded("K");
        }
    }
}
