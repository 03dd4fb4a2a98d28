//! Turns bytes into a tree of nodes within fixed budgets; every fault of the text's form is found here.

use std::collections::HashMap;

use super::{
    fault::{Fault, Finding},
    node::{Entry, Node, NodeKind, Style},
    place::{Place, Sources},
};
use crate::yaml::{self, Event, Spanned};

/// A thousand times a long box file; read no further than this.
pub(crate) const SIZE_MAX: usize = 1 << 20;

/// Nodes after aliases are expanded: ten lines of aliases can stand for billions.
const NODES_MAX: usize = 20_000;

/// Bytes as text: no larger than `SIZE_MAX`, UTF-8, no NUL. `Err` is text to show, the byte at fault and why.
pub(super) fn text(bytes: &[u8]) -> Result<String, (String, usize, String)> {
    if bytes.len() > SIZE_MAX {
        return Err((String::new(), 0, "is larger than 1 MiB".to_owned()));
    }
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        // What stands before it may be broken as well, and is longer once it is made showable.
        let at = String::from_utf8_lossy(&bytes[..at]).len();
        return Err((shown(), at, "holds a NUL byte: it is a binary file, or text in UTF-16".to_owned()));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err((
            shown(),
            error.valid_up_to(),
            format!(
                "holds the byte 0x{:02x}, which is not UTF-8",
                bytes.get(error.valid_up_to()).unwrap_or(&0)
            ),
        )),
    }
}

/// Reads `text`, which begins at byte `base` of the source, into one node; `None` for an empty document.
pub(super) fn tree(
    sources: &Sources,
    source: usize,
    text: &str,
    base: usize,
    findings: &mut Vec<Finding>,
) -> Option<Node> {
    let mut builder = Builder { sources, source, base, findings, anchors: HashMap::new(), nodes: 0 };
    let mut events = yaml::events(text);
    match builder.document(&mut events) {
        Ok(node) => node,
        Err(finding) => {
            builder.findings.push(*finding);
            None
        }
    }
}

struct Builder<'a> {
    sources: &'a Sources,
    source: usize,
    base: usize,
    findings: &'a mut Vec<Finding>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A fault after which the rest of the text cannot be understood. Boxed, since it is rare and large.
type Fatal = Box<Finding>;

