//! Pages in `docs/` that are made from results: what was changed by hand is refused.

use std::{fs, path::Path};

use ciab::tree::sha256;

/// Holds `docs/<name>.md` against `docs/<name>.json`. Before the word of the Makefile ran first there is neither; one
/// without the other is a change by hand.
pub(crate) fn is_as_it_was_made(name: &str, word: &str) {
    let path = |end: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{name}.{end}"));
    if !path("md").exists() && !path("json").exists() {
        return;
    }
    let (page, results) =
        (fs::read_to_string(path("md")).unwrap(), fs::read_to_string(path("json")).unwrap());
    assert_eq!(fault(name, word, &page, &results), None);
}

/// A changed page and changed results are seen.
pub(crate) fn a_change_is_refused(name: &str, word: &str) {
    let results = "{}\n";
    let body = "# A page\n\n| one | 10 ms |\n";
    let mark = mark(name);
    let page =
        format!("{body}{mark}{}; this page {} -->\n", sha256(results.as_bytes()), sha256(body.as_bytes()));
    let fault = |page: &str, results: &str| fault(name, word, page, results);
    assert_eq!(fault(&page, results), None);
    assert!(fault(&page.replace("10 ms", "9 ms"), results).is_some());
    assert!(fault(&page, "{\"rows\": []}\n").is_some());
    assert!(fault(body, results).is_some());
    assert!(fault(&format!("{page}more\n"), results).is_some());
}

fn mark(name: &str) -> String {
    format!("\n<!-- made from docs/{name}.json ")
}

/// What is wrong with the page, if anything.
fn fault(name: &str, word: &str, page: &str, results: &str) -> Option<String> {
    let Some((body, line)) = page.rsplit_once(&mark(name)) else {
        return Some(format!("docs/{name}.md has no line with its digests"));
    };
    let made = format!("{}; this page {} -->\n", sha256(results.as_bytes()), sha256(body.as_bytes()));
    (line != made).then(|| format!("docs/{name}.md or .json was changed by hand: `{word}` makes both"))
}
