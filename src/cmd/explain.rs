//! `ciab explain`: each value of the box file, where it comes from and why.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    boxfile::{
        args::BoxArgs,
        wanted::{Explained, Origin, Wanted, nearest_key},
    },
    failure::{Exit, Failure},
};

/// Columns of a plain terminal.
const WIDTH: usize = 80;

/// Shows each value of the box file, and which layer it comes from.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A key such as network.ntp, or a section such as network; all keys when left out.
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// The box file; ./box.yaml when left out.
    #[arg(long = "box", value_name = "BOX")]
    pub file: Option<std::path::PathBuf>,
    /// A value that replaces the one in the box file, such as network.vip=192.168.16.9.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// The answer in both forms.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub text: String,
    pub json: Value,
}

pub fn run(args: &ExplainArgs) -> Result<Explanation, Failure> {
    let boxfile = BoxArgs { file: args.file.clone(), set: args.set.clone() };
    explain(&boxfile.load()?, args.key.as_deref().unwrap_or_default())
}

/// Explains `key`, or everything for an empty one.
pub fn explain(wanted: &Wanted, key: &str) -> Result<Explanation, Failure> {
    let Some(list) = wanted.explain(key) else {
        let failure = Failure::new(Exit::Usage, format!("`{key}` is no key of the box file"));
        return Err(match nearest_key(key) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint("`ciab explain` lists all keys that have a value"),
        });
    };
    let text = match list.as_slice() {
        [one] => single(one),
        many => table(many),
    };
    let values: Vec<Value> = list.iter().map(one_json).collect();
    Ok(Explanation { text, json: json!({ "schema": "ciab/explain/v1", "values": values }) })
}

/// Key, value and origin in columns; what is too long for its column goes on in a line of its own.
fn table(list: &[Explained]) -> String {
    let longest =
        |column: fn(&Explained) -> usize, most: usize| list.iter().map(column).max().unwrap_or(0).min(most);
    let key = longest(|row| row.key.chars().count(), 34);
    let from = longest(|row| origin(row).chars().count(), 22);
    let value = WIDTH - key - from - 4;
    let mut text = format!("{:key$}  {:value$}  FROM\n", "KEY", "VALUE");
    for row in list {
        let shown = cut(row.value.as_deref().unwrap_or("(not set)"), value);
        let line = format!("{:key$}  {shown:value$}  {}", cut(&row.key, key), cut_front(&origin(row), from));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn single(one: &Explained) -> String {
    let mut text = format!("{} = {}\n", one.key, one.value.as_deref().unwrap_or("(not set)"));
    for line in wrap(&one.meaning, WIDTH - 2) {
        text.push_str(&format!("  {line}\n"));
    }
    for (n, origin) in one.origins.iter().enumerate() {
        let word = if n == 0 { "from" } else { "over" };
        text.push_str(&format!("  {word} {}: {}\n", origin.layer.title(), origin.place));
    }
    text
}

fn origin(row: &Explained) -> String {
    row.origins.first().map(|origin| origin.place.clone()).unwrap_or_default()
}

fn one_json(one: &Explained) -> Value {
    let origin = |origin: &Origin| json!({ "layer": origin.layer, "place": origin.place, "at": origin.at });
    json!({
        "key": one.key,
        "value": one.value,
        "from": one.origins.first().map(origin),
        "over": one.origins.iter().skip(1).map(origin).collect::<Vec<_>>(),
        "meaning": one.meaning,
    })
}

/// The first `width` characters, the last a mark if there were more.
fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The last `width` characters: the end of a place says more than its beginning.
fn cut_front(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    ['…'].into_iter().chain(text.chars().skip(count - width + 1)).collect()
}

/// Breaks text at spaces into lines of at most `width` characters.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxfile::{layers::Layers, place::Layer};

    const BOX: &str = include_str!("../../docs/box.example.yaml");

    fn wanted() -> Wanted {
        let mut layers = Layers::new();
        layers.document(Layer::File, "box.yaml", BOX.as_bytes());
        layers.variable("CIAB_NETWORK__NTP", "[ntp.example.org]");
        layers.flag("network.ntp=[192.0.2.123]");
        layers.cmdline("quiet ciab.tuning.timezone=Europe/Paris");
        layers.detected(Layer::Detected, "name", "found", "the host name of the box");
        layers.wanted().unwrap()
    }

    #[test]
    fn a_value_names_its_layer_and_those_it_overrode() {
        let said = explain(&wanted(), "network.ntp").unwrap();
        let layers: Vec<_> = said.json["values"][0]["over"]
            .as_array()
            .unwrap()
            .iter()
            .map(|origin| origin["layer"].as_str().unwrap())
            .collect();
        assert_eq!(said.json["values"][0]["from"]["layer"], "flag");
        assert_eq!(said.json["values"][0]["value"], "[192.0.2.123]");
        assert_eq!(layers, ["env", "file", "profile", "default"]);
        assert!(said.text.contains("over profile: profiles/base.yaml:"), "{}", said.text);
    }

    #[test]
    fn the_table_fits_a_plain_terminal() {
        let said = explain(&wanted(), "").unwrap();
        assert!(said.text.lines().all(|line| line.chars().count() <= WIDTH), "{}", said.text);
        assert!(said.text.lines().count() > 20);
    }

    #[test]
    fn a_key_that_no_layer_sets_still_says_what_it_is_for() {
        let mut layers = Layers::new();
        let keys = wanted().boxfile.access.ssh_keys[0].to_string();
        layers.flag(&format!("access.ssh_keys=[\"{keys}\"]"));
        layers.document(Layer::File, "b", b"{apiVersion: ciab/v1, kind: Box, profile: base}");
        let wanted = layers.wanted().unwrap();
        let said = explain(&wanted, "network.vip").unwrap();
        assert!(said.text.starts_with("network.vip = (not set)\n  The address"), "{}", said.text);
        let failure = explain(&wanted, "network.ntpp").unwrap_err();
        assert_eq!(failure.hints, ["did you mean `network.ntp`?"]);
    }
}
