//! Asks a source on behalf of one topic, and remembers what could not be told.

use std::io;

use super::{
    Unknown,
    source::{Source, recording::Refusal},
};

/// One topic's view of a source. Topics are read side by side, each with a reader of its own.
pub(super) struct Reader<'a> {
    pub(super) source: &'a dyn Source,
    unknown: Vec<Unknown>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, unknown: Vec::new() }
    }

    /// Runs one topic to its end.
    pub(super) fn topic<T>(source: &'a dyn Source, read: fn(&mut Self) -> T) -> (T, Vec<Unknown>) {
        let mut reader = Self::new(source);
        let value = read(&mut reader);
        (value, reader.unknown)
    }

    /// The text of a file; bytes that are no UTF-8 are replaced, for serial numbers of odd firmware.
    pub(super) fn text(&self, path: &str) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.source.read(path)?).into_owned())
    }

    /// The trimmed text of a file that holds one value; `None` where it is not there, unreadable or empty.
    pub(super) fn word(&self, path: &str) -> Option<String> {
        self.text(path).ok().map(|t| clean(&t)).filter(|t| !t.is_empty())
    }

    /// A whole number, the only content of a file.
    pub(super) fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        self.word(path)?.parse().ok()
    }

    /// `0` or `1`, the only content of a file.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        self.number::<u8>(path).map(|n| n != 0)
    }

    /// The text of a file that a fact hangs on; a failure is noted.
    pub(super) fn needed(&mut self, fact: &str, path: &str) -> Option<String> {
        match self.text(path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.failed(fact, path, &error);
                None
            }
        }
    }

    /// The names in a folder; none where there is no such folder. Another failure is noted.
    pub(super) fn names(&mut self, fact: &str, dir: &str) -> Option<Vec<String>> {
        match self.source.list(dir) {
            Ok(names) => Some(names),
            Err(error) if Refusal::of(&error) == Refusal::NotFound => Some(Vec::new()),
            Err(error) => {
                self.failed(fact, dir, &error);
                None
            }
        }
    }

    /// Whether a file or folder is there. Whatever else reading it says, it is: a folder is no file, a file may be
    /// forbidden. Asking for it alone, and not for all names beside it, keeps strangers' names out of recordings.
    pub(super) fn exists(&self, path: &str) -> bool {
        match self.source.read(path) {
            Ok(_) => true,
            Err(error) => Refusal::of(&error) != Refusal::NotFound,
        }
    }

    /// What a tool printed; a failure is noted.
    pub(super) fn output(&mut self, fact: &str, argv: &[&str]) -> Option<String> {
        let said = match self.source.command(argv) {
            Ok(output) => output.text(),
            Err(error) => Err(Refusal::of(&error).reason().to_owned()),
        };
        said.map_err(|why| self.note(fact, format!("`{}`: {why}", argv.join(" ")))).ok()
    }

    pub(super) fn failed(&mut self, fact: &str, place: &str, error: &io::Error) {
        self.note(fact, format!("{place}: {}", Refusal::of(error).reason()));
    }

    pub(super) fn note(&mut self, fact: impl Into<String>, reason: impl Into<String>) {
        self.unknown.push(Unknown { fact: fact.into(), reason: reason.into() });
    }
}

/// One line without the blanks and NULs that firmware pads with, and without control characters.
pub(super) fn clean(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
