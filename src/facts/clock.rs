//! Who keeps the clock right, as far as files tell; the offset is measured elsewhere.

use serde::{Deserialize, Serialize};

use super::reader::Reader;

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

/// Files that stand while a service runs: each lies in, or is, its runtime folder.
const SERVICES: [(TimeService, &str); 4] = [
    (TimeService::Chrony, "/run/chrony"),
    (TimeService::Ntpd, "/run/ntpd.pid"),
    (TimeService::Timesyncd, "/run/systemd/timesync"),
    (TimeService::Chrony, "/run/chronyd.pid"),
];

/// `chronyc -c tracking`: one line of values, the last of which is the leap status.
fn parse_tracking(text: &str) -> Option<bool> {
    match text.lines().next()?.rsplit(',').next()?.trim() {
        "Normal" | "Insert second" | "Delete second" => Some(true),
        "Not synchronised" => Some(false),
        _ => None,
    }
}

/// `adjtime(5)`: the third line is `UTC` or `LOCAL`; without the file the clock runs in UTC.
fn parse_adjtime(text: &str) -> bool {
    text.lines().nth(2).map(str::trim) != Some("LOCAL")
}

/// The name of a time zone in the target of `/etc/localtime`.
fn parse_localtime(target: &str) -> Option<String> {
    let (_, zone) = target.split_once("/zoneinfo/")?;
    Some(zone.to_owned()).filter(|z| !z.is_empty())
}

fn synchronised(reader: &mut Reader<'_>, services: &[TimeService]) -> Option<bool> {
    let fact = "observed.clock.synchronised";
    if services.contains(&TimeService::Timesyncd) {
        // Touched with each good answer of a server; the folder goes away with the service.
        return Some(reader.exists("/run/systemd/timesync/synchronized"));
    }
    if services.contains(&TimeService::Chrony) {
        return parse_tracking(&reader.output(fact, &["chronyc", "-c", "tracking"])?);
    }
    if !reader.exists("/run/systemd/system") {
        reader.note(fact, "no time service that is known here runs");
        return None;
    }
    // Something else may keep the clock (ntpd, PTP, a guest agent): the kernel knows, timedated asks it.
    let said = reader.output(fact, &["timedatectl", "show", "--property=NTPSynchronized", "--value"])?;
    match said.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => {
            reader.note(fact, "timedatectl gave an answer of another kind");
            None
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Clock {
    let mut services: Vec<_> =
        SERVICES.iter().filter(|(_, path)| reader.exists(path)).map(|(service, _)| *service).collect();
    services.sort();
    services.dedup();
    let zone = reader.source.link("/etc/localtime").ok().and_then(|target| parse_localtime(&target));
    let clock = Clock {
        synchronised: synchronised(reader, &services),
        services,
        rtc: reader.names("observed.clock.rtc", "/sys/class/rtc").map(|names| !names.is_empty()),
        rtc_utc: Some(reader.text("/etc/adjtime").map_or(true, |text| parse_adjtime(&text))),
        timezone: zone.or_else(|| reader.word("/etc/timezone")),
    };
    if clock.timezone.is_none() {
        reader.note("observed.clock.timezone", "neither /etc/localtime nor /etc/timezone names one");
    }
    clock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leap_status_tells_whether_chrony_follows() {
        let line = "C0A80101,192.168.1.1,3,1700000000.0,0.0000,0.0,0.0,1.5,0.0,0.1,0.02,0.001,64.2,";
        assert_eq!(parse_tracking(&format!("{line}Normal\n")), Some(true));
        assert_eq!(parse_tracking(&format!("{line}Not synchronised\n")), Some(false));
        for odd in ["", "506 Cannot talk to daemon", ",,,"] {
            assert_eq!(parse_tracking(odd), None);
        }
    }

    #[test]
    fn zones_and_adjtime_are_read() {
        assert_eq!(parse_localtime("/usr/share/zoneinfo/Europe/Berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(parse_localtime("/etc/my-zone"), None);
        assert!(parse_adjtime("0.0 0 0.0\n0\nUTC\n"));
        assert!(!parse_adjtime("0.0 0 0.0\n0\nLOCAL\n"));
        assert!(parse_adjtime(""));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            parse_tracking(&text);
            parse_adjtime(&text);
            parse_localtime(&text);
        }
    }
}
