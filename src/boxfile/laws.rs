//! Laws of the box file, tried with random text: nothing panics, and what is valid is written so that it reads back.

use std::{fs, path::Path};

use proptest::{prelude::*, test_runner::Config};

use super::{
    BoxFile,
    fault::{Colour, Fault, Findings},
    layers::Layers,
    place::Layer,
    shape::Key,
    wanted::Wanted,
};
use crate::yaml;

const EXAMPLE: &str = include_str!("../../docs/box.example.yaml");

/// What a proptest found once is kept in tests/corpus/boxfile/, where everybody can read it.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::with_cases(256) }
}

fn load(bytes: &[u8], flags: &[String]) -> Result<Wanted, Findings> {
    let mut layers = Layers::new();
    layers.document(Layer::File, "box.yaml", bytes);
    flags.iter().for_each(|flag| layers.flag(flag));
    layers.wanted()
}

/// Loads, shows all that is shown, and holds what is valid to the law of writing back.
fn holds(bytes: &[u8], flags: &[String]) {
    match load(bytes, flags) {
        Ok(wanted) => {
            wanted.explain("").unwrap();
            let text = yaml::to_string(&wanted.boxfile).unwrap();
            let again: BoxFile = match load(text.as_bytes(), &[]) {
                Ok(again) => again.boxfile,
                Err(findings) => panic!("{}\n{text}", findings.text(Colour::Plain)),
            };
            assert_eq!(wanted.boxfile, again, "{text}");
        }
        Err(findings) => {
            findings.text(Colour::Ansi);
            findings.json();
            let drifted = |f: &super::fault::Finding| f.fault == Fault::WrongValue && f.place.is_none();
            assert!(
                !findings.list().iter().any(drifted),
                "the walk took what the types refuse: {findings:?}"
            );
        }
    }
}

#[test]
fn the_corpus_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/boxfile");
    for entry in fs::read_dir(root).unwrap() {
        holds(&fs::read(entry.unwrap().path()).unwrap(), &[]);
    }
}

#[test]
fn an_example_cut_at_any_byte_holds() {
    (0..EXAMPLE.len()).step_by(7).for_each(|end| holds(&EXAMPLE.as_bytes()[..end], &[]));
}

/// Text of the kind that trips YAML readers, besides any text at all.
fn nasty() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "yes",
        "0755",
        "1e3",
        "12:30:45",
        "52:54:00:12:34:56",
        "2026-11-20",
        "~",
        "",
        "a: b",
        "- a",
        "# a",
        "'",
        "\"",
        "{}",
        "[]",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "a\nb",
        " a ",
        "\u{85}",
        "\u{feff}",
        "\u{2028}",
        "ä",
        "=",
        "<<",
        "null",
        "true",
        "-1",
        "4096",
        "10.0.0.0/8",
        "192.0.2.7",
        "dhcp",
        "{file: /a}",
        "{prompt: a}",
        "18446744073709551615",
        "9223372036854775808",
        "1GiB",
        ">=1GiB",
        "local",
        "me@h:1",
        "C.UTF-8",
        "/a",
        "~/b",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(&bytes, &[]);
    }

    #[test]
    fn any_text_of_yaml_characters_holds(text in "[-a-z0-9:{}\\[\\],&*#?|<>%@!'\"\n .]{0,120}") {
        holds(text.as_bytes(), &[]);
    }

    #[test]
    fn an_example_with_lines_lost_and_bytes_changed_holds(
        lost in prop::collection::vec(0..200_usize, 0..6),
        changed in prop::collection::vec((0..EXAMPLE.len(), any::<u8>()), 0..3),
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for (at, byte) in changed {
            bytes[at] = byte;
        }
        let lines = bytes.split_inclusive(|b| *b == b'\n').enumerate();
        let kept: Vec<u8> = lines.filter(|(n, _)| !lost.contains(n)).flat_map(|(_, line)| line.to_vec()).collect();
        holds(&kept, &[]);
    }

    #[test]
    fn an_example_with_any_values_set_holds(values in prop::collection::vec((any::<prop::sample::Index>(), nasty()), 1..4)) {
        let keys = Key::box_file().all();
        let flags: Vec<String> = values
            .iter()
            .map(|(index, text)| format!("{}={text}", index.get(&keys).0.replace("NAME", "data")))
            .collect();
        holds(EXAMPLE.as_bytes(), &flags);
    }
}
