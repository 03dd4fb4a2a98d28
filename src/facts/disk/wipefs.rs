//! What `wipefs` sees on devices that udev did not look at, or could not make up its mind about.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::usage::{PartitionTable, Signature};
use crate::facts::reader::Reader;

#[derive(Deserialize)]
struct Document {
    signatures: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    device: String,
    #[serde(rename = "type")]
    kind: String,
    uuid: Option<String>,
    label: Option<String>,
}

/// What is on one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) table: Option<PartitionTable>,
    pub(super) signatures: Vec<Signature>,
}

/// By kernel name. A blank device gives no line, and nothing at all stands for an empty list.
fn parse(text: &str) -> Result<BTreeMap<String, Content>, serde_json::Error> {
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut devices: BTreeMap<String, Content> = BTreeMap::new();
    for found in serde_json::from_str::<Document>(text)?.signatures {
        let content = devices.entry(found.device).or_default();
        match PartitionTable::named(&found.kind) {
            Some(table) => content.table = Some(table),
            // The MBR that protects a GPT from old programs.
            None if found.kind == "PMBR" => {}
            None => {
                let Found { kind, uuid, label, .. } = found;
                let signature = Signature { kind, label, uuid, version: None };
                // A GPT and some file systems have copies.
                if !content.signatures.contains(&signature) {
                    content.signatures.push(signature);
                }
            }
        }
    }
    Ok(devices)
}

/// Lists only: without `--all` or `--offset` the tool opens its devices for reading.
pub(super) fn read(reader: &mut Reader<'_>, names: &[String]) -> Option<BTreeMap<String, Content>> {
    let fact = "observed.disks.signatures";
    let devices: Vec<String> = names.iter().map(|name| format!("/dev/{name}")).collect();
    let mut argv = vec!["wipefs", "--json"];
    argv.extend(devices.iter().map(String::as_str));
    let text = reader.output(fact, &argv)?;
    parse(&text).map_err(|error| reader.note(fact, format!("`wipefs`: {error}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_signatures_are_told_apart() {
        let text = r#"{"signatures": [
            {"device":"sda", "offset":"0x200", "type":"gpt", "uuid":"u", "label":null},
            {"device":"sda", "offset":"0x1fe", "type":"PMBR", "uuid":null, "label":null},
            {"device":"sda2", "offset":"0x218", "type":"LVM2_member", "uuid":"p", "label":null},
            {"device":"sda2", "offset":"0x0", "type":"ceph_bluestore", "uuid":null, "label":null}]}"#;
        let devices = parse(text).unwrap();
        assert_eq!(devices["sda"].table, Some(PartitionTable::Gpt));
        assert!(devices["sda"].signatures.is_empty());
        let kinds: Vec<_> = devices["sda2"].signatures.iter().map(|s| s.kind.as_str()).collect();
        assert_eq!(kinds, ["LVM2_member", "ceph_bluestore"]);
        assert!(parse("\n").unwrap().is_empty());
        assert!(parse("[]").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            let _ = parse(&text);
        }
    }
}
