//! Lays one layer over another: maps merge by key, everything else is replaced.

use super::{
    node::{Entry, Node, NodeKind},
    shape::{Key, Shape},
};

/// `over` laid on `under`; `key` says where a map is a choice of one, which is replaced and not merged.
pub(super) fn merge(under: Node, over: Node, key: Option<&Key>) -> Node {
    let replaces = match key.map(|key| &key.shape) {
        Some(Shape::Choice { .. }) => over.entries().iter().any(|entry| under.entry(&entry.key).is_none()),
        _ => false,
    };
    match (under.kind, over.kind) {
        (NodeKind::Map(under), NodeKind::Map(over_entries)) if !replaces => {
            Node { kind: NodeKind::Map(merge_entries(under, over_entries, key)), place: over.place }
        }
        (_, kind) => Node { kind, place: over.place },
    }
}

fn merge_entries(mut under: Vec<Entry>, over: Vec<Entry>, key: Option<&Key>) -> Vec<Entry> {
    for entry in over {
        let child = key.and_then(|key| key.child(&entry.key));
        match under.iter().position(|own| own.key == entry.key) {
            Some(at) => {
                let old = under.remove(at);
                let value = merge(old.value, entry.value, child);
                under.insert(at, Entry { key: entry.key, key_place: entry.key_place, value });
            }
            None => under.push(entry),
        }
    }
    under
}
