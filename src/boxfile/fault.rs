//! What is wrong with a box file: said with its place, its source line and a way out; as text and as JSON.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::{
    mask,
    place::{Layer, LineColumn, Place, Sources},
};
use crate::failure::{Exit, Failure};

/// What kind of thing is wrong; the ids are a contract (`ciab validate --json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Too large, binary, not UTF-8.
    Unreadable,
    /// Not YAML, or a part of YAML that box files do without.
    Syntax,
    DuplicateKey,
    UnknownKey,
    MissingKey,
    /// A list where a word is wanted, and the like.
    WrongType,
    /// Another meaning for YAML 1.1 tools.
    Ambiguous,
    /// Right type, wrong value.
    WrongValue,
    /// Each value is right, together they are not.
    Conflict,
    /// A layer that may not say this.
    Untrusted,
    /// A secret where a reference is wanted, or a key whose private half is published.
    Secret,
}

impl Fault {
    pub fn id(self) -> &'static str {
        match self {
            Self::Unreadable => "box.unreadable",
            Self::Syntax => "box.syntax",
            Self::DuplicateKey => "box.duplicate-key",
            Self::UnknownKey => "box.unknown-key",
            Self::MissingKey => "box.missing-key",
            Self::WrongType => "box.wrong-type",
            Self::Ambiguous => "box.ambiguous",
            Self::WrongValue => "box.wrong-value",
            Self::Conflict => "box.conflict",
            Self::Untrusted => "box.untrusted",
            Self::Secret => "box.secret",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    pub fault: Fault,
    /// A lower-case fragment without a full stop.
    pub message: String,
    /// The key's path, such as `network.vip`.
    pub key: Option<String>,
    pub place: Option<Place>,
    /// A second place that has to do with it, and what it is.
    pub also: Option<(Place, String)>,
    /// A way out, as a sentence fragment or something to write.
    pub hint: Option<String>,
    /// A value that is or may be a secret: no source line shows it.
    pub(super) hidden: Option<Place>,
}

impl Finding {
    pub(super) fn new(fault: Fault, place: &Place, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
            key: None,
            place: Some(place.clone()),
            also: None,
            hint: None,
            hidden: None,
        }
    }

    /// Something that is not there, so has no place.
    pub(super) fn nowhere(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), key: None, place: None, also: None, hint: None, hidden: None }
    }

    #[must_use]
    pub(super) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    #[must_use]
    pub(super) fn also(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.also = Some((place.clone(), label.into()));
        self
    }

    #[must_use]
    pub(super) fn hide(mut self, place: &Place) -> Self {
        self.hidden = Some(place.clone());
        self
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that is wrong, with the texts it is wrong in.
#[derive(Clone, Debug)]
pub struct Findings {
    sources: Sources,
    list: Vec<Finding>,
}

/// Whether text may hold colour codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Plain,
    Ansi,
}

impl Findings {
    /// Orders by place, so that a reader goes through the file once; what has no place comes last.
    pub(super) fn new(sources: Sources, mut list: Vec<Finding>) -> Self {
        let order = |finding: &Finding| match &finding.place {
            Some(place) => {
                let source = sources.source(place);
                (0, source.layer, source.name.clone(), place.span.start)
            }
            None => (1, Layer::Default, String::new(), 0),
        };
        list.sort_by_key(order);
        Self { sources, list }
    }

    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// Whether something is wrong with what this layer says.
    pub fn concern(&self, layer: Layer) -> bool {
        let mut places = self.list.iter().filter_map(|finding| finding.place.as_ref());
        places.any(|place| self.sources.source(place).layer == layer)
    }

    /// Each finding as compilers print theirs, an empty line between two.
    pub fn text(&self, colour: Colour) -> String {
        let all: Vec<_> = self.list.iter().map(|finding| self.one(finding, colour)).collect();
        all.join("\n\n")
    }

    /// Objects of `id, message, file, line, column, key, hint`; what is not known is null.
    pub fn json(&self) -> Value {
        self.list.iter().map(|finding| self.one_json(finding)).collect()
    }

    fn one_json(&self, finding: &Finding) -> Value {
        let place = finding.place.as_ref();
        let at: Option<LineColumn> = place.map(|place| self.sources.line_column(place));
        json!({
            "id": finding.fault.id(),
            "message": finding.message,
            "file": place.map(|place| self.sources.source(place).name.clone()),
            "line": at.map(|at| at.line),
            "column": at.map(|at| at.column),
            "key": finding.key,
            "hint": finding.hint,
        })
    }

    /// The text around a place, without the secrets that any finding knows of.
    fn shown(&self, place: &Place) -> String {
        let source = self.sources.source(place);
        let here = |place: &&Place| std::ptr::eq(self.sources.source(place), source);
        let hidden = self.list.iter().filter_map(|finding| finding.hidden.as_ref()).filter(here);
        let spans: Vec<_> = hidden.map(|place| place.span.clone()).collect();
        mask::hide(&source.text, &spans)
    }

    fn one(&self, finding: &Finding, colour: Colour) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(&finding.message));
        if let Some(place) = &finding.place {
            let source = self.sources.source(place);
            let text = self.shown(place);
            let span = |place: &Place| visible(&text, place);
            let mut snippet = Snippet::source(text.clone())
                .path(source.name.clone())
                .annotation(AnnotationKind::Primary.span(span(place)));
            let mut second = None;
            if let Some((also, label)) = &finding.also {
                let other = self.sources.source(also);
                if std::ptr::eq(other, source) {
                    snippet = snippet.annotation(AnnotationKind::Context.span(span(also)).label(label));
                } else {
                    let text = self.shown(also);
                    let span = visible(&text, also);
                    second = Some(
                        Snippet::source(text)
                            .path(other.name.clone())
                            .annotation(AnnotationKind::Context.span(span).label(label)),
                    );
                }
            }
            group = group.element(snippet);
            if let Some(second) = second {
                group = group.element(second);
            }
        }
        if let Some(hint) = &finding.hint {
            group = group.element(Level::HELP.message(wrap(hint)));
        }
        let renderer = match colour {
            Colour::Plain => Renderer::plain(),
            Colour::Ansi => Renderer::styled(),
        };
        let text = renderer.term_width(mask::WIDTH).render(&[group]);
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

/// Breaks a hint into lines that fit beside their mark.
fn wrap(hint: &str) -> String {
    const MARGIN: usize = 16;
    let mut lines = vec![String::new()];
    for word in hint.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < mask::WIDTH - MARGIN => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// The place's bytes on its first line: a mark over many lines hides more than it shows.
fn visible(text: &str, place: &Place) -> std::ops::Range<usize> {
    let start = place.span.start.min(text.len());
    let end = place.span.end.clamp(start, text.len());
    let line = text[start..end].find('\n').map_or(end, |n| start + n);
    start..line
}

impl From<Findings> for Failure {
    fn from(findings: Findings) -> Self {
        let count = findings.list.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        Self::new(Exit::Usage, format!("{count} {noun} in the box file\n\n{}", findings.text(Colour::Plain)))
    }
}
