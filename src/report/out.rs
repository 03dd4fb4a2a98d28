//! Single texts to standard output and standard error: pages, documents, notes and failures.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    paint::Paint,
    screen,
    words::{clean, clean_lines},
};
use crate::failure::{Exit, Failure};

/// The `schema` of the document that `--json` prints for a failure.
pub const ERROR_SCHEMA: &str = "ciab/error/v1";

/// Who reads what a command prints: `--json` or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Human,
    Json,
}

/// Prints a page to standard output. A reader that has seen enough (`| head`) is no failure.
pub fn page(text: &str) -> Result<(), Failure> {
    written(write_page(&mut io::stdout().lock(), text))
}

/// Whether somebody still reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    There,
    Gone,
}

/// Prints a part of something longer to standard output, as it is but for control characters.
pub fn part(text: &str) -> Result<Reader, Failure> {
    let text: String = text
        .split_inclusive('\n')
        .map(|line| clean(line.trim_end_matches('\n')) + if line.ends_with('\n') { "\n" } else { "" })
        .collect();
    let mut sink = io::stdout().lock();
    match sink.write_all(text.as_bytes()).and_then(|()| sink.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        other => written(other).map(|()| Reader::There),
    }
}

/// Passes on what another machine says to a terminal, as it is; an error where nobody takes it.
pub fn bytes(said: &[u8]) -> io::Result<()> {
    let mut sink = io::stdout().lock();
    sink.write_all(said).and_then(|()| sink.flush())
}

/// Prints one JSON document to standard output; as with [`page`], the reader may leave.
pub fn json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::new(Exit::Unexpected, format!("write the document as JSON: {error}")))?;
    page(&text)
}

/// Tells people something on standard error; that nobody reads it is no failure.
pub fn note(text: &str) {
    screen::above(|| {
        let _ = writeln!(io::stderr().lock(), "{}", clean_lines(text));
    });
}

/// Shows why a command ends: for people on standard error, as a document on standard output.
pub fn failure(failure: &Failure, form: Form) {
    // The exit code says it too; there is nowhere left to complain.
    let _ = match form {
        Form::Human => screen::above(|| {
            let paint = Paint::of(&io::stderr());
            io::stderr().lock().write_all(failure_text(failure, paint).as_bytes())
        }),
        Form::Json => write_page(&mut io::stdout().lock(), &failure_json(failure)),
    };
}

/// The same as a text, for a page or a console.
pub fn failure_page(failure: &Failure) -> String {
    failure_text(failure, Paint::off()).trim_end().to_owned()
}

fn failure_text(failure: &Failure, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.red("error:"), indented(&failure.message));
    for hint in &failure.hints {
        text += &format!("  {} {}\n", paint.bold("help:"), indented(hint));
    }
    text
}

/// Further lines of a text stand below its first one.
fn indented(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n    ")
}

fn failure_json(failure: &Failure) -> String {
    let Failure { exit, message, hints } = failure;
    let document = serde_json::json!({
        "schema": ERROR_SCHEMA, "exit": *exit as u8, "message": message, "hints": hints,
    });
    format!("{document:#}")
}

fn write_page(sink: &mut impl Write, text: &str) -> io::Result<()> {
    sink.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        sink.write_all(b"\n")?;
    }
    sink.flush()
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Unexpected, format!("write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_the_way_out() {
        let failure = Failure::new(Exit::Refused, "disk `sda` is in use\nby /dev/md0")
            .hint("stop the array")
            .hint("ciab match disk 'size>=1TB'");
        assert_eq!(
            failure_text(&failure, Paint::off()),
            "error: disk `sda` is in use\n    by /dev/md0\n  help: stop the array\n  help: ciab match disk 'size>=1TB'\n"
        );
        let document: serde_json::Value = serde_json::from_str(&failure_json(&failure)).unwrap();
        assert_eq!(document["schema"], "ciab/error/v1");
        assert_eq!(document["exit"], 8);
        assert_eq!(document["hints"][0], "stop the array");
    }

    #[test]
    fn a_reader_that_left_is_no_failure_and_a_full_disk_is() {
        assert!(written(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        let error = written(Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(error.exit, Exit::Unexpected);
    }

    #[test]
    fn a_page_ends_with_one_line_end() {
        let mut sink = Vec::new();
        write_page(&mut sink, "one").unwrap();
        write_page(&mut sink, "two\n").unwrap();
        assert_eq!(sink, b"one\ntwo\n");
    }
}
