//! `docs/scs.md` is made from `docs/scs.yaml`, whose rows may claim only what is there: switches of the box file, keys of the
//! rendered trees, checks with a hint, consumers that accepted, proofs that ran. `BLESS=1` writes the page.
#![expect(clippy::unwrap_used, reason = "a test's helpers are tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use ciab::{
    profile::{cloud_services, hints},
    yaml,
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    topic: String,
    #[serde(default)]
    switch: Vec<String>,
    #[serde(default)]
    keys: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    checks: Vec<String>,
    command: Option<String>,
    state: State,
    #[serde(default)]
    shown: Vec<String>,
    says: Option<String>,
    one_host: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Rendered,
    ConsumerAccepted,
    Run,
    Absent,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Rendered => "rendered",
            Self::ConsumerAccepted => "consumer-accepted",
            Self::Run => "run",
            Self::Absent => "absent",
        }
    }
}

const HEAD: &str = "\
# The topics of the Sovereign Cloud Stack

Made by `BLESS=1 cargo test --test scs` from [scs.yaml](scs.yaml), which says more about the columns; the same test refuses
a row that claims what is not there.

**rendered**: it stands in the configuration. **consumer-accepted**: the programs named read it ([consumers.md](consumers.md)).
**run**: it ran, in the proof named ([acceptance.md](acceptance.md), [cloud.md](cloud.md), `tests/e2e/`). **absent**: not there, with the reason.

| row | topic | switch | rendered | command, checks | state | shown by | what is left, and what one host cannot give |
|---|---|---|---|---|---|---|---|
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn rows() -> Vec<Row> {
    yaml::from_str::<Document>(&read("docs/scs.yaml")).unwrap().rows
}

fn code<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn page(rows: &[Row]) -> String {
    let mut page = HEAD.to_owned();
    for row in rows {
        let keys: Vec<String> =
            row.keys.iter().map(|(engine, keys)| format!("{engine}: {}", code(keys))).collect();
        let asked = code(row.command.iter().chain(&row.checks));
        let one_host = row.one_host.iter().map(|text| format!("One host: {text}"));
        let left: Vec<String> = row.says.iter().cloned().chain(one_host).collect();
        let cells = [
            row.id.clone(),
            row.topic.clone(),
            code(&row.switch),
            keys.join("; "),
            asked,
            format!("**{}**", row.state.word()),
            row.shown.join("; "),
            left.join(" "),
        ];
        writeln!(page, "| {} |", cells.join(" | ")).unwrap();
    }
    page
}

#[test]
fn the_page_is_made_from_the_rows() {
    let page = page(&rows());
    if std::env::var_os("BLESS").is_some() {
        fs::write(root().join("docs/scs.md"), &page).unwrap();
    }
    assert!(read("docs/scs.md") == page, "docs/scs.md is old: BLESS=1 cargo test --test scs");
}

#[test]
fn every_topic_has_its_row() {
    let ids: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    assert_eq!(ids, (1..=37).map(|number| format!("F{number:02}")).collect::<Vec<_>>());
}

#[test]
fn no_row_claims_what_is_not_there() {
    let faults: Vec<String> = rows()
        .iter()
        .flat_map(|row| faults(row).into_iter().map(|fault| format!("{}: {fault}", row.id)))
        .collect();
    assert!(faults.is_empty(), "docs/scs.yaml:\n{}", faults.join("\n"));
}

#[test]
fn a_row_that_claims_too_much_is_refused() {
    let row = |text: &str| {
        let text = format!("rows:\n  - {{ id: F01, topic: t, {text} }}\n");
        faults(&yaml::from_str::<Document>(&text).unwrap().rows[0])
    };
    assert!(row("state: absent, says: why").is_empty());
    assert_eq!(row("state: absent"), ["it does not tell why it is absent"]);
    assert_eq!(row("state: rendered, switch: [storage.colour]").len(), 2);
    assert_eq!(
        row("state: rendered, switch: [services.colour], keys: { kolla: [docker_registry] }").len(),
        1
    );
    assert_eq!(row("state: rendered, keys: { kolla: [no_such_key] }").len(), 1);
    assert_eq!(row("state: absent, says: why, checks: [cpu.colour]").len(), 1);
    assert_eq!(row("state: consumer-accepted, shown: [nobody]").len(), 1);
    assert_eq!(row("state: consumer-accepted").len(), 1);
    assert_eq!(row("state: run, shown: ['tests/e2e/offline: it flies']").len(), 1);
    assert_eq!(row("state: run, shown: ['docs/acceptance.md: it flies']").len(), 1);
    assert_eq!(row("state: run, shown: ['docs/cloud.md: it flies']").len(), 1);
    assert_eq!(row("state: run, shown: [ansible-lint]").len(), 1);
    assert!(row("state: run, shown: ['docs/acceptance.md: a bare machine is looked at']").is_empty());
}

