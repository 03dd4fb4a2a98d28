//! A source that keeps what it was asked.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
};

use super::{
    CommandOutput, Recording, Source,
    recording::{Answer, Content, Output, Refusal, command_line},
};

/// Passes every question on and writes down the answer.
pub struct Recorder<S> {
    source: S,
    recording: Mutex<Recording>,
}

impl<S: Source> Recorder<S> {
    pub fn new(source: S) -> Self {
        Self { source, recording: Mutex::default() }
    }

    pub fn into_recording(self) -> Recording {
        self.recording.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T, R>(
        &self,
        question: String,
        answer: &io::Result<T>,
        table: fn(&mut Recording) -> &mut BTreeMap<String, Answer<R>>,
        keep: impl FnOnce(&T) -> R,
    ) {
        let answer = match answer {
            Ok(value) => Answer::Is(keep(value)),
            Err(error) => Answer::Error(Refusal::of(error)),
        };
        let mut recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        table(&mut recording).insert(question, answer);
    }
}

impl<S: Source> Source for Recorder<S> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let answer = self.source.read(path);
        self.note(path.into(), &answer, |r| &mut r.files, |bytes| Content::of(bytes));
        answer
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let answer = self.source.list(dir);
        self.note(dir.into(), &answer, |r| &mut r.folders, Clone::clone);
        answer
    }

    fn link(&self, path: &str) -> io::Result<String> {
        let answer = self.source.link(path);
        self.note(path.into(), &answer, |r| &mut r.links, Clone::clone);
        answer
    }

    fn command(&self, argv: &[&str]) -> io::Result<CommandOutput> {
        let answer = self.source.command(argv);
        self.note(
            command_line(argv),
            &answer,
            |r| &mut r.commands,
            |out| Output {
                code: out.code,
                stdout: Content::of(&out.stdout),
                stderr: Content::of(&out.stderr),
            },
        );
        answer
    }

    /// Keeps the wanted lines as if they were the file: a list of all modules has 600 KiB.
    fn lines(&self, path: &str, wanted: &dyn Fn(&str) -> bool) -> io::Result<String> {
        let answer = self.source.lines(path, wanted);
        self.note(path.into(), &answer, |r| &mut r.files, |text| Content::Text(text.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::source::ThisBox;

    #[test]
    fn a_recording_answers_as_the_box_did() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("text"), "one\ntwo\n").unwrap();
        std::fs::write(folder.path().join("bytes"), b"\xff\0").unwrap();
        std::os::unix::fs::symlink("text", folder.path().join("link")).unwrap();
        let recorder = Recorder::new(ThisBox::below(folder.path()));
        let ask = |source: &dyn Source| {
            let kind = |error: io::Error| Refusal::of(&error);
            (
                source.read("/bytes").map_err(kind),
                source.read("/missing").map_err(kind),
                source.list("/").map_err(kind),
                source.link("/link").map_err(kind),
                source.link("/text").map_err(kind),
                source.lines("/text", &|l| l == "two").map_err(kind),
                source.command(&["ip", "-j"]).map_err(kind),
            )
        };
        let live = ask(&recorder);
        let json = recorder.into_recording().to_json().unwrap();
        assert_eq!(ask(&Recording::parse(json.as_bytes()).unwrap()), live);
    }
}
