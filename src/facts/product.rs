//! The name on the front of the box.

use serde::{Deserialize, Serialize};

use super::{reader::Reader, source::recording::Refusal};

/// From SMBIOS (`/sys/class/dmi/id`); serial number and UUID need root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    pub vendor: Option<String>,
    pub name: Option<String>,
    pub version: Option<String>,
    pub serial: Option<String>,
    pub uuid: Option<String>,
    pub board_vendor: Option<String>,
    pub board_name: Option<String>,
    /// SMBIOS 7.4.1 chassis type: 3 desktop, 10 notebook, 17 server, 23 rack, 35 mini PC.
    pub chassis: Option<u8>,
}

/// What board makers leave in fields they never filled in.
const PLACEHOLDERS: [&str; 7] = [
    "Default string",
    "None",
    "Not Applicable",
    "Not Specified",
    "System Product Name",
    "System Serial Number",
    "To Be Filled By O.E.M.",
];

pub(super) fn read(reader: &mut Reader<'_>) -> Product {
    let folder = "/sys/class/dmi/id";
    let field = |name: &str| {
        reader.word(&format!("{folder}/{name}")).filter(|value| !PLACEHOLDERS.contains(&value.as_str()))
    };
    let product = Product {
        vendor: field("sys_vendor"),
        name: field("product_name"),
        version: field("product_version"),
        serial: field("product_serial"),
        uuid: field("product_uuid"),
        board_vendor: field("board_vendor"),
        board_name: field("board_name"),
        chassis: field("chassis_type").and_then(|t| t.parse().ok()),
    };
    for (fact, file, value) in [
        ("identity.product.vendor", "sys_vendor", &product.vendor),
        ("identity.product.serial", "product_serial", &product.serial),
        ("identity.product.uuid", "product_uuid", &product.uuid),
    ] {
        if value.is_none() {
            let path = format!("{folder}/{file}");
            match reader.source.read(&path) {
                Ok(_) => reader.note(fact, "the firmware left it blank"),
                Err(error) if Refusal::of(&error) == Refusal::NotFound => {
                    reader.note(fact, "the firmware has no SMBIOS table for it");
                }
                Err(error) => reader.failed(fact, &path, &error),
            }
        }
    }
    product
}
