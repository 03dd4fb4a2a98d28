//! The rules of the house (`ARCHITECTURE.md`), read off the source text. Each can fail: see the tests at the end.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// Files that are questioned and found to be one idea all the same: path and reason.
const LONG: &[(&str, &str)] = &[];

/// Modules that use what stands below them in lib.rs: who, whom, why.
const UPWARD: &[(&str, &str, &str)] = &[];

/// Files outside of `report/` that hold a standard stream: they speak to a program or a unit's output, not to people.
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
    let texts = tracked().into_iter().filter(|path| path != "tests/house.rs").filter_map(|path| {
        // What is no text holds no words.
        fs::read_to_string(root().join(&path)).ok().map(|text| (path, text))
    });
    none(&private(&texts.collect()));
}

/// What `plan`, `render` and `steps` may not touch: they are pure.
fn impure(sources: &Sources) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, code) in sources {
        if ["plan", "render", "steps"].contains(&module(path)) {
            faults
                .extend(words(code).filter(|word| *word == "tokio").map(|_| format!("{path}: names tokio")));
            let forbidden = ["env", "fs", "net", "process", "thread"];
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
        for print in prints.iter().filter(|print| !excepted && has_word(code, print)) {
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

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Whether the text stands there, and not as the end of a longer word.
fn has_word(code: &str, text: &str) -> bool {
    code.match_indices(text).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// What is named directly below a root: of `std::{fs, io::Write}` and `std::env::var` it is fs, io and env.
fn children(code: &str, root: &str) -> Vec<String> {
    let mut children = Vec::new();
    let start = format!("{root}::");
    for (at, _) in code.match_indices(&start) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = code[at + start.len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => children.extend(heads(group)),
            None => children.extend(words(rest).next().map(str::to_owned)),
        }
    }
    children
}

/// The first word of every part of a group in braces, whose opening one has been read.
fn heads(group: &str) -> Vec<String> {
    let (mut heads, mut depth, mut part) = (Vec::new(), 1, String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            heads.extend(words(&part).next().map(str::to_owned));
            part.clear();
        } else {
            part.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

/// The code alone: comments and what stands in quotes taken out, lines kept.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word_before = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = (!word_before).then(|| raw_string(rest)).flatten() {
            length
        } else if c == '"' {
            quoted(rest)
        } else if c == '\'' {
            character(rest)
        } else {
            code.push(c);
            c.len_utf8()
        };
        let (gone, left) = rest.split_at(taken);
        if taken > c.len_utf8() {
            code.extend(gone.chars().filter(|c| *c == '\n'));
        }
        rest = left;
    }
    code
}

/// The length of a raw string that stands here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r').or_else(|| text.strip_prefix("br"))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; of a lifetime only its quote.
fn character(text: &str) -> usize {
    let inside = &text[1..];
    let first = inside.chars().next().map_or(0, char::len_utf8);
    if inside.starts_with('\\') {
        inside[2..].find('\'').map_or(1, |at| at + 4)
    } else if inside[first..].starts_with('\'') {
        first + 2
    } else {
        1
    }
}

/// Takes out modules that are only there for tests.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut lines = code.lines().peekable();
    while let Some(line) = lines.next() {
        let inline_module = |next: &&str| next.contains("mod ") && next.trim_end().ends_with('{');
        if line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(inline_module) {
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            lines.by_ref().find(|line| line.trim_end() == end);
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
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
    let sources: Sources = files.map(|path| (path.clone(), without_tests(&code(&read(&path))))).collect();
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The rules on planted text: what they must catch, and what they must let pass.
mod planted {
    use super::*;

    fn planted(path: &str, text: &str) -> Sources {
        Sources::from([(path.to_owned(), without_tests(&code(text)))])
    }

    #[test]
    fn impurity_is_caught() {
        for text in
            ["use tokio::time;", "use std::{fmt, fs::File};", "let f = std::fs::read(x);", "std::env::var(x)"]
        {
            assert_eq!(impure(&planted("src/plan/fit.rs", text)).len(), 1, "{text}");
        }
        none(&impure(&planted(
            "src/plan/fit.rs",
            "// tokio\nuse std::{fmt::{self, Write}, io};\nlet x = \"std::fs\";",
        )));
        none(&impure(&planted("src/link/mod.rs", "use tokio::time;")));
    }

    #[test]
    fn printing_is_caught() {
        for text in ["println!(x)", "eprint!(x)", "let out = io::stdout().lock();", "dbg!(x)"] {
            assert_eq!(printing(&planted("src/cmd/plan.rs", text)).len(), 1, "{text}");
        }
        none(&printing(&planted("src/report/out.rs", "io::stdout()")));
        none(&printing(&planted(
            "src/cmd/plan.rs",
            "#[cfg(test)]\nmod tests {\n    fn x() { println!() }\n}\n",
        )));
        assert_eq!(
            printing(&planted("src/a.rs", "#[cfg(test)]\nmod tests {\n}\nfn x() { println!() }")).len(),
            1
        );
    }

    #[test]
    fn a_name_in_the_wrong_place_is_caught() {
        assert_eq!(
            named_outside(&planted("src/run.rs", "use russh::client;"), "russh", "src/link/ssh").len(),
            1
        );
        none(&named_outside(&planted("src/link/ssh/pin.rs", "use russh::keys;"), "russh", "src/link/ssh"));
        none(&named_outside(
            &planted("src/run.rs", "//! Not russh.\nlet russh_like = 1;"),
            "russh",
            "src/link/ssh",
        ));
    }

    #[test]
    fn looking_down_the_list_is_caught() {
        let order = order("pub mod step;\n\npub mod plan;\npub mod report;\n");
        assert_eq!(order, ["step", "plan", "report"]);
        for text in
            ["use crate::report::out;", "use crate::{step::{Step, StepId}, report};", "crate::report::x()"]
        {
            assert_eq!(upward(&order, &planted("src/plan/mod.rs", text)).len(), 1, "{text}");
        }
        none(&upward(&order, &planted("src/plan/mod.rs", "use crate::{plan::report, step};")));
        none(&upward(&order, &planted("src/main.rs", "use crate::report;")));
    }

    #[test]
    fn long_files_are_caught() {
        let file = |path: &str, lines| BTreeMap::from([(path.to_owned(), "\n".repeat(lines))]);
        assert_eq!(long(&file("src/x.rs", LONGEST + 1)).len(), 1);
        assert_eq!(long(&file("src/main.rs", MAIN)).len(), 1);
        none(&long(&file("src/x.rs", LONGEST)));
    }

    #[test]
    fn private_places_are_caught() {
        let line = |text: &str| BTreeMap::from([("docs/x.md".to_owned(), text.to_owned())]);
        for text in ["see /work/main/README", "https://files.pythonhosted.org/x", "(/work/x)"] {
            assert_eq!(private(&line(text)).len(), 1, "{text}");
        }
        none(&private(&line("https://github.com/rust-lang/crates.io-index and net/work/x")));
    }

    #[test]
    fn quotes_and_comments_are_no_code() {
        let text = "a('\"', \"b // \\\" c\", r#\"d\"#, 'e', &'x f) // g\n/* h\n*/ i '\\u{1b}' '\\'' j";
        assert_eq!(code(text), "a(, , , , &x f) \n\n i   j");
    }

    #[test]
    fn an_exception_that_is_not_needed_is_gone() {
        for (path, _) in LONG.iter().chain(STREAMS) {
            assert!(root().join(path).is_file(), "{path} is excepted and not there");
        }
        assert!(UPWARD.iter().all(|(who, whom, why)| who != whom && !why.is_empty()));
    }
}
