//! `docs/benchmarks.md` is made from `docs/benchmarks.json` by `make bench`; what was written by hand is refused.
#![expect(clippy::unwrap_used, reason = "a test's helpers are tests")]

#[path = "page/made.rs"]
mod made;

#[test]
fn the_page_of_the_benchmarks_is_as_it_was_made() {
    made::is_as_it_was_made("benchmarks", "make bench");
}

#[test]
fn a_page_or_results_that_were_changed_are_refused() {
    made::a_change_is_refused("benchmarks", "make bench");
}