/// What a row claims and nothing bears out.
fn faults(row: &Row) -> Vec<String> {
    let mut faults = Vec::new();
    let keys = read("docs/box.md");
    let services: BTreeSet<&str> = cloud_services().iter().map(|service| service.name.as_str()).collect();
    for switch in &row.switch {
        let there = match switch.strip_prefix("services.") {
            Some(service) => services.contains(service),
            None => keys.contains(&format!("| `{switch}` |")),
        };
        faults.extend((!there).then(|| format!("the box file has no key {switch}")));
    }
    for (engine, keys) in &row.keys {
        let trees = trees(engine);
        let missing = keys.iter().filter(|key| !trees.iter().any(|text| text.contains(key.as_str())));
        faults.extend(missing.map(|key| format!("no tree of engine {engine} has {key}")));
    }

    let unknown = row.checks.iter().filter(|id| hints().get(id.as_str()).is_none());
    faults.extend(unknown.map(|id| format!("there is no check {id}")));
    match row.state {
        State::Absent if row.says.is_none() => faults.push("it does not tell why it is absent".to_owned()),
        State::Rendered if row.keys.is_empty() => faults.push("it names nothing that is rendered".to_owned()),
        State::ConsumerAccepted | State::Run if row.shown.is_empty() => {
            faults.push("it names nothing that shows it".to_owned());
        }
        _ => {}
    }
    let results = Results { row };
    let shown = row.shown.iter().filter_map(|shown| match row.state {
        State::ConsumerAccepted => results.accepted(shown),
        State::Run => results.ran(shown),
        State::Rendered | State::Absent => Some(format!("{} needs nobody to show it", row.state.word())),
    });
    faults.extend(shown);
    faults
}

/// The texts of the stored trees of an engine.
fn trees(engine: &str) -> Vec<String> {
    fn texts(folder: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, into);
            } else {
                into.extend(fs::read_to_string(&path));
            }
        }
    }
    let mut into = Vec::new();
    for entry in fs::read_dir(root().join("tests/cases")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("tree-") && name.ends_with(&format!("-{engine}")) {
            texts(&path, &mut into);
        }
    }
    into
}

struct Results<'a> {
    row: &'a Row,
}

impl Results<'_> {
    /// A consumer has to have accepted a tree of each engine that the row has keys of.
    fn accepted(&self, consumer: &str) -> Option<String> {
        let found: Value = serde_json::from_str(&read("docs/consumers.json")).unwrap();
        let rows = found["rows"].as_array().unwrap();
        let accepts = |engine: Option<&str>| {
            rows.iter().any(|row| {
                row["consumer"] == consumer
                    && row["accepted"] == true
                    && engine.is_none_or(|engine| row["engine"] == engine)
            })
        };
        let engines = self.row.keys.keys().map(|engine| Some(engine.as_str()));
        let refused =
            engines.chain(self.row.keys.is_empty().then_some(None)).find(|engine| !accepts(*engine));
        refused.map(|engine| format!("{consumer} accepted no tree of engine {}", engine.unwrap_or("any")))
    }

    /// A proof in a file, by its title: one of the acceptance that passed, or one that `make test` makes each time.
    fn ran(&self, shown: &str) -> Option<String> {
        let Some((file, title)) = shown.split_once(": ") else {
            return Some(format!("`{shown}` is no proof: FILE: TITLE"));
        };
        let there = match file {
            "docs/acceptance.md" | "docs/cloud.md" => {
                // Results that nobody has made show nothing.
                let text = fs::read_to_string(root().join(file.replace(".md", ".json"))).unwrap_or_default();
                let found: Value = serde_json::from_str(&text).unwrap_or_default();
                let passed = |line: &Value| line["outcome"] == "passed" || line["pass"] == true;
                let lines = ["results", "proofs"].iter().filter_map(|list| found[list].as_array());
                lines.flatten().any(|line| line["what"] == title && passed(line))
            }
            _ if file.starts_with("tests/e2e/") => read(file).contains(&format!("check \"{title}\"")),
            _ => false,
        };
        (!there).then(|| format!("{file} has no proof `{title}` that passed"))
    }
}
