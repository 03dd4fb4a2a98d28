//! The one place that knows the YAML crate: reads strictly, writes what YAML 1.1 tools read the same.

use std::{borrow::Cow, ops::Range};

use serde::{Serialize, de::DeserializeOwned};
use serde_saphyr::granit_parser as parser;

/// Nesting that no file of ours comes near; deeper input is an attack or an accident.
const DEPTH_MAX: usize = 32;

/// Reads one document into `T`. The error's text carries line, column and the source line.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

/// Writes a document whose scalars mean the same to YAML 1.1 (Ansible's PyYAML) and YAML 1.2 readers.
pub fn to_string<T: Serialize>(value: &T) -> anyhow::Result<String> {
    // The default folds at 80 columns, which turns an SSH key into a two-line scalar.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: 100_000 };
    Ok(serde_saphyr::to_string_with_options(value, options)?)
}

/// What a document is made of, in the order of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    DocumentStart,
    Scalar {
        text: Cow<'a, str>,
        plain: bool,
    },
    ListStart,
    ListEnd,
    MapStart,
    MapEnd,
    /// A copy of the node that stands behind the anchor of this number.
    Alias(usize),
}

/// An event with its bytes in the text, the number of its anchor, and its tag as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<'a> {
    pub event: Event<'a>,
    pub span: Range<usize>,
    pub anchor: Option<usize>,
    pub tag: Option<String>,
}

/// Text that is not YAML: where (a byte offset) and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub at: usize,
    pub message: String,
}

/// The events of `text`, up to the first place that is not YAML.
pub fn events(text: &str) -> impl Iterator<Item = Result<Spanned<'_>, Broken>> {
    let mut options = parser::Options::default();
    options.block_nesting_limit = DEPTH_MAX;
    options.flow_nesting_limit = DEPTH_MAX;
    let mut parser = parser::Parser::new_from_str_with_options(text, options);
    std::iter::from_fn(move || {
        loop {
            return match parser.next_event()? {
                Ok((event, span)) => match translate(event, span, text.len()) {
                    Some(spanned) => Some(Ok(spanned)),
                    None => continue,
                },
                Err(error) => {
                    Some(Err(Broken { at: offset(error.marker(), text.len()), message: error.info() }))
                }
            };
        }
    })
}

fn translate(event: parser::Event<'_>, span: parser::Span, end: usize) -> Option<Spanned<'_>> {
    let (event, anchor, tag) = match event {
        parser::Event::DocumentStart(..) => (Event::DocumentStart, 0, None),
        parser::Event::Scalar(text, style, anchor, tag) => {
            (Event::Scalar { text, plain: style == parser::ScalarStyle::Plain }, anchor, tag)
        }
        parser::Event::SequenceStart(_, anchor, tag) => (Event::ListStart, anchor, tag),
        parser::Event::SequenceEnd => (Event::ListEnd, 0, None),
        parser::Event::MappingStart(_, anchor, tag) => (Event::MapStart, anchor, tag),
        parser::Event::MappingEnd => (Event::MapEnd, 0, None),
        parser::Event::Alias(target) => (Event::Alias(target), 0, None),
        // The rest says how the text looks, not what it holds.
        _ => return None,
    };
    let start = offset(&span.start, end);
    Some(Spanned {
        event,
        span: start..offset(&span.end, end).max(start),
        // The parser counts anchors from one.
        anchor: (anchor > 0).then_some(anchor),
        tag: tag.map(|tag| tag.original()),
    })
}

fn offset(marker: &parser::Marker, end: usize) -> usize {
    marker.byte_offset().unwrap_or(0).min(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_carry_bytes_of_the_text() {
        let text = "ä: &x [1, \"b\"]\nc: *x\n";
        let all: Vec<_> = events(text).map(Result::unwrap).collect();
        let scalars: Vec<_> = all
            .iter()
            .filter(|s| matches!(s.event, Event::Scalar { .. }))
            .map(|s| &text[s.span.clone()])
            .collect();
        assert_eq!(scalars, ["ä", "1", "\"b\"", "c"]);
        assert!(all.iter().any(|s| s.event == Event::Alias(1)));
    }

    #[test]
    fn deep_nesting_ends_with_an_error() {
        assert!(events(&"[".repeat(100_000)).any(|event| event.is_err()));
        assert!(events(&"- ".repeat(100_000)).any(|event| event.is_err()));
    }
}
