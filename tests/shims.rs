//! What a test host needs in place of a kernel stays with the test host: no template, profile or source knows of it.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What shims set, besides their own names; each word stands in a shim, or the list is not what it says.
const WORDS: [&str; 4] =
    ["userspace-tso-enable", "ovn-bridge-datapath-type", "datapath_type=netdev", "ciab-test-host"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

/// The texts of these folders that hold one of the words.
fn holding(folders: &[&str], words: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = folders.iter().flat_map(|folder| files(&root.join(folder)));
    let held = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_default();
        words.iter().any(|word| text.contains(word))
    };
    all.filter(held).map(|path| path.display().to_string()).collect()
}

#[test]
fn no_template_profile_or_source_holds_a_shim() {
    assert_eq!(holding(&["profiles", "src", "templates"], &WORDS), Vec::<String>::new());
}

#[test]
fn the_words_are_those_of_the_shims() {
    for word in WORDS {
        assert!(!holding(&["tests/host"], &[word]).is_empty(), "{word}");
    }
}
