//! Dated lines for logs and serial consoles: one an event, and a sign of life when nothing happens.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    board::Show,
    clock::between,
    line,
    progress::Progress,
    words::{about, clean, whole},
};
use crate::event::Event;

/// A step that has been silent for so long is said to be alive.
const QUIET: Duration = Duration::from_secs(30);

pub(super) struct Plain<W> {
    sink: W,
    /// When each step was last heard or spoken of.
    heard: HashMap<String, Timestamp>,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink, heard: HashMap::new() }
    }

    fn say(&mut self, at: Timestamp, text: &str) -> io::Result<()> {
        writeln!(self.sink, "{} {text}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl<W: Write + Send> Show for Plain<W> {
    fn event(&mut self, event: &Event, progress: &Progress) -> io::Result<()> {
        let at = event.at.parse().unwrap_or(progress.now);
        for (_, text) in line::lines(&event.kind) {
            self.say(at, &text)?;
        }
        if let Some(step) = line::step(&event.kind) {
            self.heard.insert(step.to_owned(), progress.now);
        }
        self.sink.flush()
    }

    fn tick(&mut self, progress: &Progress) -> io::Result<()> {
        let now = progress.now;
        let left = progress.left().map_or(String::new(), |left| format!(", {} left", about(left)));
        for running in &progress.running {
            let heard = self.heard.get(&running.step).copied().unwrap_or(running.since);
            if between(heard, now) >= QUIET {
                let text = format!(
                    "{}: still running ({}{left})",
                    clean(&running.step),
                    whole(between(running.since, now))
                );
                self.say(now, &text)?;
                self.heard.insert(running.step.clone(), now);
            }
        }
        self.sink.flush()
    }

    fn end(&mut self, summary: &str, _: &Progress) -> io::Result<()> {
        self.sink.write_all(summary.as_bytes())?;
        self.sink.flush()
    }
}
