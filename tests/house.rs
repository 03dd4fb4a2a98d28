//! The rules of the house (`ARCHITECTURE.md`), read off the source text. Each can fail: see the tests at the end.

#[path = "house/code.rs"]
mod code;
#[path = "house/planted.rs"]
mod planted;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use code::{children, code, has_word, test_modules, without_tests, words};

/// Files that are questioned and found to be one idea all the same: path and reason.
const LONG: &[(&str, &str)] = &[
    ("src/agent/record.rs", "the record and, in its tests, every way in which it can be damaged"),
    ("src/agent/wire.rs", "the whole vocabulary between engine and helper, to be read in one go"),
    ("src/boxfile/check.rs", "one walk along the shape of a box file"),
    ("tests/faults/cases.rs", "the named cases, one after the other, and what they share"),
];

/// Modules that use what stands below them in lib.rs: who, whom, why.
const UPWARD: &[(&str, &str, &str)] = &[
    ("boxfile", "profile", "defaults are the lowest layer, and a box file is checked against its profile"),
    ("bundle", "agent", "its files survive a power cut by the same words as the record's"),
];

/// Files outside of `report/` that write to a standard stream: to a program or into a unit's output, not to people.
const STREAMS: &[(&str, &str)] = &[
    ("src/agent/job.rs", "the output of a job is its unit's output, which the record keeps"),
    ("src/cmd/agent.rs", "the helper answers its engine on standard output"),
];

/// Lines after which a file is questioned.
const LONGEST: usize = 400;
/// Lines after which main.rs does more than parse, dispatch and exit.
const MAIN: usize = 100;

/// Source files by path, as the rules read them: without comments, without what stands in quotes, without tests.
type Sources = BTreeMap<String, String>;

#[test]
fn the_middle_is_pure() {
    none(&impure(&sources()));
}

#[test]
fn only_report_prints() {
    none(&printing(&sources()));
}

#[test]
fn a_crate_that_may_be_swapped_is_named_in_one_place() {
    none(&named_outside(&sources(), "russh", "src/link/ssh"));
    none(&named_outside(&sources(), "serde_saphyr", "src/yaml.rs"));
    none(&named_outside(&sources(), "indicatif", "src/report/"));
    none(&named_outside(&sources(), "zbus", "src/agent/systemd/"));
}

#[test]
fn a_module_uses_what_stands_above_it() {
    none(&upward(&order(&read("src/lib.rs")), &sources()));
}

#[test]
fn files_are_one_idea() {
    let texts: BTreeMap<String, String> =
        rust_files().into_iter().map(|path| (path.clone(), read(&path))).collect();
    none(&long(&texts));
}

#[test]
fn nothing_of_a_private_place_is_tracked() {
    let texts = tracked().into_iter().filter(|path| !path.starts_with("tests/house")).filter_map(|path| {
        // What is no text holds no words.
        fs::read_to_string(root().join(&path)).ok().map(|text| (path, text))
    });
    none(&private(&texts.collect()));
}

#[test]
fn the_architecture_names_every_module_and_every_dependency() {
    let page = read("ARCHITECTURE.md");
    none(&unnamed(&page, &order(&read("src/lib.rs")), "module"));
    none(&unnamed(&page, &dependencies(&read("Cargo.toml")), "dependency"));
}

/// What has no row of its own in a table: a name in backticks at the start of a line, alone or with its like.
fn unnamed(page: &str, names: &[String], what: &str) -> Vec<String> {
    let firsts: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"))
        .map(|(first, _)| first)
        .collect();
    let missing =
        names.iter().filter(|name| !firsts.iter().any(|first| first.contains(&format!("`{name}`"))));
    missing.map(|name| format!("ARCHITECTURE.md: {what} `{name}` has no row")).collect()
}

/// The crates that Cargo.toml asks for, of every kind.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim_end().ends_with("dependencies]");
        } else if inside && let Some((name, _)) = line.split_once(" = ") {
            names.push(name.to_owned());
        }
    }
    names
}

/// What `plan`, `render` and `steps` may not touch: they are pure.
fn impure(sources: &Sources) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, code) in sources {
        if ["plan", "render", "steps"].contains(&module(path)) {
            faults
                .extend(words(code).filter(|word| *word == "tokio").map(|_| format!("{path}: names tokio")));
            let forbidden = ["env", "fs", "process", "thread"];
            let used = children(code, "std").into_iter().filter(|child| forbidden.contains(&child.as_str()));
            faults.extend(used.map(|child| format!("{path}: uses std::{child}")));
        }
    }
    faults
}

