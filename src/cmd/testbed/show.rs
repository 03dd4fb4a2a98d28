//! `ciab testbed list`: which machines there are, and how one is reached.

use serde_json::{Value, json};

use super::base;
use crate::{
    failure::{Exit, Failure},
    report::out,
    testbed::{
        debian,
        machine::{Machine, Place},
        power,
    },
};

/// The form of the document.
const SCHEMA: &str = "ciab/testbed-list/v1";

/// Lists the machines and how each is reached.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let base = base()?;
    let mut machines = Vec::new();
    for name in Place::all(&base)? {
        let place = Place::of(&base, &name)?;
        machines.push(one(&place.machine()?, &place)?);
    }
    if args.json {
        out::json(&json!({"schema": SCHEMA, "machines": machines}))?;
        return Ok(Exit::Done);
    }
    let texts: Vec<String> = machines.iter().map(text).collect();
    out::page(&texts.join("\n"))?;
    Ok(Exit::Done)
}

/// A machine as a document: what it is, whether it is on, and how it is reached.
pub(super) fn one(machine: &Machine, place: &Place) -> Result<Value, Failure> {
    let mut shown = json!({
        "schema": "ciab/testbed-machine/v1",
        "name": machine.name,
        "on": power::is_on(place)?,
        "accelerator": machine.accelerator,
        "console": place.path("console.log"),
    });
    if machine.keys {
        let host_key = std::fs::read_to_string(place.path("host_key.pub")).map_err(anyhow::Error::from)?;
        let words: Vec<&str> = host_key.split_whitespace().take(2).collect();
        shown["target"] = json!(format!("{}@127.0.0.1:{}", debian::USER, machine.port));
        shown["identity"] = json!(place.path("key"));
        shown["host_key"] = json!(words.join(" "));
    } else {
        shown["port"] = json!(machine.port);
    }
    Ok(shown)
}

/// The same for people: what stands in a box file for it.
pub(super) fn text(shown: &Value) -> String {
    let word = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
    let on = if shown["on"] == true { "on" } else { "off" };
    let mut text =
        format!("{}: {on}, {}, console in {}\n", word("name"), word("accelerator"), word("console"));
    if shown.get("target").is_some() {
        text += "access:\n";
        for key in ["target", "identity", "host_key"] {
            text += &format!("  {key}: {}\n", word(key));
        }
    } else {
        text += &format!("127.0.0.1:{} leads to its port 22\n", shown["port"]);
    }
    text
}
