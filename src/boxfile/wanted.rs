//! What is wanted, and for each value which layer said so.

use super::{
    BoxFile,
    nearest::nearest,
    node::{Node, NodeKind},
    place::{Layer, LineColumn, Place, Source, Sources},
    shape::{Key, Shape},
};

/// The box file that all layers make together, with the origin of every value.
#[derive(Debug)]
pub struct Wanted {
    pub boxfile: BoxFile,
    sources: Sources,
    /// From the weakest to the strongest.
    trees: Vec<(Layer, Node)>,
    tree: Node,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub layer: Layer,
    /// `box.yaml:3:9`, `--set name`, `CIAB_NAME`, or for a detected value its reason.
    pub place: String,
    /// Only for layers that are files.
    pub at: Option<LineColumn>,
}

/// One value, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The key's path, such as `network.ntp`.
    pub key: String,
    /// In one line of YAML; `None` where no layer has one.
    pub value: Option<String>,
    /// The layer that decided, then those it overrode, strongest first.
    pub origins: Vec<Origin>,
    /// What the key is for.
    pub meaning: String,
}

impl Wanted {
    pub(super) fn new(boxfile: BoxFile, sources: Sources, trees: Vec<(Layer, Node)>, tree: Node) -> Self {
        Self { boxfile, sources, trees, tree }
    }

    /// The layer and place that decided the value of a key such as `network.vip`; `None` where it is not set.
    pub fn origin(&self, key: &str) -> Option<Origin> {
        let path: Vec<_> = key.split('.').collect();
        self.tree.at(&path).map(|node| self.origin_of(&node.place))
    }

    /// Explains each value at or below `key`, or all for an empty one; `None` for a key that does not exist.
    pub fn explain(&self, key: &str) -> Option<Vec<Explained>> {
        let path: Vec<&str> = key.split('.').filter(|part| !part.is_empty()).collect();
        let known = Key::box_file().at(path.iter().copied())?;
        let mut list = Vec::new();
        self.collect(self.tree.at(&path), known, &path.join("."), &mut list);
        if list.is_empty() {
            list.push(self.one(&path.join("."), None, known));
        }
        Some(list)
    }

    fn collect(&self, node: Option<&Node>, key: &Key, path: &str, list: &mut Vec<Explained>) {
        let Some(node) = node else { return };
        let below = match (&node.kind, &key.shape) {
            // A choice of one, such as {file: ...}, is one value; a table of settings in it is not.
            (NodeKind::Map(entries), Shape::Choice { .. }) => {
                let table = entries.iter().any(|e| matches!(e.value.kind, NodeKind::Map(_)));
                if table { entries.as_slice() } else { &[] }
            }
            (NodeKind::Map(entries), _) => entries.as_slice(),
            (NodeKind::Scalar { .. } | NodeKind::List(_), _) => &[],
        };
        if below.is_empty() {
            // An empty section says nothing.
            if !matches!(&node.kind, NodeKind::Map(entries) if entries.is_empty()) {
                list.push(self.one(path, Some(node), key));
            }
            return;
        }
        for entry in below {
            let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            if let Some(key) = key.child(&entry.key) {
                self.collect(Some(&entry.value), key, &path, list);
            }
        }
    }

    fn one(&self, path: &str, node: Option<&Node>, key: &Key) -> Explained {
        let parts: Vec<_> = path.split('.').collect();
        let said = self.trees.iter().rev().filter_map(|(_, tree)| tree.at(&parts));
        Explained {
            key: path.to_owned(),
            value: node.map(flow),
            origins: if node.is_some() {
                said.map(|n| self.origin_of(&n.place)).collect()
            } else {
                Vec::new()
            },
            meaning: key.description.clone(),
        }
    }

    fn origin_of(&self, place: &Place) -> Origin {
        let source: &Source = self.sources.source(place);
        let at = match source.layer {
            Layer::File
            | Layer::Embedded
            | Layer::Medium
            | Layer::PinnedUrl
            | Layer::Url
            | Layer::Profile => Some(self.sources.line_column(place)),
            Layer::Flag | Layer::Env | Layer::Cmdline | Layer::Dhcp | Layer::Detected | Layer::Default => {
                None
            }
        };
        Origin { layer: source.layer, place: self.sources.label(place), at }
    }
}

/// A value in one line of YAML.
fn flow(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar { text, .. } => text.clone(),
        NodeKind::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        NodeKind::Map(entries) => {
            let inside: Vec<_> = entries.iter().map(|e| format!("{}: {}", e.key, flow(&e.value))).collect();
            format!("{{{}}}", inside.join(", "))
        }
    }
}

/// The key of the box file that a mistyped path was meant to be, or one that ends as it does.
pub fn nearest_key(path: &str) -> Option<String> {
    let known = Key::box_file().all();
    let names = || known.iter().map(|(path, _)| path.as_str());
    let found = nearest(path, names()).or_else(|| names().find(|name| name.rsplit('.').next() == Some(path)));
    found.map(str::to_owned)
}
