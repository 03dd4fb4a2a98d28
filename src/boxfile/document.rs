//! Reads any typed document of ours with the care that box files get: every fault at once, with its place.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    check::{self, Completeness},
    fault::{Fault, Finding, Findings},
    place::{Layer, Source, Sources},
    read,
    shape::Key,
};
use crate::{embedded, yaml};

/// Reads `text`, which is called `name` in messages.
pub fn read<T: DeserializeOwned + JsonSchema>(name: &str, text: &str) -> Result<T, Findings> {
    typed(name, checked::<T>(name, text, Completeness::Whole)?)
}

/// The document of a file that is part of this program; a test reads each, so that it cannot be wrong here.
pub fn embedded<T: DeserializeOwned + JsonSchema>(name: &'static str) -> T {
    own::<T>(name, Completeness::Whole).and_then(|value| typed(name, value)).unwrap_or_else(|findings| {
        unreachable!("{name} is part of the program, and its test passed: {findings:?}")
    })
}

/// The same of a file that holds a part of a document, in which any key may be missing.
pub fn part<T: JsonSchema>(name: &'static str) -> Result<Value, Findings> {
    own::<T>(name, Completeness::Layer)
}

/// What a file that is part of this program says. In the tests it gets the care of a box file; a program that has
/// passed them would find nothing.
fn own<T: JsonSchema>(name: &'static str, completeness: Completeness) -> Result<Value, Findings> {
    let text = embedded::text(name);
    let said = yaml::from_str(text).map_err(|error| unusable(format!("{name}: {error}")))?;
    if cfg!(test) {
        let careful = checked::<T>(name, text, completeness)?;
        assert_eq!(careful, said, "{name}");
    }
    Ok(said)
}

/// The document of a value that was checked, or put together from parts that were.
pub fn typed<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, Findings> {
    serde_json::from_value(value).map_err(|error| unusable(format!("{name}: {error}")))
}

fn unusable(why: String) -> Findings {
    Findings::new(Sources::default(), vec![Finding::nowhere(Fault::WrongValue, why)])
}

fn checked<T: JsonSchema>(name: &str, text: &str, completeness: Completeness) -> Result<Value, Findings> {
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    let source = sources.add(Source { layer: Layer::File, name: name.to_owned(), text: text.to_owned() });
    let value = read::tree(&sources, source, text, 0, &mut findings)
        .and_then(|tree| check::check(&tree, &Key::of_type::<T>(), completeness, &mut findings));
    match value {
        Some(value) if findings.is_empty() => Ok(value),
        None if findings.is_empty() => {
            let finding = Finding::nowhere(Fault::WrongValue, format!("{name} is empty"));
            Err(Findings::new(sources, vec![finding]))
        }
        Some(_) | None => Err(Findings::new(sources, findings)),
    }
}
