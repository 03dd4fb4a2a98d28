//! The recorded machines of `tests/cases`, for the tests of every stage.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    Facts,
    source::{Recording, sketch},
};

/// The folder of all cases.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Every folder that holds a recording, in alphabetical order.
pub(crate) fn names() -> Vec<String> {
    let is_recorded = |path: &Path| path.join("facts.txt").exists() || path.join("facts.json").exists();
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| is_recorded(&entry.path()))
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The recording of a machine, from its sketch or as it was made.
pub(crate) fn recording(name: &str) -> Recording {
    let case = folder().join(name);
    match fs::read_to_string(case.join("facts.txt")) {
        Ok(text) => sketch::parse(&whole(&text)).unwrap_or_else(|error| panic!("{name}/facts.txt: {error}")),
        Err(_) => Recording::parse(&fs::read(case.join("facts.json")).unwrap()).unwrap(),
    }
}

/// What is known of a machine.
pub(crate) fn facts(name: &str) -> Facts {
    Facts::read(&recording(name))
}

/// A sketch with what it shares with others (`< debian-12`) put in.
fn whole(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("< ") {
        Some(common) => {
            let path = folder().join("common").join(format!("{common}.txt"));
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Compares a file with what it should be, or writes it when `BLESS` is set.
pub(crate) fn expect(path: &Path, text: &str) {
    if env::var_os("BLESS").is_some() {
        return fs::write(path, text).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(expected == text, "{} differs; `make bless` writes it anew:\n{text}", path.display());
}
