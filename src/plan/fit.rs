//! What the services take of the box, what is left, and which of the mandatory SCS flavors would run on that.

use serde::{Deserialize, Serialize};

use super::Bound;
use crate::{facts::Facts, profile::Profile, units::Bytes};

/// Memory, processors and disk, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// `None` where the box does not tell.
    pub memory: Option<Take<Bytes>>,
    /// Thousandths of a logical processor.
    pub millicores: Option<Take<u64>>,
    pub disk: Option<Take<Bytes>>,
    /// Empty where what is left is unknown.
    pub flavors: Vec<Flavor>,
}

/// What there is of something, what the services take, what is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take<T> {
    pub has: T,
    pub taken: T,
    pub left: T,
}

/// How many machines of one flavor what is left would run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flavor {
    pub name: String,
    pub times: u64,
}

pub(super) fn make(facts: &Facts, profile: &Profile, bound: &Bound) -> Fit {
    let sum = |of: fn(&crate::profile::Service) -> u64| profile.services.iter().map(of).sum::<u64>();
    let bytes = |has: Option<Bytes>, taken: u64| {
        has.map(|has| Take { has, taken: Bytes(taken), left: Bytes(has.0.saturating_sub(taken)) })
    };
    let threads = facts.identity.cpu.threads.or(bound.threads).map(|n| u64::from(n) * 1000);
    let busy = sum(|s| s.millicores.into());
    let disk = bound.file_systems.get("/").and_then(|fs| fs.available);
    Fit {
        memory: bytes(facts.identity.memory.size.or(bound.memory), sum(|s| s.memory.0)),
        millicores: threads.map(|has| Take { has, taken: busy, left: has.saturating_sub(busy) }),
        disk: bytes(disk, sum(|s| s.disk.0)),
        flavors: Vec::new(),
    }
}
