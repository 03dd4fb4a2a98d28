//! Lays all layers over each other and makes the one box file of them, or says everything that is wrong.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    BoxFile, ProfileName, check,
    check::Completeness,
    cross,
    fault::{Fault, Finding, Findings},
    merge::merge,
    node::{Node, NodeKind},
    place::{Layer, Source, Sources},
    read,
    shape::{Key, Shape},
    trust,
    wanted::Wanted,
    words,
};
use crate::{profile, yaml};

/// Layers as they are found, in any order; `wanted` puts them in theirs.
///
/// It has no `Debug`: until they are checked, its nodes may hold a secret that somebody wrote out.
#[derive(Default)]
pub struct Layers {
    sources: Sources,
    trees: Vec<(Layer, Node)>,
    findings: Vec<Finding>,
    /// A document could not be read to its end, so what seems missing may stand in it.
    unread: bool,
}

impl Layers {
    /// The presets of `ciab` alone.
    pub fn new() -> Self {
        let mut layers = Self::default();
        let presets = presets(Key::box_file()).unwrap_or_default();
        // A map of JSON values always has a YAML form.
        let text = yaml::to_string(&presets).unwrap_or_default();
        layers.document(Layer::Default, "default", text.as_bytes());
        layers
    }

    /// A whole document: the box file and its kin.
    pub fn document(&mut self, layer: Layer, name: &str, bytes: &[u8]) {
        let add = |sources: &mut Sources, text| sources.add(Source { layer, name: name.to_owned(), text });
        match read::text(bytes) {
            Ok(text) => {
                let source = add(&mut self.sources, text.clone());
                let before = self.findings.len();
                match read::tree(&self.sources, source, &text, 0, &mut self.findings) {
                    Some(tree) => self.push(layer, tree),
                    None if self.findings.len() == before => {
                        let finding = Finding::nowhere(Fault::MissingKey, format!("{name} is empty"));
                        self.findings.push(finding.hint("`ciab init` writes a box file"));
                        self.unread = true;
                    }
                    None => self.unread = true,
                }
            }
            Err((shown, at, message)) => {
                let end = (at + 1..=shown.len()).find(|n| shown.is_char_boundary(*n)).unwrap_or(at);
                let source = add(&mut self.sources, shown);
                let place = self.sources.place(source, at..end);
                let finding = Finding::new(Fault::Unreadable, &place, format!("{name} {message}"));
                self.findings.push(finding.hint("a box file is UTF-8 text of less than 1 MiB"));
                self.unread = true;
            }
        }
    }

    /// A document that cannot be had at all.
    pub fn unreadable(&mut self, name: &str, why: &str) {
        self.findings.push(Finding::nowhere(Fault::Unreadable, format!("{name}: {why}")));
        self.unread = true;
    }

    /// One `--set KEY=VALUE`; a later one is stronger.
    pub fn flag(&mut self, text: &str) {
        if let Some(tree) = words::flag(&mut self.sources, text, &mut self.findings) {
            self.push(Layer::Flag, tree);
        }
    }

    /// One environment variable; those without `CIAB_` are passed over.
    pub fn variable(&mut self, name: &str, content: &str) {
        if let Some(tree) = words::variable(&mut self.sources, name, content, &mut self.findings) {
            self.push(Layer::Env, tree);
        }
    }

    /// The text of /proc/cmdline.
    pub fn cmdline(&mut self, line: &str) {
        for tree in words::cmdline(&mut self.sources, line, &mut self.findings) {
            self.push(Layer::Cmdline, tree);
        }
    }

    /// A value found on the box or told by DHCP; `why` is shown by `explain`.
    pub fn detected(&mut self, layer: Layer, key: &str, value: &str, why: &str) {
        let tree = words::detected(&mut self.sources, layer, key, value, why);
        self.push(layer, tree);
    }

    /// What documents say together, as one: the layers of files, and neither flags nor presets.
    pub fn together(&self) -> anyhow::Result<String> {
        let mut trees: Vec<_> = self.trees.iter().filter(|(layer, _)| layer.is_document()).collect();
        trees.sort_by_key(|(layer, _)| std::cmp::Reverse(*layer));
        let value = laid(trees.into_iter().map(|(_, tree)| tree))
            .and_then(|tree| check::check(&tree, Key::box_file(), Completeness::Layer, &mut Vec::new()));
        yaml::to_string(&value.unwrap_or(Value::Null))
    }

    /// The whole, or everything that is wrong with it.
    pub fn wanted(mut self) -> Result<Wanted, Findings> {
        self.add_profile();
        // Stable, so that of two flags the later one stays the later one; the strongest layer is laid last.
        self.trees.sort_by_key(|(layer, _)| std::cmp::Reverse(*layer));
        let root = Key::box_file();
        let merged = laid(self.trees.iter().map(|(_, tree)| tree));
        let Some(mut tree) = merged else { return Err(Findings::new(self.sources, self.findings)) };
        // What is missing is missing in the file, whatever else is laid over it.
        if let Some((_, file)) = self.trees.iter().find(|(layer, _)| *layer == Layer::File) {
            tree.place = file.place.clone();
        }
        let mut value = None;
        if !self.unread {
            let mut found = Vec::new();
            value = check::check(&tree, root, Completeness::Whole, &mut found);
            // All else was said layer by layer, also for values that a stronger layer replaces.
            found.retain(|finding| finding.fault == Fault::MissingKey);
            self.findings.extend(found);
            cross::check(&tree, &self.sources, &mut self.findings);
        }
        if !self.findings.is_empty() {
            return Err(Findings::new(self.sources, self.findings));
        }
        match value.map(serde_json::from_value::<BoxFile>) {
            Some(Ok(boxfile)) => Ok(Wanted::new(boxfile, self.sources, self.trees, tree)),
            Some(Err(error)) => {
                // A test holds that the walk and the types agree; if they ever do not, this still is an answer.
                let finding = Finding::nowhere(Fault::WrongValue, error.to_string());
                Err(Findings::new(self.sources, vec![finding]))
            }
            None => {
                let finding = Finding::nowhere(Fault::WrongType, "the box file is no map of keys");
                Err(Findings::new(self.sources, vec![finding]))
            }
        }
    }

