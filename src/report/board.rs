//! Takes events in and passes them to what shows them; when nobody can be shown anything, it only listens.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use super::{
    Manner, clock::Clock, json::Json, paint::Paint, plain::Plain, progress::Progress, summary::summary,
    terminal::Terminal,
};
use crate::{
    event::{self, Event, Kind},
    failure::{Exit, Failure},
    step::StepId,
};

/// What a report is told before the first event.
#[derive(Clone, Debug)]
pub struct Setup {
    pub manner: Manner,
    /// Seconds that each step of the graph is expected to take; without any, no time left is shown.
    pub estimates: HashMap<StepId, u32>,
    /// What to type to go on (`ciab deploy lab.yaml`).
    pub again: String,
    /// What to type to watch (`ciab logs -f lab.yaml`).
    pub watch: String,
}

/// One manner of showing a run.
pub(super) trait Show: Send {
    /// Shows an event that `progress` has taken in already.
    fn event(&mut self, event: &Event, progress: &Progress) -> io::Result<()>;

    /// About once a second, whether anything happened or not.
    fn tick(&mut self, _: &Progress) -> io::Result<()> {
        Ok(())
    }

    /// The last word.
    fn end(&mut self, _summary: &str, _: &Progress) -> io::Result<()> {
        Ok(())
    }
}

pub(super) struct Board {
    setup: Setup,
    clock: Clock,
    progress: Progress,
    /// Gone once it could not write: whoever read has left, and the run goes on.
    show: Option<Box<dyn Show>>,
    paint: Paint,
}

impl Board {
    /// The board for the standard streams of this process.
    pub(super) fn new(setup: Setup, clock: Clock) -> Self {
        let paint = Paint::of(&io::stderr());
        let show: Box<dyn Show> = match setup.manner {
            Manner::Terminal => Box::new(Terminal::on_stderr(paint)),
            Manner::Plain => Box::new(Plain::new(io::stderr())),
            Manner::Json => Box::new(Json(io::stdout())),
        };
        Self::with(setup, clock, show, paint)
    }

    pub(super) fn with(setup: Setup, clock: Clock, show: Box<dyn Show>, paint: Paint) -> Self {
        let progress = Progress::new(setup.estimates.clone());
        Self { setup, clock, progress, show: Some(show), paint }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.clock.follow(&event.at);
        self.progress.take(event, self.clock.now());
        self.tell(|show, progress| show.event(event, progress));
    }

    pub(super) fn tick(&mut self) {
        self.progress.now = self.clock.now();
        self.tell(|show, progress| show.tick(progress));
    }

    pub(super) fn end(mut self) {
        self.progress.now = self.clock.now();
        let summary = summary(&self.progress, &self.setup, self.paint);
        self.tell(|show, progress| show.end(&summary, progress));
    }

    fn tell(&mut self, what: impl FnOnce(&mut dyn Show, &Progress) -> io::Result<()>) {
        if let Some(show) = &mut self.show
            && what(show.as_mut(), &self.progress).is_err()
        {
            self.show = None;
        }
    }
}

/// Shows a recorded run (`events.jsonl`) as if it happened now. Lines that are no event are named and left out; a
/// last line without its end was cut off while it was written, and is passed over.
pub fn replay(lines: impl BufRead, mut setup: Setup) -> Result<(), Failure> {
    // What happened is over: there is nothing to redraw.
    if setup.manner == Manner::Terminal {
        setup.manner = Manner::Plain;
    }
    replay_on(Board::new(setup, Clock::Set(jiff::Timestamp::UNIX_EPOCH)), lines)
}

fn replay_on(mut board: Board, mut lines: impl BufRead) -> Result<(), Failure> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = lines
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::new(Exit::Unexpected, format!("read the recorded events: {error}")))?;
        if read == 0 || line.last() != Some(&b'\n') {
            break;
        }
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) => board.event(&event),
            Err(error) => board.event(&unreadable(number, &error, &board)),
        }
    }
    board.end();
    Ok(())
}

fn unreadable(number: usize, error: &serde_json::Error, board: &Board) -> Event {
    let text = format!("line {number} of the recorded events is left out: {error}");
    let at = board.clock.now().to_string();
    Event { schema: event::SCHEMA.into(), seq: 0, at, run: 0, kind: Kind::Note { text } }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use jiff::Timestamp;

    /// A moment so many seconds after noon.
    pub(in crate::report) fn at(second: i64) -> Timestamp {
        "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(second)
    }

    pub(in crate::report) fn event(second: i64, kind: Kind) -> Event {
        let seq = u64::try_from(second).unwrap();
        Event { schema: event::SCHEMA.into(), seq, at: at(second).to_string(), run: 3, kind }
    }
}
