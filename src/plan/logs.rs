//! How much the journal may keep, sized from the file system it lies on.

use serde::{Deserialize, Serialize};

use super::{Bound, Why};
use crate::{boxfile::BoxFile, units::Bytes};

/// journald.conf(5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journald {
    pub system_max_use: Bytes,
    pub system_keep_free: Bytes,
    pub system_max_file_size: Bytes,
    pub runtime_max_use: Bytes,
}

/// A twentieth of the file system; systemd's own is a tenth, and containers log beside it.
const SHARE: u64 = 20;
/// Below this a day of a busy box does not fit.
const LEAST: Bytes = Bytes::mib(128);
/// Above this reading the journal takes longer than it is worth.
const MOST: Bytes = Bytes::gib(2);
/// Where the size of the file system is unknown.
const UNSIZED: Bytes = Bytes::mib(512);
/// Kept free for others: a tenth, within these bounds.
const FREE_SHARE: u64 = 10;
const FREE_LEAST: Bytes = Bytes::mib(256);
const FREE_MOST: Bytes = Bytes::gib(4);
/// So that rotation throws away an eighth of the history at a time (systemd's own ratio).
const FILES: u64 = 8;
/// The journal in memory, before the disk is there.
const RUNTIME: Bytes = Bytes::mib(64);

pub(super) fn journald(wanted: &BoxFile, bound: &Bound, why: &mut Why) -> Journald {
    let size = bound.file_systems.get("/var/log").and_then(|fs| fs.size);
    let (system_max_use, reason) = match (wanted.tuning.logs.journal, size) {
        (Some(own), _) => (own, "the box file says so".to_owned()),
        (None, Some(size)) => {
            let share = share(size);
            (
                share,
                format!(
                    "a twentieth of the {} that hold /var/log, within {} and {}",
                    size.human(),
                    LEAST.human(),
                    MOST.human()
                ),
            )
        }
        (None, None) => (UNSIZED, "the size of the file system of /var/log is unknown".to_owned()),
    };
    why.insert("journald.system_max_use".into(), reason);
    let system_keep_free = whole_mib(size.unwrap_or_default().0 / FREE_SHARE).clamp(FREE_LEAST, FREE_MOST);
    Journald {
        system_max_file_size: whole_mib(system_max_use.0 / FILES).max(Bytes::mib(1)),
        system_max_use,
        system_keep_free,
        runtime_max_use: RUNTIME,
    }
}

fn share(size: Bytes) -> Bytes {
    whole_mib(size.0 / SHARE).clamp(LEAST, MOST)
}

fn whole_mib(bytes: u64) -> Bytes {
    Bytes::mib(bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_has_a_floor_and_a_ceiling() {
        for (size, most) in [
            (Bytes::gib(1), Bytes::mib(128)),
            (Bytes::gib(20), Bytes::gib(1)),
            (Bytes::gib(900), Bytes::gib(2)),
        ] {
            assert_eq!(share(size), most, "{size}");
        }
    }
}
