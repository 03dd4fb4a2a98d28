//! What may stand under each key, taken from the JSON Schema of the types: the checks walk this, and nothing else.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::{
    schema,
    text::{self, Reader},
};

/// What may stand under a key.
#[derive(Clone, Debug)]
pub struct Key {
    pub shape: Shape,
    pub description: String,
    /// The value where no layer has one.
    pub default: Option<Value>,
}

#[derive(Clone, Debug)]
pub enum Shape {
    Boolean,
    /// Both ends inside.
    Integer {
        min: i64,
        max: i64,
    },
    /// Text that `reader` accepts; `integer` where a whole number may stand for its text.
    Text {
        /// The name of what the text holds, as in `text::MEANINGS`; empty for any text.
        format: String,
        reader: Option<Reader>,
        integer: Integer,
    },
    List(Box<Key>),
    /// Keys that are known.
    Table(Table),
    /// Keys that the operator chooses; `names` reads them.
    Map {
        names: Option<Reader>,
        value: Box<Key>,
    },
    /// One of some words, or a map with one of some keys.
    Choice {
        words: Vec<(String, String)>,
        tables: Table,
    },
    /// Anything; only the presets of a profile are so, and they are checked as a box file.
    Anything,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integer {
    Allowed,
    Refused,
}

#[derive(Clone, Debug, Default)]
pub struct Table {
    pub keys: Vec<(String, Key)>,
    pub required: Vec<String>,
}

impl Table {
    pub fn get(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|(key, _)| key == name).map(|(_, key)| key)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(name, _)| name.as_str())
    }
}

impl Key {
    /// The whole box file.
    pub fn box_file() -> &'static Self {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(|| Self::of(&schema::schema()))
    }

    /// The shape of any type that has a schema.
    pub(crate) fn of_type<T: JsonSchema>() -> Self {
        Self::of(&schema::of::<T>())
    }

    /// The key below this one, for a table, a map or a choice.
    pub fn child(&self, name: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Table(table) | Shape::Choice { tables: table, .. } => table.get(name),
            Shape::Map { value, .. } => Some(value),
            Shape::Boolean
            | Shape::Integer { .. }
            | Shape::Text { .. }
            | Shape::List(_)
            | Shape::Anything => None,
        }
    }

    /// Every key below this one with its path; names that the operator chooses are written as `NAME`.
    pub fn all(&self) -> Vec<(String, &Self)> {
        let (table, name) = match &self.shape {
            Shape::Table(table) | Shape::Choice { tables: table, .. } => (table.keys.as_slice(), None),
            Shape::Map { value, .. } => (&[][..], Some(value)),
            Shape::Boolean
            | Shape::Integer { .. }
            | Shape::Text { .. }
            | Shape::List(_)
            | Shape::Anything => (&[][..], None),
        };
        let children = table.iter().map(|(name, key)| (name.as_str(), key));
        let mut list = Vec::new();
        for (name, key) in children.chain(name.map(|value| ("NAME", value.as_ref()))) {
            list.push((name.to_owned(), key));
            list.extend(key.all().into_iter().map(|(path, key)| (format!("{name}.{path}"), key)));
        }
        list
    }

    /// The key under a path; names in a map are taken as they come.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter().try_fold(self, |key, name| key.child(name))
    }

    fn of(schema: &Value) -> Self {
        Self {
            shape: Shape::of(schema),
            description: string(schema, "description"),
            default: schema.get("default").cloned(),
        }
    }
}

impl Shape {
    /// True where a reference to a secret is wanted.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Choice { words, tables } if is_secret(words, tables))
    }

    fn of(schema: &Value) -> Self {
        if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
            return Self::choice(variants);
        }
        let types = types(schema);
        match types.first().map(String::as_str) {
            Some("boolean") => Self::Boolean,
            Some("integer") => Self::Integer { min: bound(schema, "minimum"), max: bound(schema, "maximum") },
            Some("string") => match schema.get("enum").and_then(Value::as_array) {
                Some(words) => Self::Choice {
                    words: words
                        .iter()
                        .filter_map(Value::as_str)
                        .map(|w| (w.to_owned(), String::new()))
                        .collect(),
                    tables: Table::default(),
                },
                None => Self::Text {
                    format: text::reader_of(schema).map(|(name, _)| name.to_owned()).unwrap_or_default(),
                    reader: text::reader_of(schema).map(|(_, reader)| reader),
                    integer: if types.iter().any(|t| t == "integer") {
                        Integer::Allowed
                    } else {
                        Integer::Refused
                    },
                },
            },
            Some("array") => Self::List(Box::new(Key::of(schema.get("items").unwrap_or(&Value::Null)))),
            Some("object") => Self::object(schema),
            _ => Self::Anything,
        }
    }

    fn object(schema: &Value) -> Self {
        match schema.get("additionalProperties") {
            Some(value) if value.is_object() => Self::Map {
                names: schema.get("propertyNames").and_then(text::reader_of).map(|(_, reader)| reader),
                value: Box::new(Key::of(value)),
            },
            _ if schema.get("properties").is_some() => Self::Table(table(schema)),
            _ => Self::Anything,
        }
    }

    fn choice(variants: &[Value]) -> Self {
        let (mut words, mut tables) = (Vec::new(), Table::default());
        for variant in variants {
            match variant.get("const").and_then(Value::as_str) {
                Some(word) => words.push((word.to_owned(), string(variant, "description"))),
                None => {
                    for (name, mut key) in table(variant).keys {
                        key.description = string(variant, "description");
                        tables.keys.push((name, key));
                    }
                }
            }
        }
        Self::Choice { words, tables }
    }
}

/// A choice of references to a secret: the one that has `prompt`.
pub(super) fn is_secret(words: &[(String, String)], tables: &Table) -> bool {
    words.is_empty() && tables.get("prompt").is_some()
}

fn table(schema: &Value) -> Table {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Table {
        keys: properties.iter().map(|(name, value)| (name.clone(), Key::of(value))).collect(),
        required: required.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn types(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn string(schema: &Value, name: &str) -> String {
    schema.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// An end of an integer's range; where the schema names none, that of the integer's own type.
fn bound(schema: &Value, name: &str) -> i64 {
    let own = match (schema.get("format").and_then(Value::as_str), name) {
        (Some("uint8" | "uint16" | "uint32" | "uint64"), "minimum") => 0,
        (Some("uint16"), _) => i64::from(u16::MAX),
        (Some("uint32"), _) => i64::from(u32::MAX),
        (_, "minimum") => i64::MIN,
        _ => i64::MAX,
    };
    schema.get(name).and_then(Value::as_i64).unwrap_or(own)
}
