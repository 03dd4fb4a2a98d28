//! Who keeps the clock right, as far as files tell; the offset is measured elsewhere.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Whether the kernel's clock follows a time server now.
    pub synchronised: Option<bool>,
    /// Services that are running now, of those known; in alphabetical order.
    pub services: Vec<TimeService>,
    /// Whether there is a clock that runs while the box is off.
    pub rtc: Option<bool>,
    /// Whether that clock runs in UTC (`/etc/adjtime`).
    pub rtc_utc: Option<bool>,
    /// `Etc/UTC`, `Europe/Berlin`.
    pub timezone: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeService {
    Chrony,
    Ntpd,
    Timesyncd,
}
