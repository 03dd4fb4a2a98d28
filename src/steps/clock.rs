//! Time zone and clock.

use super::{
    draft::ensure,
    site::{Change, Site},
};
use crate::step::{Step, Want};

pub(super) fn zone(site: &Site<'_>) -> Step {
    let name = site.plan.host.timezone.to_string();
    ensure("time-zone", "Set the time zone", vec![Want::TimeZone { name }]).needs(["packages"]).done()
}

pub(super) fn clock(site: &Site<'_>) -> Step {
    let mut wants = site.files("clock");
    wants.push(site.unit(&site.plan.os.units.chrony, &["clock"], Change::Restart));
    ensure("clock", "Keep the clock right", wants).needs(["packages"]).done()
}