impl Builder<'_> {
    fn document<'t>(
        &mut self,
        events: &mut impl Iterator<Item = Result<Spanned<'t>, yaml::Broken>>,
    ) -> Result<Option<Node>, Fatal> {
        let mut root = None;
        let mut documents = 0;
        while let Some(event) = events.next() {
            let spanned = event.map_err(|broken| self.broken(&broken))?;
            if spanned.event == Event::DocumentStart {
                documents += 1;
                if documents > 1 {
                    let place = self.place(&spanned);
                    return Err(Box::new(
                        Finding::new(Fault::Syntax, &place, "a second document begins here")
                            .hint("keep one box to a file and take the line `---` out"),
                    ));
                }
            } else {
                root = Some(self.node(spanned, events)?);
            }
        }
        // A document that holds nothing but comments has one empty scalar.
        Ok(root.filter(|node| node.scalar() != Some("")))
    }

    fn node<'t>(
        &mut self,
        spanned: Spanned<'t>,
        events: &mut impl Iterator<Item = Result<Spanned<'t>, yaml::Broken>>,
    ) -> Result<Node, Fatal> {
        let mut place = self.place(&spanned);
        self.count(1, &place)?;
        if let Some(tag) = &spanned.tag {
            self.findings.push(
                Finding::new(Fault::Syntax, &place, format!("the tag `{tag}` has no meaning here"))
                    .hint("take the tag out; a secret is written as a reference, such as {file: /path}"),
            );
        }
        let kind = match spanned.event {
            Event::Scalar { text, plain } => NodeKind::Scalar {
                text: text.into_owned(),
                style: if plain { Style::Plain } else { Style::Quoted },
            },
            Event::ListStart => {
                let mut items = Vec::new();
                loop {
                    let next = self.next(events, &place)?;
                    if next.event == Event::ListEnd {
                        place.span.end = self.place(&next).span.end.max(place.span.end);
                        break NodeKind::List(items);
                    }
                    items.push(self.node(next, events)?);
                }
            }
            Event::MapStart => NodeKind::Map(self.map(events, &mut place)?),
            Event::Alias(target) => {
                let node = self.anchors.get(&target).cloned().ok_or_else(|| {
                    Box::new(Finding::new(Fault::Syntax, &place, "this alias holds itself"))
                })?;
                self.count(size(&node), &place)?;
                return Ok(node);
            }
            Event::DocumentStart | Event::ListEnd | Event::MapEnd => {
                return Err(Box::new(Finding::new(
                    Fault::Syntax,
                    &place,
                    "the text ends in the middle of a value",
                )));
            }
        };
        let node = Node { kind, place };
        if let Some(anchor) = spanned.anchor {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn map<'t>(
        &mut self,
        events: &mut impl Iterator<Item = Result<Spanned<'t>, yaml::Broken>>,
        place: &mut Place,
    ) -> Result<Vec<Entry>, Fatal> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let next = self.next(events, place)?;
            let key_place = self.place(&next);
            let key = match next.event {
                Event::MapEnd => {
                    place.span.end = key_place.span.end.max(place.span.end);
                    return Ok(entries);
                }
                Event::Scalar { ref text, plain: true } if text == "<<" => {
                    let finding = Finding::new(Fault::Syntax, &key_place, "`<<` is not a part of YAML 1.2")
                        .hint("write the keys out");
                    self.findings.push(finding);
                    None
                }
                Event::Scalar { text, .. } => Some(text.into_owned()),
                _ => {
                    let finding = Finding::new(Fault::Syntax, &key_place, "a key is one word")
                        .hint("write `key: value`; text in {braces} or [brackets] is a value, quote it if it is text");
                    self.findings.push(finding);
                    self.node(next, events)?;
                    None
                }
            };
            let value = self.next(events, place)?;
            let value = self.node(value, events)?;
            let Some(key) = key else { continue };
            match entries.iter().find(|entry| entry.key == key) {
                Some(first) => self.findings.push(
                    Finding::new(Fault::DuplicateKey, &key_place, format!("`{key}` is here twice"))
                        .also(&first.key_place, "the first one")
                        .hint("take one of the two out"),
                ),
                None => entries.push(Entry { key, key_place, value }),
            }
        }
    }

    fn next<'t>(
        &self,
        events: &mut impl Iterator<Item = Result<Spanned<'t>, yaml::Broken>>,
        place: &Place,
    ) -> Result<Spanned<'t>, Fatal> {
        match events.next() {
            Some(event) => event.map_err(|broken| self.broken(&broken)),
            None => {
                Err(Box::new(Finding::new(Fault::Syntax, place, "the text ends in the middle of this value")))
            }
        }
    }

    fn count(&mut self, nodes: usize, place: &Place) -> Result<(), Fatal> {
        self.nodes += nodes;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("more than {NODES_MAX} values: this is no box file");
        Err(Box::new(
            Finding::new(Fault::Unreadable, place, message).hint("an alias counts as all that it stands for"),
        ))
    }

    fn broken(&self, broken: &yaml::Broken) -> Fatal {
        let place = self.sources.place(self.source, self.base + broken.at..self.base + broken.at);
        let hint = "look at the indentation and the quotes here and on the line above";
        Box::new(
            Finding::new(Fault::Syntax, &place, format!("this is not YAML: {}", broken.message)).hint(hint),
        )
    }

    fn place(&self, spanned: &Spanned<'_>) -> Place {
        self.sources.place(self.source, self.base + spanned.span.start..self.base + spanned.span.end)
    }
}

fn size(node: &Node) -> usize {
    let inside: usize = node.items().iter().chain(node.entries().iter().map(|e| &e.value)).map(size).sum();
    inside + 1
}
