use std::{collections::BTreeMap, fs};

use super::*;
use crate::{agent::want::testing::Box, tree::Entry};

const ROOT: &str = "/opt/configuration";

fn entry(text: &str) -> Entry {
    Entry { owner: "me".into(), group: "me".into(), ..Entry::public(text) }
}

fn secret(text: &str) -> Entry {
    Entry { owner: "me".into(), group: "me".into(), ..Entry::secret(text) }
}

fn tree(files: &[(&str, Entry)]) -> Tree {
    Tree(
        files
            .iter()
            .map(|(path, entry)| (format!("{ROOT}/{path}"), entry.clone()))
            .collect::<BTreeMap<_, _>>(),
    )
}

fn put(b: &Box, tree: &Tree) -> String {
    let put = Put { root: ROOT, tree, message: "Lay the tree" };
    let mut out = Vec::new();
    apply(&put, &b.host, &mut out).unwrap();
    assert_eq!(probe(&put, &b.host), Answer::Holds);
    String::from_utf8(out).unwrap()
}

fn missing(b: &Box, tree: &Tree) -> String {
    match probe(&Put { root: ROOT, tree, message: "" }, &b.host) {
        Answer::Missing(why) => why,
        other => panic!("{other:?}"),
    }
}

fn git(b: &Box, words: &[&str]) -> String {
    let root = b.host.path(ROOT).unwrap().to_string_lossy().into_owned();
    let argv = ["git", "-C", &root, "-c", "user.name=op", "-c", "user.email=op@box"];
    b.host.call(argv.iter().chain(words).copied()).ok().unwrap()
}

fn log(b: &Box) -> Vec<String> {
    git(b, &["log", "--format=%s"]).lines().map(str::to_owned).collect()
}

#[test]
fn a_tree_is_laid_and_committed_once() {
    let b = Box::real();
    let first = tree(&[("a/x.yml", entry("x: 1\n")), ("b [1]*.yml", entry("y\n"))]);
    assert_eq!(missing(&b, &first), "/opt/configuration/a/x.yml does not exist");
    put(&b, &first);
    assert_eq!(put(&b, &first), "");
    assert_eq!(log(&b), ["Lay the tree"]);
    assert_eq!(git(&b, &["status", "--porcelain"]), "");
    git(&b, &["fsck", "--strict"]);
}

#[test]
fn what_an_earlier_tree_laid_goes_and_what_others_wrote_stays() {
    let b = Box::real();
    put(&b, &tree(&[("keep", entry("1")), ("drop/me", entry("1"))]));
    b.file("/opt/configuration/mine", "operator's");
    b.file("/opt/configuration/staged", "operator's");
    git(&b, &["add", "staged"]);
    let next = tree(&[("keep", entry("2"))]);
    assert_eq!(missing(&b, &next), "/opt/configuration/keep has other content");
    put(&b, &next);
    assert_eq!(git(&b, &["status", "--porcelain"]), "A  staged\n?? mine\n");
    assert_eq!(git(&b, &["ls-tree", "-r", "--name-only", "HEAD"]), "keep\n");
    assert!(!b.host.path("/opt/configuration/drop/me").unwrap().exists());
}

#[test]
fn what_the_operator_changed_is_in_the_history_before_it_is_overwritten() {
    let b = Box::real();
    b.file("/opt/configuration/found", "before us");
    let wanted = tree(&[("x", entry("ours")), ("found", entry("ours"))]);
    put(&b, &wanted);
    b.file("/opt/configuration/x", "theirs");
    put(&b, &wanted);
    assert_eq!(
        log(&b),
        ["Lay the tree", "Keep what was found on the box", "Lay the tree", "Keep what was found on the box"]
    );
    assert_eq!(git(&b, &["show", "HEAD~1:x"]), "theirs");
    assert_eq!(git(&b, &["show", "HEAD~3:found"]), "before us");
}

#[test]
fn a_secret_is_laid_closed_and_never_committed() {
    let b = Box::real();
    put(&b, &tree(&[("x", entry("1")), ("s", entry("not yet secret"))]));
    let wanted = tree(&[("x", entry("1")), ("s", secret("canary"))]);
    put(&b, &wanted);
    put(&b, &wanted);
    assert_eq!(git(&b, &["ls-tree", "-r", "--name-only", "HEAD"]), "x\n");
    assert_eq!(git(&b, &["status", "--porcelain"]), "");
    assert!(!git(&b, &["log", "-p"]).contains("canary"));
    b.file("/opt/configuration/t", "somebody's");
    let more = tree(&[("t", secret("canary"))]);
    let refused = apply(&Put { root: ROOT, tree: &more, message: "" }, &b.host, &mut Vec::new());
    assert!(refused.is_err());
    assert_eq!(b.text("/opt/configuration/t"), "somebody's");
}

#[test]
fn what_a_killed_git_or_a_power_cut_left_is_put_right() {
    let b = Box::real();
    let wanted = tree(&[("x", entry("1"))]);
    put(&b, &wanted);
    let dot = b.host.path("/opt/configuration/.git").unwrap();
    for damage in ["index.lock", "index", "HEAD", "nothing: only a change"] {
        fs::write(dot.join(damage), "").unwrap();
        let next = tree(&[("x", entry(damage))]);
        put(&b, &next);
        git(&b, &["fsck"]);
    }
    fs::write(dot.join("index"), "garbage").unwrap();
    put(&b, &wanted);
    assert_eq!(log(&b).len(), 6);
    assert_eq!(git(&b, &["status", "--porcelain"]), "");
}

#[test]
fn a_try_that_was_cut_short_anywhere_is_completed() {
    let b = Box::real();
    let old = tree(&[("x", entry("1")), ("gone", entry("1"))]);
    put(&b, &old);
    let next = tree(&[("x", entry("2")), ("y", entry("2"))]);
    // As it is when only the list and one file were written.
    let both = Manifest { paths: old.0.keys().chain(next.0.keys()).cloned().collect() };
    let next_put = Put { root: ROOT, tree: &next, message: "" };
    both.keep(&next_put, &b.host).unwrap();
    b.file("/opt/configuration/x", "2");
    put(&b, &next);
    assert_eq!(log(&b), ["Lay the tree", "Lay the tree"]);
    assert_eq!(git(&b, &["ls-tree", "-r", "--name-only", "HEAD"]), "x\ny\n");
}

#[test]
fn paths_outside_and_open_secrets_are_refused() {
    let b = Box::real();
    let open = Entry { mode: 0o644, ..secret("") };
    let outside = Tree(BTreeMap::from([("/opt/configuration2/x".to_owned(), entry(""))]));
    for bad in [tree(&[("s", open)]), tree(&[(".git/config", entry(""))]), outside] {
        assert!(apply(&Put { root: ROOT, tree: &bad, message: "" }, &b.host, &mut Vec::new()).is_err());
    }
}
