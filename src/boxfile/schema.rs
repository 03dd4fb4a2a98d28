//! The JSON Schema of the box file: what is published, and what the checks are made from.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::BoxFile;
use crate::embedded;

const FILE: &str = "docs/box.schema.json";

/// The schema of the box file, JSON Schema draft 2020-12.
///
/// It is the published one: to make it of the types is the work of the tests, which hold both to be the same
/// (`reference.rs`), and 0.4 MB of code that a box has no use for.
pub fn schema() -> Value {
    if cfg!(test) {
        return of::<BoxFile>();
    }
    serde_json::from_str(embedded::text(FILE)).unwrap_or_else(|error| unreachable!("{FILE}: {error}"))
}

pub(super) fn of<T: JsonSchema>() -> Value {
    // Inlined, a reader and an editor see each key with all that is known about it, in one place.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    schema
}

/// Takes out what would say the wrong thing: `null` (a key without a value is refused) and presets of whole
/// sections (each key in them has its own).
fn tidy(schema: &mut Value) {
    if let Value::Object(object) = schema {
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|t| t != "null");
            if let [one] = types.as_slice() {
                let one = one.clone();
                object.insert("type".to_owned(), one);
            }
        }
        if let Some(Value::Array(variants)) = object.get_mut("anyOf") {
            variants.retain(|v| v.get("type") != Some(&Value::from("null")));
            if let [Value::Object(only)] = variants.as_slice() {
                let only = only.clone();
                object.remove("anyOf");
                for (name, value) in only {
                    object.entry(name).or_insert(value);
                }
            }
        }
        if object.get("default").is_some_and(Value::is_object) {
            object.remove("default");
        }
    }
    match schema {
        Value::Object(object) => object.values_mut().for_each(tidy),
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
