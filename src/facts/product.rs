//! The name on the front of the box.

use serde::{Deserialize, Serialize};

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
