//! Reads any typed document of ours with the care that box files get: every fault at once, with its place.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{
    check::{self, Completeness},
    fault::{Fault, Finding, Findings},
    place::{Layer, Source, Sources},
    read,
    shape::Key,
};

/// Reads `text`, which is called `name` in messages.
pub fn read<T: DeserializeOwned + JsonSchema>(name: &str, text: &str) -> Result<T, Findings> {
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    let source = sources.add(Source { layer: Layer::File, name: name.to_owned(), text: text.to_owned() });
    let value = read::tree(&sources, source, text, 0, &mut findings)
        .and_then(|tree| check::check(&tree, &Key::of_type::<T>(), Completeness::Whole, &mut findings));
    if findings.is_empty() {
        let typed = value.ok_or_else(|| format!("{name} is empty"));
        match typed.and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string())) {
            Ok(typed) => return Ok(typed),
            Err(message) => findings.push(Finding::nowhere(Fault::WrongValue, message)),
        }
    }
    Err(Findings::new(sources, findings))
}
