//! `docs/benchmarks.md` is made from `docs/benchmarks.json` by `make bench`; what was written by hand is refused.
#![expect(clippy::unwrap_used, reason = "a test's helpers are tests")]

use std::{fs, path::Path};

use ciab::tree::sha256;

const MARK: &str = "\n<!-- made from docs/benchmarks.json ";

#[test]
fn the_page_of_the_benchmarks_is_as_it_was_made() {
    let there = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists();
    // Before the first `make bench` there is neither; one without the other is a change by hand.
    if !there("docs/benchmarks.md") && !there("docs/benchmarks.json") {
        return;
    }
    assert_eq!(fault(&read("docs/benchmarks.md"), &read("docs/benchmarks.json")), None);
}

#[test]
fn a_page_or_results_that_were_changed_are_refused() {
    let results = "{}\n";
    let body = "# Benchmarks\n\n| one | 10 ms |\n";
    let page =
        format!("{body}{MARK}{}; this page {} -->\n", sha256(results.as_bytes()), sha256(body.as_bytes()));
    assert_eq!(fault(&page, results), None);
    assert!(fault(&page.replace("10 ms", "9 ms"), results).is_some());
    assert!(fault(&page, "{\"rows\": []}\n").is_some());
    assert!(fault(body, results).is_some());
    assert!(fault(&format!("{page}more\n"), results).is_some());
}

/// What is wrong with the page, if anything.
fn fault(page: &str, results: &str) -> Option<String> {
    let Some((body, line)) = page.rsplit_once(MARK) else {
        return Some("docs/benchmarks.md has no line with its digests".into());
    };
    let made = format!("{}; this page {} -->\n", sha256(results.as_bytes()), sha256(body.as_bytes()));
    (line != made).then(|| "docs/benchmarks.md or .json was changed by hand: `make bench` makes both".into())
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
