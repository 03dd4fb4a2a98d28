//! A tree laid for real, in a disposable host, as `want::real_tests` says: to be cut at any moment and run again.

use std::env;

use super::*;
use crate::{agent::want::real_tests::here, tree::Entry};

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn a_tree_is_laid_whatever_a_cut_left() {
    let host = here();
    // Another text each time, so that each time there is something to do.
    let text = env::var("CIAB_TRY").unwrap_or_default();
    let file = |number: u32| {
        (format!("/opt/ciab-try/{}/{number}", number % 7), Entry::public(format!("{text} {number}\n")))
    };
    let mut tree = Tree((0..200).map(file).collect());
    tree.0.insert(format!("/opt/ciab-try/only-{text}"), Entry::public("goes with the next tree"));
    tree.0.insert("/opt/ciab-try/secret".into(), Entry::secret(text));
    let put = Put { root: "/opt/ciab-try", tree: &tree, message: "Try" };
    let mut out = Vec::new();
    apply(&put, &host, &mut out).unwrap();
    assert_eq!(probe(&put, &host), Answer::Holds);
    let git =
        |words: &[&str]| host.call(["git", "-C", "/opt/ciab-try"].iter().chain(words).copied()).ok().unwrap();
    assert_eq!(git(&["status", "--porcelain"]), "");
    git(&["fsck", "--strict"]);
    let files =
        host.call(["find", "/opt/ciab-try", "-path", "*/.git", "-prune", "-o", "-type", "f", "-print"]).ok();
    assert_eq!(files.unwrap().lines().count(), tree.0.len());
    println!(
        "{} lines said, {} commits",
        String::from_utf8(out).unwrap().lines().count(),
        git(&["log", "--format=%h"]).lines().count()
    );
}
