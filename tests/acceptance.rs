//! `docs/acceptance.md`, `docs/cloud.md` and `docs/installation.md` are made from the JSON beside them by `make acceptance`; what was written by hand is
//! refused.
#![expect(clippy::unwrap_used, reason = "a test's helpers are tests")]

#[path = "page/made.rs"]
mod made;

#[test]
fn the_page_of_the_acceptance_is_as_it_was_made() {
    made::is_as_it_was_made("acceptance", "make acceptance");
}

#[test]
fn a_page_or_results_that_were_changed_are_refused() {
    made::a_change_is_refused("acceptance", "make acceptance");
}

#[test]
fn the_page_of_the_cloud_is_as_it_was_made() {
    made::is_as_it_was_made("cloud", "make acceptance");
}

#[test]
fn the_page_of_the_installation_is_as_it_was_made() {
    made::is_as_it_was_made("installation", "make acceptance");
}
