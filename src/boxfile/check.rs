//! Walks a tree along the shape of the box file: every unknown key and wrong value at once, typed values out.

use serde_json::{Map, Value};

use super::{
    fault::{Fault, Finding},
    nearest::nearest,
    node::{Entry, Node, NodeKind, Style},
    place::Place,
    shape::{Integer, Key, Shape, Table, is_secret},
    text::Reader,
    traps::{Reads, reads},
};

/// What fits into a hint.
const SHORT: usize = 40;

/// What is missing is a fault of the merged whole, not of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completeness {
    Layer,
    Whole,
}

/// Checks `node` against `key` and gives its value as JSON; a value with a fault is left out.
pub(super) fn check(
    node: &Node,
    key: &Key,
    completeness: Completeness,
    findings: &mut Vec<Finding>,
) -> Option<Value> {
    Check { root: key, completeness, findings, path: Vec::new() }.value(node, key)
}

struct Check<'a> {
    root: &'a Key,
    completeness: Completeness,
    findings: &'a mut Vec<Finding>,
    path: Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, node: &Node, key: &Key) -> Option<Value> {
        match (&key.shape, &node.kind) {
            (Shape::Anything, _) => Some(anything(node)),
            // A section whose keys are all commented out.
            (_, NodeKind::Scalar { text, style: Style::Plain }) if reads(text) == Reads::Null => {
                let name = self.path.last().cloned().unwrap_or_default();
                self.fault(
                    Fault::WrongType,
                    node,
                    format!("`{name}` has no value"),
                    "give it one, or take the key out",
                );
                None
            }
            (Shape::Boolean, NodeKind::Scalar { text, style }) => self.boolean(node, text, *style),
            (Shape::Integer { min, max }, NodeKind::Scalar { text, style }) => {
                self.integer(node, text, *style, *min, *max)
            }
            (Shape::Text { reader, integer, .. }, NodeKind::Scalar { text, style }) => {
                self.text(node, text, *style, *reader, *integer)
            }
            (Shape::Choice { words, tables }, NodeKind::Scalar { text, style }) => {
                self.word(node, text, *style, words, tables)
            }
            (Shape::List(item), NodeKind::List(items)) => {
                let values: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(n, node)| self.below(&n.to_string(), |check| check.value(node, item)))
                    .collect();
                Some(values.into_iter().flatten().collect())
            }
            (Shape::Table(table), NodeKind::Map(entries)) => Some(self.table(node, entries, table)),
            (Shape::Map { names, value }, NodeKind::Map(entries)) => Some(self.map(entries, *names, value)),
            (Shape::Choice { words, tables }, NodeKind::Map(entries)) if !tables.keys.is_empty() => {
                self.one_of(node, entries, words, tables)
            }
            (shape, _) => {
                self.wrong_kind(node, shape);
                None
            }
        }
    }

    fn table(&mut self, node: &Node, entries: &[Entry], table: &Table) -> Value {
        let mut object = Map::new();
        for entry in entries {
            match table.get(&entry.key) {
                Some(key) => {
                    if let Some(value) = self.below(&entry.key, |check| check.value(&entry.value, key)) {
                        object.insert(entry.key.clone(), value);
                    }
                }
                None => self.unknown(entry, table),
            }
        }
        if self.completeness == Completeness::Whole {
            for name in &table.required {
                let here = |entry: &Entry| {
                    // A misspelled key is said once, as unknown.
                    entry.key == *name
                        || (table.get(&entry.key).is_none() && nearest(&entry.key, [name.as_str()]).is_some())
                };
                if !entries.iter().any(here) {
                    let path = self.child_path(name);
                    let about = table.get(name).map(|key| key.description.clone()).unwrap_or_default();
                    let mut finding =
                        Finding::new(Fault::MissingKey, &node.place, format!("`{path}` is missing"));
                    if let Some(example) = table.get(name).and_then(|key| example(name, &key.shape)) {
                        finding = finding.hint(format!("add `{example}`: {}", lower_first(&about)));
                    }
                    self.findings.push(finding.key(path));
                }
            }
        }
        Value::Object(object)
    }

    fn map(&mut self, entries: &[Entry], names: Option<Reader>, value: &Key) -> Value {
        let mut object = Map::new();
        for entry in entries {
            if let Some(Err(why)) = names.map(|names| names(&entry.key)) {
                let path = self.child_path(&entry.key);
                self.findings.push(wrong_value(&entry.key_place, &why).key(path));
            }
            if let Some(value) = self.below(&entry.key, |check| check.value(&entry.value, value)) {
                object.insert(entry.key.clone(), value);
            }
        }
        Value::Object(object)
    }

    /// A map with exactly one of some keys, such as `{file: ...}`.
    fn one_of(
        &mut self,
        node: &Node,
        entries: &[Entry],
        words: &[(String, String)],
        tables: &Table,
    ) -> Option<Value> {
        let before = self.findings.len();
        let value = self.table(node, entries, &Table { keys: tables.keys.clone(), required: Vec::new() });
        match entries {
            [_] => Some(value).filter(|_| self.findings.len() == before),
            [] => {
                self.wrong_kind(node, &Shape::Choice { words: words.to_vec(), tables: tables.clone() });
                None
            }
            [first, second, ..] => {
                let finding = Finding::new(
                    Fault::Conflict,
                    &second.key_place,
                    format!("`{}` and `{}` exclude each other", first.key, second.key),
                );
                let path = self.path.join(".");
                self.findings
                    .push(finding.also(&first.key_place, "the other one").key(path).hint("keep one of them"));
                None
            }
        }
    }

    fn boolean(&mut self, node: &Node, text: &str, style: Style) -> Option<Value> {
        match (text, style) {
            ("true", Style::Plain | Style::Bare) => Some(Value::Bool(true)),
            ("false", Style::Plain | Style::Bare) => Some(Value::Bool(false)),
            _ => {
                let hint = match text.to_ascii_lowercase().as_str() {
                    "yes" | "y" | "on" | "true" | "1" => "write true",
                    "no" | "n" | "off" | "false" | "0" => "write false",
                    _ => "write true or false",
                };
                self.fault(Fault::WrongType, node, format!("`{text}` is no boolean"), hint);
                None
            }
        }
    }

    fn integer(&mut self, node: &Node, text: &str, style: Style, min: i64, max: i64) -> Option<Value> {
        let range = format!("write a whole number from {min} to {max}");
        if style == Style::Quoted || reads(text) != Reads::Integer {
            self.fault(Fault::WrongType, node, format!("`{text}` is no whole number"), range);
            return None;
        }
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Some(Value::from(number)),
            Ok(number) if number < min => {
                self.fault(Fault::WrongValue, node, format!("{text} is below {min}"), range);
                None
            }
            Ok(_) | Err(_) => {
                self.fault(Fault::WrongValue, node, format!("{text} is above {max}"), range);
                None
            }
        }
    }

    fn text(
        &mut self,
        node: &Node,
        text: &str,
        style: Style,
        reader: Option<Reader>,
        integer: Integer,
    ) -> Option<Value> {
        let seen = match style {
            Style::Plain => reads(text),
            Style::Quoted | Style::Bare => Reads::Text,
        };
        match (seen, integer) {
            (Reads::Text, _) => {}
            (Reads::Integer, Integer::Allowed) => {
                self.read(node, text, reader)?;
                let number = text.parse::<u64>().map(Value::from);
                return number.or_else(|_| text.parse::<i64>().map(Value::from)).ok();
            }
            (other, _) => {
                let message = match other {
                    Reads::Integer => format!("`{text}` is a number, and text is wanted here"),
                    _ => format!("YAML 1.1 tools read `{text}` as {}", other.title()),
                };
                self.fault(Fault::Ambiguous, node, message, format!("write it quoted: \"{text}\""));
                return None;
            }
        }
        self.read(node, text, reader)?;
        Some(Value::from(text))
    }

    /// Lets the reader of the key's type look at the text.
    fn read(&mut self, node: &Node, text: &str, reader: Option<Reader>) -> Option<()> {
        let why = match reader.map_or(Ok(()), |reader| reader(text)) {
            Ok(()) => return Some(()),
            Err(why) => why,
        };
        self.findings.push(wrong_value(&node.place, &why).key(self.path.join(".")));
        None
    }

    fn word(
        &mut self,
        node: &Node,
        text: &str,
        style: Style,
        words: &[(String, String)],
        tables: &Table,
    ) -> Option<Value> {
        if words.iter().any(|(word, _)| word == text) {
            return Some(Value::from(text));
        }
        if is_secret(words, tables) {
            // The text itself may be the secret: it is neither repeated nor shown.
            let hint = "write where it is: {file: /path}, {prompt: Question} or {credential: name}";
            let finding = Finding::new(Fault::Secret, &node.place, "a secret does not stand in a box file");
            self.findings.push(finding.hide(&node.place).key(self.path.join(".")).hint(hint));
            return None;
        }
        let known = words.iter().map(|(word, _)| word.as_str()).chain(tables.names());
        let list = choices(words, tables);
        let hint = match nearest(text, known) {
            Some(word) if words.iter().any(|(known, _)| known == word) => {
                format!("write {word}; known: {list}")
            }
            _ => format!("known: {list}"),
        };
        let trap = style == Style::Plain && reads(text) != Reads::Text;
        let fault = if trap { Fault::WrongType } else { Fault::WrongValue };
        self.fault(fault, node, format!("`{text}` is not known here"), hint);
        None
    }

    fn unknown(&mut self, entry: &Entry, table: &Table) {
        let path = self.child_path(&entry.key);
        let hint = match nearest(&entry.key, table.names()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => match elsewhere(&entry.key, self.root) {
                Some(place) => format!("`{place}` is known"),
                None => format!("known: {}", table.names().collect::<Vec<_>>().join(", ")),
            },
        };
        let meant = nearest(&entry.key, table.names()).and_then(|known| table.get(known));
        let mut finding = Finding::new(Fault::UnknownKey, &entry.key_place, format!("`{path}` is not known"));
        if meant.is_some_and(|key| key.shape.is_secret()) && entry.value.scalar().is_some() {
            finding = finding.hide(&entry.value.place);
        }
        self.findings.push(finding.key(path).hint(hint));
    }

    fn wrong_kind(&mut self, node: &Node, shape: &Shape) {
        let found = match node.kind {
            NodeKind::Scalar { .. } => "one value",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map of keys",
        };
        let (wanted, hint) = match shape {
            Shape::List(_) => (
                "a list",
                match node.scalar() {
                    Some(text) if text.len() <= SHORT => format!("write [{text}]"),
                    Some(_) | None => "write each on a line of its own that begins with `- `".to_owned(),
                },
            ),
            Shape::Table(table) => {
                ("a map of keys", format!("known: {}", table.names().collect::<Vec<_>>().join(", ")))
            }
            Shape::Map { .. } => ("a map of keys", "write `name: value` on lines of their own".to_owned()),
            Shape::Choice { words, tables } => ("a choice", format!("known: {}", choices(words, tables))),
            Shape::Boolean | Shape::Integer { .. } | Shape::Text { .. } | Shape::Anything => {
                ("one value", "write the value after the key, without - or {".to_owned())
            }
        };
        let hint = match (shape, &node.kind) {
            (shape, _) if shape.is_secret() => {
                "write {file: /path}, {prompt: Question} or {credential: name}".to_owned()
            }
            _ => hint,
        };
        self.fault(Fault::WrongType, node, format!("{found} stands where {wanted} is wanted"), hint);
    }

    fn fault(&mut self, fault: Fault, node: &Node, message: String, hint: impl Into<String>) {
        let path = self.path.join(".");
        self.findings.push(Finding::new(fault, &node.place, message).key(path).hint(hint));
    }

    fn child_path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path.join(".")) }
    }

    fn below<T>(&mut self, name: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.to_owned());
        let result = act(self);
        self.path.pop();
        result
    }
}

