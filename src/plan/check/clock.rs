//! The clock.

use super::{Applies, Check};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "clock.offset", applies: Applies::Always, judge: super::reach::clock_offset },
    Check { id: "ntp.reach", applies: Applies::Always, judge: super::reach::ntp },
];
