//! Where a value stands: in which layer, in which text, at which bytes.

use std::{fmt, ops::Range};

use serde::Serialize;

/// The layers a value can come from, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// `--set KEY=VALUE`.
    Flag,
    /// `CIAB_*` of the environment.
    Env,
    /// `ciab.*` words of the kernel command line.
    Cmdline,
    /// The file named on the command line.
    File,
    /// The file embedded in the medium.
    Embedded,
    /// A medium labelled `CIAB-CONFIG`.
    Medium,
    /// A URL whose digest is pinned.
    PinnedUrl,
    /// A URL whose digest is not.
    Url,
    /// What the DHCP server said.
    Dhcp,
    /// What was found on the box.
    Detected,
    /// What the profile presets.
    Profile,
    /// What `ciab` presets.
    Default,
}

impl Layer {
    /// True for layers that only the operator can write: consent, keys and scripts are taken from no other.
    pub fn is_trusted(self) -> bool {
        match self {
            Self::Flag | Self::File | Self::Embedded | Self::Medium | Self::PinnedUrl => true,
            Self::Env
            | Self::Cmdline
            | Self::Url
            | Self::Dhcp
            | Self::Detected
            | Self::Profile
            | Self::Default => false,
        }
    }

    /// True for layers that are a file of the operator's.
    pub fn is_document(self) -> bool {
        matches!(self, Self::File | Self::Embedded | Self::Medium | Self::PinnedUrl | Self::Url)
    }

    /// The layer's name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Env => "environment",
            Self::Cmdline => "kernel command line",
            Self::File => "box file",
            Self::Embedded => "embedded file",
            Self::Medium => "medium CIAB-CONFIG",
            Self::PinnedUrl => "URL, digest pinned",
            Self::Url => "URL",
            Self::Dhcp => "DHCP",
            Self::Detected => "detected",
            Self::Profile => "profile",
            Self::Default => "default",
        }
    }
}

/// One text that values were read from.
#[derive(Clone)]
pub struct Source {
    pub layer: Layer,
    /// A file's path, or what else the text is called.
    pub name: String,
    pub text: String,
}

impl fmt::Debug for Source {
    /// Without the text: an operator may have written a secret into it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("layer", &self.layer).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Every text of one reading; a `Place` is a number in it.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

/// Bytes of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    source: usize,
    pub span: Range<usize>,
}

/// Line and column for people: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

impl Sources {
    /// Takes a text in; the number names it in `place`.
    pub(super) fn add(&mut self, source: Source) -> usize {
        self.0.push(source);
        self.0.len() - 1
    }

    pub(super) fn place(&self, source: usize, span: Range<usize>) -> Place {
        Place { source, span }
    }

    pub fn source(&self, place: &Place) -> &Source {
        &self.0[place.source]
    }

    pub fn line_column(&self, place: &Place) -> LineColumn {
        line_column(&self.source(place).text, place.span.start)
    }

    /// `box.yaml:3:9` for a file, the flag or variable itself for what has only one line.
    pub fn label(&self, place: &Place) -> String {
        let source = self.source(place);
        match source.layer {
            Layer::Flag | Layer::Env | Layer::Cmdline | Layer::Detected | Layer::Dhcp => source.name.clone(),
            Layer::Default => "built in".to_owned(),
            Layer::File
            | Layer::Embedded
            | Layer::Medium
            | Layer::PinnedUrl
            | Layer::Url
            | Layer::Profile => {
                let LineColumn { line, column } = self.line_column(place);
                format!("{}:{line}:{column}", source.name)
            }
        }
    }
}

/// Counts lines and characters before byte `at`; a byte inside a character counts as the character's first.
pub(super) fn line_column(text: &str, at: usize) -> LineColumn {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    LineColumn { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}
