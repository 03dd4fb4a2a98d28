//! Lays a profile over the one that it extends: maps merge by key, lists of named things by name, other lists replace.

use serde_json::Value;

/// Keys that name an entry of a list; an entry has one of them.
const NAMES: [&str; 4] = ["name", "id", "key", "item"];

/// `over` laid over `under`.
pub(super) fn extend(under: Value, over: Value) -> Value {
    match (under, over) {
        (Value::Object(mut under), Value::Object(over)) => {
            for (key, value) in over {
                let value = match under.remove(&key) {
                    Some(below) => extend(below, value),
                    None => value,
                };
                under.insert(key, value);
            }
            Value::Object(under)
        }
        (Value::Array(under), Value::Array(over))
            if under.iter().chain(&over).all(|entry| name(entry).is_some()) =>
        {
            let mut all = under;
            for entry in over {
                match all.iter_mut().find(|below| name(below) == name(&entry)) {
                    Some(below) => *below = extend(below.take(), entry),
                    None => all.push(entry),
                }
            }
            Value::Array(all)
        }
        (_, over) => over,
    }
}

fn name(entry: &Value) -> Option<&Value> {
    NAMES.iter().find_map(|name| entry.get(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn named_entries_merge_and_others_replace() {
        let under = json!({"a": 1, "l": [{"name": "x", "v": 1, "w": 1}, {"name": "y"}], "s": ["p", "q"]});
        let over = json!({"l": [{"name": "z"}, {"name": "x", "v": 2}], "s": ["r"], "b": {"c": 1}});
        let all = json!({
            "a": 1, "b": {"c": 1}, "s": ["r"],
            "l": [{"name": "x", "v": 2, "w": 1}, {"name": "y"}, {"name": "z"}],
        });
        assert_eq!(extend(under, over), all);
    }
}
