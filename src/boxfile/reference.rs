//! `docs/box.md`: the reference of the box file, made from the types.

use super::{
    shape::{Key, Shape},
    text::MEANINGS,
};

/// Types of other documents that are read with the same care; no key of a box file has one.
const ELSEWHERE: [&str; 3] = ["inside-path", "sha256", "word"];

const HEAD: &str = "\
# The box file

Made by `BLESS=1 cargo test` from the types in `src/boxfile/`; [box.schema.json](box.schema.json) says the same to
editors and programs, [box.example.yaml](box.example.yaml) shows every key in use.

A value comes from the strongest layer that has one: flag `--set KEY=VALUE`, environment `CIAB_KEY__KEY`, kernel
command line `ciab.KEY`, this file, the profile, the preset below. Maps merge by key, lists replace.
`ciab explain KEY` says which it was.

YAML 1.2 is read strictly: booleans are `true` and `false`, whole numbers are decimal, and what other tools would read
as something else (`yes`, `0755`, `1e3`, `12:30:45`) is written in quotes. Unknown keys are errors.

| key | type | preset | meaning |
|---|---|---|---|
";

/// The page as Markdown.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    let keys = Key::box_file().all();
    let required: Vec<&str> = match &Key::box_file().shape {
        Shape::Table(table) => table.required.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    for (path, key) in &keys {
        // References to secrets are explained once, below.
        if keys.iter().any(|(outer, key)| key.shape.is_secret() && path.starts_with(&format!("{outer}."))) {
            continue;
        }
        let preset = match &key.default {
            Some(value) => format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            None if required.contains(&path.as_str()) => "required".to_owned(),
            None => String::new(),
        };
        let row = format!("| `{path}` | {} | {preset} | {} |\n", kind(&key.shape), meaning(key));
        page.push_str(&row);
    }
    page.push_str("\n## Types\n\n| type | what it holds |\n|---|---|\n");
    for (format, meaning) in MEANINGS.iter().filter(|(format, _)| !ELSEWHERE.contains(format)) {
        page.push_str(&format!("| {format} | {meaning} |\n"));
    }
    page.push_str("| size | a number of bytes, or a number with a unit such as `200GiB` or `1TB` |\n");
    page.push_str("| secret | where a secret is, never the secret: ");
    page.push_str("`{file: /path}`, `{prompt: Question}` or `{credential: name}` (systemd) |\n");
    page
}

fn meaning(key: &Key) -> String {
    match &key.shape {
        Shape::Choice { words, .. } => {
            let said = words.iter().filter(|(_, about)| !about.is_empty());
            let list: Vec<_> = said.map(|(word, about)| format!("`{word}`: {about}")).collect();
            format!("{} {}", key.description, list.join(" ")).trim().to_owned()
        }
        _ => key.description.clone(),
    }
}

fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Integer { min, max } => format!("{min} to {max}"),
        Shape::Text { format, .. } if format == "sysctl-value" => "number or text".to_owned(),
        Shape::Text { format, .. } if format == "ip" => "IP address".to_owned(),
        Shape::Text { format, .. } if format.is_empty() => "text".to_owned(),
        Shape::Text { format, .. } => format.clone(),
        Shape::List(item) => format!("list of {}", kind(&item.shape)),
        Shape::Table(_) | Shape::Map { .. } => "section".to_owned(),
        shape if shape.is_secret() => "secret".to_owned(),
        Shape::Choice { words, tables } => {
            let words = words.iter().map(|(word, _)| format!("`{word}`"));
            words.chain(tables.names().map(|name| format!("`{name}:`"))).collect::<Vec<_>>().join(", ")
        }
        Shape::Anything => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;
    use crate::boxfile::{layers::Layers, place::Layer, schema::schema};

    /// Holds a file of `docs/` to what the types say; `BLESS=1` writes it anew.
    fn holds(name: &str, text: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        if env::var_os("BLESS").is_some() {
            fs::write(&file, text).unwrap();
        }
        let published = fs::read_to_string(&file).unwrap_or_default();
        assert!(published == text, "docs/{name} is out of date: run BLESS=1 cargo test");
    }

    #[test]
    fn the_reference_is_published() {
        holds("box.md", &markdown());
    }

    #[test]
    fn the_schema_is_published() {
        holds("box.schema.json", &(serde_json::to_string_pretty(&schema()).unwrap() + "\n"));
    }

    #[test]
    fn every_key_says_what_it_is_for() {
        for (path, key) in Key::box_file().all() {
            let told = key.description.len() > 10 || path.contains("NAME");
            assert!(told, "{path}: `{}`", key.description);
        }
    }

    #[test]
    fn every_text_has_its_reader() {
        fn readable(path: &str, key: &Key) {
            match &key.shape {
                Shape::Text { reader, .. } => assert!(
                    reader.is_some() || path.ends_with("prompt") || path.ends_with("credential"),
                    "{path}"
                ),
                Shape::Map { names, .. } => assert!(names.is_some(), "{path}: any name is taken"),
                Shape::List(item) => readable(path, item),
                Shape::Anything => panic!("{path}: anything is taken"),
                Shape::Boolean | Shape::Integer { .. } | Shape::Table(_) | Shape::Choice { .. } => {}
            }
        }
        Key::box_file().all().iter().for_each(|(path, key)| readable(path, key));
    }

    #[test]
    fn the_example_shows_every_key_and_is_valid() {
        let text = include_str!("../../docs/box.example.yaml");
        let mut layers = Layers::new();
        layers.document(Layer::File, "docs/box.example.yaml", text.as_bytes());
        if let Err(findings) = layers.wanted() {
            panic!("{}", findings.text(crate::boxfile::fault::Colour::Plain));
        }
        for (path, _) in Key::box_file().all() {
            let name = path.rsplit('.').next().unwrap();
            assert!(name == "NAME" || text.contains(&format!("{name}:")), "{path} is not shown");
        }
    }
}
