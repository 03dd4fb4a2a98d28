//! The rules on planted text: what they must catch, and what they must let pass.

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
    none(&printing(&planted("src/cmd/plan.rs", "#[cfg(test)]\nmod tests {\n    fn x() { println!() }\n}\n")));
    assert_eq!(
        printing(&planted("src/a.rs", "#[cfg(test)]\nmod tests {\n}\nfn x() { println!() }")).len(),
        1
    );
}

#[test]
fn a_name_in_the_wrong_place_is_caught() {
    assert_eq!(named_outside(&planted("src/run.rs", "use russh::client;"), "russh", "src/link/ssh").len(), 1);
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
fn a_test_in_a_file_of_its_own_is_known() {
    let code = "pub mod a;\n#[cfg(test)]\npub(crate) mod cases;\n";
    assert_eq!(test_files("src/plan/mod.rs", code), ["src/plan/cases"]);
    assert_eq!(test_files("src/run.rs", code), ["src/run/cases"]);
}

#[test]
fn an_exception_that_is_not_needed_is_gone() {
    let sources = sources();
    for (path, _) in LONG {
        assert!(read(path).lines().count() > LONGEST, "{path} is not long any more");
    }
    for (path, _) in STREAMS {
        let code = sources.get(*path).map_or("", String::as_str);
        assert!(has_word(code, "stdout()") || has_word(code, "stderr()"), "{path} holds no stream any more");
    }
    let order = order(&read("src/lib.rs"));
    for (who, whom, _) in UPWARD {
        let place = |name: &str| order.iter().position(|module| module == name);
        let used = sources
            .iter()
            .any(|(path, code)| module(path) == *who && children(code, "crate").contains(&(*whom).into()));
        assert!(used && place(whom) > place(who), "`{who}` does not look down to `{whom}` any more");
    }
}

#[test]
fn a_module_or_dependency_without_a_reason_is_caught() {
    let page = "| name | reason |\n| `serde`, `serde_json` | data |\nand `tokio` in passing\n";
    let names = dependencies(
        "[package]\nname = \"x\"\n[dependencies]\nserde = \"1\"\ntokio = \"1\"\n[lints.rust]\na = 1\n",
    );
    assert_eq!(names, ["serde", "tokio"]);
    assert_eq!(unnamed(page, &names, "dependency"), ["ARCHITECTURE.md: dependency `tokio` has no row"]);
}
