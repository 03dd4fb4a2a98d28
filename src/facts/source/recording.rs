//! A box on paper: every question that was asked of it, with the answer.

use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize};

use super::{CommandOutput, MAX_FILE, Source};
use crate::failure::{Exit, Failure};

/// The version of the document; another one is refused.
pub const SCHEMA: &str = "ciab/recording/v1";

/// The largest recording read: ten times that of a server with fifty disks.
pub const MAX_RECORDING: usize = 16 << 20;

/// Questions and answers, by kind of question. What was never asked is answered with `NotFound`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    pub schema: String,
    #[serde(default)]
    pub files: BTreeMap<String, Answer<Content>>,
    #[serde(default)]
    pub folders: BTreeMap<String, Answer<Vec<String>>>,
    #[serde(default)]
    pub links: BTreeMap<String, Answer<String>>,
    /// By command line, quoted as a shell would need it.
    #[serde(default)]
    pub commands: BTreeMap<String, Answer<Output>>,
}

/// What a box answered; absence and refusal are answers too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    Is(T),
    Error(Refusal),
}

/// Bytes: as text where they are UTF-8, so that people can read the recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Text(String),
    Hex(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: Content,
    pub stderr: Content,
}

/// The kinds of errors that a reader may tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    NotFound,
    PermissionDenied,
    TooLarge,
    TimedOut,
    /// Any other: a driver that answers `EINVAL` or `EIO`.
    Unreadable,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            schema: SCHEMA.into(),
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            links: BTreeMap::new(),
            commands: BTreeMap::new(),
        }
    }
}

impl Recording {
    /// Reads a document from an untrusted place; the failure names line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let refuse = |message: String| Failure::new(Exit::Usage, message);
        if bytes.len() > MAX_RECORDING {
            return Err(refuse("recording: larger than 16 MiB".into()));
        }
        let recording: Self =
            serde_json::from_slice(bytes).map_err(|error| refuse(format!("recording: {error}")))?;
        if recording.schema != SCHEMA {
            let found: String = recording.schema.chars().take(40).collect();
            return Err(refuse(format!("recording: schema is `{found}`, this program reads `{SCHEMA}`")));
        }
        Ok(recording)
    }

    /// One document that ends in a newline.
    pub fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map(|json| json + "\n")
            .map_err(|error| Failure::new(Exit::Unexpected, format!("write the recording: {error}")))
    }
}

impl Source for Recording {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        ask(&self.files, path)?.bytes()
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        ask(&self.folders, dir).cloned()
    }

    fn link(&self, path: &str) -> io::Result<String> {
        ask(&self.links, path).cloned()
    }

    fn command(&self, argv: &[&str]) -> io::Result<CommandOutput> {
        let output = ask(&self.commands, &command_line(argv))?;
        Ok(CommandOutput {
            code: output.code,
            stdout: output.stdout.bytes()?,
            stderr: output.stderr.bytes()?,
        })
    }
}

/// The name of a command in a recording. No argument of ours holds the one byte that cannot be quoted.
pub(super) fn command_line(argv: &[&str]) -> String {
    shlex::try_join(argv.iter().copied()).unwrap_or_else(|_| argv.join(" "))
}

fn ask<'a, T>(answers: &'a BTreeMap<String, Answer<T>>, question: &str) -> io::Result<&'a T> {
    match answers.get(question) {
        Some(Answer::Is(value)) => Ok(value),
        Some(Answer::Error(refusal)) => Err(refusal.to_error()),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "not in the recording")),
    }
}

impl Content {
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(_) => Self::Hex(bytes.iter().map(|b| format!("{b:02x}")).collect()),
        }
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "bad hexadecimal digits in the recording");
        match self {
            Self::Text(text) if text.len() > MAX_FILE => Err(Refusal::TooLarge.to_error()),
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Hex(digits) if digits.len() > 2 * MAX_FILE => Err(Refusal::TooLarge.to_error()),
            Self::Hex(digits) => digits
                .as_bytes()
                .chunks(2)
                .map(|pair| match std::str::from_utf8(pair) {
                    // `from_str_radix` takes a sign too.
                    Ok(digits) if digits.len() == 2 && !digits.starts_with('+') => {
                        u8::from_str_radix(digits, 16).map_err(|_| wrong())
                    }
                    _ => Err(wrong()),
                })
                .collect(),
        }
    }
}

impl Refusal {
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::FileTooLarge => Self::TooLarge,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Unreadable,
        }
    }

    /// The same words for a live box and for its recording, so that both give the same facts.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "not there",
            Self::PermissionDenied => "permission denied",
            Self::TooLarge => "too large to read",
            Self::TimedOut => "no answer in time",
            Self::Unreadable => "cannot be read",
        }
    }

    fn to_error(self) -> io::Error {
        let kind = match self {
            Self::NotFound => io::ErrorKind::NotFound,
            Self::PermissionDenied => io::ErrorKind::PermissionDenied,
            Self::TooLarge => io::ErrorKind::FileTooLarge,
            Self::TimedOut => io::ErrorKind::TimedOut,
            Self::Unreadable => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_recording_is_refused_with_the_place() {
        for (text, message) in [
            ("", "recording: EOF while parsing a value at line 1 column 0"),
            (
                "{\n\"schema\": 3}",
                "recording: invalid type: integer `3`, expected a string at line 2 column 11",
            ),
            (
                r#"{"schema":"ciab/recording/v9"}"#,
                "recording: schema is `ciab/recording/v9`, this program reads `ciab/recording/v1`",
            ),
        ] {
            let failure = Recording::parse(text.as_bytes()).unwrap_err();
            assert_eq!((failure.exit, failure.message.as_str()), (Exit::Usage, message));
        }
        for deep in ["[", "{\"files\":", "{\"files\":{\"x\":"] {
            assert!(Recording::parse(deep.repeat(100_000).as_bytes()).is_err(), "{deep}");
        }
        assert!(Recording::parse(&vec![b' '; MAX_RECORDING + 1]).is_err());
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        for bytes in [b"\x06\0\0\0\x01".as_slice(), b"\xff\xfe", b""] {
            assert_eq!(Content::of(bytes).bytes().unwrap(), bytes);
        }
        for digits in ["f", "zz", "fff", "+1", "é"] {
            assert!(Content::Hex(digits.into()).bytes().is_err(), "{digits}");
        }
    }
}
