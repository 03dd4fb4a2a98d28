//! The box as it was.

use std::collections::BTreeMap;

use super::{draft::act, site::Site};
use crate::step::{Action, Probe, Step};

/// Needed by every step that changes anything. What is recorded once is never recorded again, so it is safe to repeat;
/// a later release that writes further files adds just those, while they are still as they were.
pub(super) fn before(site: &Site<'_>) -> Step {
    let command = |words: &[&str]| -> Vec<String> {
        let fixed = ["%helper", "agent", "before"].iter().chain(words).chain(&["--"]);
        // What other programs were told of the cards stays as it is, and is kept all the same.
        let told =
            site.plan.network.management.stack.iter().flat_map(|_| site.plan.bound.before.files.clone());
        fixed.map(|word| (*word).to_owned()).chain(site.all_paths()).chain(told).collect()
    };
    act(
        "before",
        "Record what the box is like before anything changes",
        Action::Job { argv: command(&[]), env: BTreeMap::new() },
    )
    .probe(Probe::Command { argv: command(&["--check"]) })
    .done()
}