    fn push(&mut self, layer: Layer, tree: Node) {
        check::check(&tree, Key::box_file(), Completeness::Layer, &mut self.findings);
        trust::check(layer, &tree, &mut self.findings);
        if matches!(tree.kind, NodeKind::Map(_)) {
            self.trees.push((layer, tree));
        } else {
            self.unread = true;
        }
    }

    /// The presets of the profile that the strongest layer names.
    fn add_profile(&mut self) {
        let named = self
            .trees
            .iter()
            .rev()
            .filter_map(|(layer, tree)| Some((*layer, tree.child("profile")?.scalar()?.to_owned())))
            .min_by_key(|(layer, _)| *layer);
        let Some((_, name)) = named else { return };
        let Ok(profile) = serde_json::from_value::<ProfileName>(Value::from(name)) else { return };
        for name in profile::Profile::lineage(profile) {
            let (file, text) = profile::source(name);
            let source = self.sources.add(Source {
                layer: Layer::Profile,
                name: file.to_owned(),
                text: text.to_owned(),
            });
            let tree = read::tree(&self.sources, source, text, 0, &mut self.findings);
            if let Some(defaults) = tree.as_ref().and_then(|tree| tree.child("defaults")) {
                self.push(Layer::Profile, defaults.clone());
            }
        }
    }
}

/// Trees over each other, the strongest last.
fn laid<'a>(trees: impl Iterator<Item = &'a Node>) -> Option<Node> {
    trees.cloned().reduce(|under, over| merge(under, over, Some(Key::box_file())))
}

/// The defaults of all keys below `key`, as the schema holds them.
fn presets(key: &Key) -> Option<Value> {
    let table = match &key.shape {
        Shape::Table(table) => table,
        _ => return key.default.clone(),
    };
    let below: BTreeMap<&str, Value> =
        table.keys.iter().filter_map(|(name, key)| Some((name.as_str(), presets(key)?))).collect();
    if below.is_empty() { None } else { serde_json::to_value(below).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "apiVersion: ciab/v1\nkind: Box\nprofile: base\n\
                        access:\n  password: {file: /a}\n  ssh_keys:\n    - ssh-ed25519 \
                        AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B\n";

    fn with(add: impl FnOnce(&mut Layers)) -> Result<Wanted, Findings> {
        let mut layers = Layers::new();
        layers.document(Layer::File, "box.yaml", FILE.as_bytes());
        add(&mut layers);
        layers.wanted()
    }

    #[test]
    fn the_strongest_layer_wins_in_whatever_order_they_come() {
        let flags: [fn(&mut Layers); 6] = [
            |l| l.detected(Layer::Detected, "name", "detected", "host name"),
            |l| l.detected(Layer::Dhcp, "name", "dhcp", "option 12"),
            |l| l.document(Layer::Medium, "CIAB-CONFIG:/box.yaml", b"name: medium"),
            |l| l.cmdline("ciab.name=cmdline"),
            |l| l.variable("CIAB_NAME", "env"),
            |l| l.flag("name=flag"),
        ];
        for (strongest, name) in ["detected", "dhcp", "medium", "cmdline", "env", "flag"].iter().enumerate() {
            let wanted = with(|layers| flags[..=strongest].iter().rev().for_each(|add| add(layers))).unwrap();
            assert_eq!(wanted.boxfile.name.as_str(), *name);
        }
    }

    #[test]
    fn maps_merge_and_lists_and_choices_replace() {
        let wanted = with(|layers| {
            layers.flag("network.ntp=[192.0.2.1]");
            layers.flag("tuning.sysctl={vm.swappiness: 1}");
            layers.flag("access.password={prompt: Password}");
        })
        .unwrap();
        assert_eq!(wanted.boxfile.network.ntp.len(), 1);
        assert_eq!(wanted.boxfile.tuning.sysctl.len(), 1);
        assert_eq!(wanted.boxfile.tuning.timezone.as_str(), "Etc/UTC");
        assert!(matches!(wanted.boxfile.access.password, Some(crate::boxfile::secret::SecretRef::Prompt(_))));
    }

    #[test]
    fn what_grants_access_comes_from_the_operator_alone() {
        for layer in [Layer::Url, Layer::Dhcp, Layer::Env, Layer::Cmdline, Layer::Detected] {
            let refused =
                with(|layers| layers.document(layer, "x", b"disks: {data: {match: {serial: a}, wipe: [a]}}"));
            assert_eq!(refused.unwrap_err().list()[0].fault, Fault::Untrusted, "{layer:?}");
        }
        for layer in [Layer::File, Layer::Embedded, Layer::Medium, Layer::PinnedUrl] {
            assert!(
                with(|layers| layers.document(layer, "x", b"disks: {data: {match: {serial: a}, wipe: [a]}}"))
                    .is_ok()
            );
        }
    }

    #[test]
    fn what_the_profile_presets_is_said_to_come_from_it() {
        let wanted = with(|_| {}).unwrap();
        assert_eq!(wanted.origin("network.ntp").unwrap().layer, Layer::Profile);
        assert_eq!(wanted.origin("name").unwrap().layer, Layer::Default);
        assert_eq!(wanted.origin("access.password").unwrap().place, "box.yaml:5:13");
        assert_eq!(wanted.origin("network.vip"), None);
    }
}