/// What a reader said: the fault, and after the first colon the way out.
fn wrong_value(place: &Place, why: &str) -> Finding {
    match why.split_once(": ") {
        Some((message, hint)) => Finding::new(Fault::WrongValue, place, message).hint(hint),
        None => Finding::new(Fault::WrongValue, place, why),
    }
}

/// `dhcp, {static: ...}`
fn choices(words: &[(String, String)], tables: &Table) -> String {
    let words = words.iter().map(|(word, _)| word.clone());
    words.chain(tables.names().map(|name| format!("{{{name}: ...}}"))).collect::<Vec<_>>().join(", ")
}

/// What to write for a key that is missing, where there is one obvious thing.
fn example(name: &str, shape: &Shape) -> Option<String> {
    match shape {
        Shape::Choice { words, .. } => words.first().map(|(word, _)| format!("{name}: {word}")),
        Shape::Table(_) | Shape::Map { .. } => Some(format!("{name}: {{...}}")),
        Shape::List(_) => Some(format!("{name}: [...]")),
        Shape::Boolean | Shape::Integer { .. } | Shape::Text { .. } | Shape::Anything => {
            Some(format!("{name}: ..."))
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The full path of a key of this name in another section.
fn elsewhere(name: &str, root: &Key) -> Option<String> {
    fn search(name: &str, key: &Key, path: &str) -> Option<String> {
        let table = match &key.shape {
            Shape::Table(table) | Shape::Choice { tables: table, .. } => table,
            _ => return None,
        };
        table.keys.iter().find_map(|(own, key)| {
            let path = if path.is_empty() { own.clone() } else { format!("{path}.{own}") };
            if own == name { Some(path) } else { search(name, key, &path) }
        })
    }
    search(name, root, "")
}

/// A node as JSON by how it looks.
fn anything(node: &Node) -> Value {
    match &node.kind {
        NodeKind::List(items) => items.iter().map(anything).collect(),
        NodeKind::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), anything(&entry.value))).collect()
        }
        NodeKind::Scalar { text, style: Style::Plain } => match reads(text) {
            Reads::Integer => text.parse::<i64>().map_or_else(|_| Value::from(text.as_str()), Value::from),
            Reads::Boolean if text == "true" || text == "false" => Value::Bool(text == "true"),
            Reads::Null => Value::Null,
            _ => Value::from(text.as_str()),
        },
        NodeKind::Scalar { text, .. } => Value::from(text.as_str()),
    }
}
