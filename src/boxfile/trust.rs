//! What only the operator may say: consent to wipe and SSH keys come from no layer that others can write.

use super::{
    fault::{Fault, Finding},
    node::{Entry, Node},
    place::Layer,
};

/// Paths of the keys that grant something; `*` stands for any role.
const GRANTS: [(&[&str], &str); 2] =
    [(&["access", "ssh_keys"], "SSH keys are"), (&["disks", "*", "wipe"], "consent to wipe is")];

/// A finding for each key of this layer's tree that the layer may not set.
pub(super) fn check(layer: Layer, tree: &Node, findings: &mut Vec<Finding>) {
    if layer.is_trusted() {
        return;
    }
    for (path, what) in GRANTS {
        for (name, entry) in entries_at(tree, path) {
            findings.push(
                Finding::new(
                    Fault::Untrusted,
                    &entry.key_place,
                    format!("{what} not taken from the {}", layer.title()),
                )
                .key(name)
                .hint("write it into the box file, or give it with --set"),
            );
        }
    }
}

/// The entries that `path` names, with their full paths.
fn entries_at<'a>(tree: &'a Node, path: &[&str]) -> Vec<(String, &'a Entry)> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let matching = tree.entries().iter().filter(|entry| *first == "*" || entry.key == *first);
    if rest.is_empty() {
        return matching.map(|entry| (entry.key.clone(), entry)).collect();
    }
    let below = |entry: &'a Entry| {
        entries_at(&entry.value, rest)
            .into_iter()
            .map(|(name, found)| (format!("{}.{name}", entry.key), found))
    };
    matching.flat_map(below).collect()
}
