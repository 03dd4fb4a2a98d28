//! What time it is: a clock that goes, one that events set when they are replayed, or one that tests set.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The time of the report. A going clock does not jump when the wall clock is set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    Going { base: Timestamp, since: Instant },
    Set(Timestamp),
}

impl Clock {
    pub(super) fn going() -> Self {
        Self::Going { base: Timestamp::now(), since: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Going { base, since } => base.checked_add(since.elapsed()).unwrap_or(*base),
            Self::Set(now) => *now,
        }
    }

    /// A clock that is set follows what happened; it never goes back.
    pub(super) fn follow(&mut self, at: &str) {
        if let (Self::Set(now), Ok(at)) = (self, at.parse::<Timestamp>()) {
            *now = at.max(*now);
        }
    }
}

/// The time from one moment to a later one; nothing where the order is the other way.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