fn printing(sources: &Sources) -> Vec<String> {
    let prints = ["println!", "eprintln!", "print!", "eprint!", "dbg!", "stdout()", "stderr()"];
    let mut faults = Vec::new();
    for (path, code) in sources {
        let excepted = module(path) == "report" || STREAMS.iter().any(|(file, _)| file == path);
        // Asking whether somebody is there is not printing.
        let code = code.replace("stdout().is_terminal()", "").replace("stderr().is_terminal()", "");
        for print in prints.iter().filter(|print| !excepted && has_word(&code, print)) {
            faults.push(format!("{path}: `{print}`"));
        }
    }
    faults
}

fn named_outside(sources: &Sources, name: &str, home: &str) -> Vec<String> {
    let outside = sources.iter().filter(|(path, _)| !path.starts_with(home));
    let naming = outside.filter(|(_, code)| words(code).any(|word| word == name));
    naming.map(|(path, _)| format!("{path}: names {name}, which belongs in {home}")).collect()
}

fn upward(order: &[String], sources: &Sources) -> Vec<String> {
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut faults = Vec::new();
    for (path, code) in sources {
        let me = module(path);
        // main.rs and lib.rs hold the modules together.
        let Some(mine) = place(me) else { continue };
        for used in children(code, "crate") {
            let excepted = UPWARD.iter().any(|(who, whom, _)| *who == me && *whom == used);
            if place(&used).is_some_and(|other| other > mine) && !excepted {
                faults.push(format!("{path}: `{me}` uses `{used}`, which stands below it in lib.rs"));
            }
        }
    }
    faults
}

fn long(texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in texts {
        let lines = text.lines().count();
        if lines > LONGEST && !LONG.iter().any(|(file, _)| file == path) {
            faults.push(format!("{path}: {lines} lines, more than {LONGEST}"));
        }
        if path == "src/main.rs" && lines >= MAIN {
            faults.push(format!("{path}: {lines} lines, not under {MAIN}"));
        }
    }
    faults
}

/// Paths and hosts that mean something on one machine only.
fn private(texts: &BTreeMap<String, String>) -> Vec<String> {
    let hosts = [
        "index.crates.io",
        "static.crates.io",
        "pypi.org",
        "pythonhosted.org",
        "npmjs.org",
        "proxy.golang.org",
    ];
    let mut faults = Vec::new();
    for (path, text) in texts {
        for (number, line) in text.lines().enumerate() {
            let host = hosts.iter().find(|host| line.contains(**host));
            let place = line
                .match_indices("/work/")
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "}.-_*".contains(c)));
            if host.is_some() || place {
                faults.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    faults
}

/// The first part of a path below `src/`: `plan` for `src/plan/fit.rs` and for `src/plan.rs`.
fn module(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// The modules in the order in which lib.rs lists them.
fn order(lib: &str) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    lib.lines().filter_map(name).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("read {path}: {error}"))
}

/// Tracked files, and new ones that are not ignored; so that a rule is heard before the commit.
fn tracked() -> Vec<String> {
    let words = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").current_dir(root()).args(words).output().expect("git lists the files");
    assert!(output.status.success(), "git ls-files failed; the rules need a checkout");
    let names = String::from_utf8(output.stdout).expect("names are text");
    names.split_terminator('\0').filter(|path| root().join(path).is_file()).map(str::to_owned).collect()
}

fn rust_files() -> Vec<String> {
    tracked().into_iter().filter(|path| path.ends_with(".rs")).collect()
}

fn sources() -> Sources {
    let files = rust_files().into_iter().filter(|path| path.starts_with("src/"));
    let mut sources: Sources = files.map(|path| (path.clone(), code(&read(&path)))).collect();
    let tests: Vec<String> = sources.iter().flat_map(|(path, code)| test_files(path, code)).collect();
    sources.retain(|path, _| {
        !tests.iter().any(|test| path == &format!("{test}.rs") || path.starts_with(&format!("{test}/")))
    });
    assert!(sources.len() > 20, "the sources were not found");
    sources.into_iter().map(|(path, code)| (path, without_tests(&code))).collect()
}

/// Where the modules stand that this file has for tests only, without what ends a file's name.
fn test_files(path: &str, code: &str) -> Vec<String> {
    let stem = path.trim_end_matches(".rs");
    let folder = stem.strip_suffix("/mod").or(stem.strip_suffix("/lib")).unwrap_or(stem);
    test_modules(code).into_iter().map(|name| format!("{folder}/{name}")).collect()
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
