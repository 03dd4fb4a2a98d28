//! Box files that are refused, each with the exact words it is refused with.
//!
//! A folder of `tests/refused/` holds `box.yaml` and `expected.txt`, and where the fault is not in the file
//! `flags`, `env` (a line each) or `cmdline`. `BLESS=1 cargo test --test refused` writes `expected.txt` anew.

use std::{env, fs, path::Path};

use ciab::boxfile::{fault::Colour, layers::Layers, place::Layer};

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn refusal(case: &Path) -> String {
    let mut layers = Layers::new();
    layers.document(Layer::File, "box.yaml", &fs::read(case.join("box.yaml")).unwrap_or_default());
    lines(&case.join("cmdline")).iter().for_each(|line| layers.cmdline(line));
    for line in lines(&case.join("env")) {
        let (name, value) = line.split_once('=').unwrap_or((&line, ""));
        layers.variable(name, value);
    }
    lines(&case.join("flags")).iter().for_each(|line| layers.flag(line));
    match layers.wanted() {
        Ok(_) => "accepted\n".to_owned(),
        Err(findings) => findings.text(Colour::Plain) + "\n",
    }
}

#[test]
fn each_is_refused_with_its_own_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 20);
    let mut wrong = Vec::new();
    for case in cases {
        let said = refusal(&case);
        let file = case.join("expected.txt");
        if env::var_os("BLESS").is_some() {
            fs::write(&file, &said).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert_ne!(said, "accepted\n", "{}", case.display());
        if said != expected {
            wrong.push(format!("{}:\n{said}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_of_a_gigabyte_is_not_looked_at() {
    let mut layers = Layers::new();
    layers.document(Layer::File, "box.yaml", &vec![b'#'; (1 << 20) + 1]);
    let findings = layers.wanted().unwrap_err();
    assert!(
        findings.text(Colour::Plain).contains("box.yaml is larger than 1 MiB"),
        "{}",
        findings.text(Colour::Plain)
    );
}
