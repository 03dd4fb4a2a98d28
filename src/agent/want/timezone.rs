//! The time zone: the link `/etc/localtime`, and Debian's `/etc/timezone`.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{Changed, Host};
use crate::{
    agent::durable::{self, Meta},
    step::Answer,
};

const LINK: &str = "/etc/localtime";
const NAME: &str = "/etc/timezone";
const ZONES: &str = "/usr/share/zoneinfo";

pub(super) fn probe(name: &str, host: &Host) -> Result<Answer> {
    let place = host.path(LINK)?;
    let target = match durable::look(&place)? {
        Some(meta) if meta.is_symlink() => std::fs::read_link(&place)?.to_string_lossy().into_owned(),
        // Without the link the zone is UTC (localtime(5)); a plain file has no name.
        _ => return Ok(Answer::Missing(format!("{LINK} is no link"))),
    };
    let zone = target.split_once("zoneinfo/").map_or(target.as_str(), |(_, zone)| zone);
    let file = durable::read(&host.path(NAME)?)?.unwrap_or_default();
    let file = String::from_utf8_lossy(&file);
    Ok(if zone != name {
        Answer::Missing(format!("the time zone is {zone}"))
    } else if file.trim() != name {
        Answer::Missing(format!("{NAME} says `{}`", file.trim()))
    } else {
        Answer::Holds
    })
}

pub(super) fn apply(name: &str, host: &Host) -> Result<Changed> {
    let zone = format!("{ZONES}/{name}");
    ensure!(
        host.path(&zone)?.is_file(),
        "time zone {name} is not in {ZONES}; it may need the package tzdata"
    );
    durable::write(&host.path(NAME)?, format!("{name}\n").as_bytes(), Meta::READABLE)?;
    durable::link(Path::new(&zone), &host.path(LINK)?)?;
    Ok(Changed::new("set"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    #[test]
    fn a_zone_is_set_over_a_plain_file_and_seen_through_a_relative_link() {
        let b = Box::new();
        b.file("/usr/share/zoneinfo/Europe/Berlin", "TZif");
        b.file(LINK, "TZif");
        assert!(matches!(probe("Europe/Berlin", &b.host).unwrap(), Answer::Missing(_)));
        apply("Europe/Berlin", &b.host).unwrap();
        assert_eq!(probe("Europe/Berlin", &b.host).unwrap(), Answer::Holds);
        durable::link(Path::new("../usr/share/zoneinfo/Europe/Berlin"), &b.host.path(LINK).unwrap()).unwrap();
        assert_eq!(probe("Europe/Berlin", &b.host).unwrap(), Answer::Holds);
        assert_eq!(
            probe("Etc/UTC", &b.host).unwrap(),
            Answer::Missing("the time zone is Europe/Berlin".into())
        );
    }

    #[test]
    fn a_zone_nobody_knows_is_refused() {
        assert!(apply("Europe/Atlantis", &Box::new().host).is_err());
        assert!(apply("../../../etc/shadow", &Box::new().host).is_err());
    }
}
