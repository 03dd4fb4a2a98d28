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
    use std::sync::{Arc, Mutex};

    use jiff::Timestamp;

    use super::*;
    use crate::event::Outcome;

    /// A moment so many seconds after noon.
    pub(in crate::report) fn at(second: i64) -> Timestamp {
        "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(second)
    }

    pub(in crate::report) fn event(second: i64, kind: Kind) -> Event {
        let seq = u64::try_from(second).unwrap();
        Event { schema: event::SCHEMA.into(), seq, at: at(second).to_string(), run: 3, kind }
    }

    pub(in crate::report) fn setup(manner: Manner) -> Setup {
        let estimates = [("apt", 60), ("engine", 120)].map(|(id, s)| (StepId::new(id).unwrap(), s)).into();
        Setup {
            manner,
            estimates,
            again: "ciab deploy lab.yaml".into(),
            watch: "ciab logs -f lab.yaml".into(),
        }
    }

    /// A run that finishes one step and fails in the next.
    pub(in crate::report) fn failing() -> Vec<Event> {
        let (profile, name) = ("base".into(), "lab".into());
        let start = |step: &str, attempt, title: &str| Kind::StepStarted {
            step: step.into(),
            attempt,
            title: title.into(),
        };
        vec![
            event(0, Kind::RunStarted { steps: 3, holding: 1, profile, name }),
            event(0, Kind::StepSkipped { step: "user".into(), adopted: false }),
            event(1, start("apt", 1, "Install packages")),
            event(
                2,
                Kind::StepOutput { step: "apt".into(), attempt: 1, text: "one\n\x1b[1mtwo\x1b[0m\n".into() },
            ),
            event(61, Kind::StepDone { step: "apt".into(), attempt: 1, millis: 60_100 }),
            event(61, start("engine", 2, "Start the engine")),
            event(
                70,
                Kind::StepFailed {
                    step: "engine".into(),
                    attempt: 2,
                    error: "exit status 1".into(),
                    tail: (1..=22).map(|n| format!("line {n}")).collect(),
                    log: "/var/lib/ciab/steps/engine/2/out".into(),
                    hint: Some("the disk is full: free some space".into()),
                },
            ),
            event(71, Kind::RunFinished { outcome: Outcome::Failed { step: "engine".into() } }),
        ]
    }

    /// A place to write to that can be read while it is written, and that may be closed.
    #[derive(Clone, Default)]
    pub(in crate::report) struct Sink(Arc<Mutex<Option<Vec<u8>>>>);

    impl Sink {
        pub(in crate::report) fn open() -> Self {
            Self(Arc::new(Mutex::new(Some(Vec::new()))))
        }
        pub(in crate::report) fn take(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().as_mut().map(std::mem::take).unwrap()).unwrap()
        }
    }

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match &mut *self.0.lock().unwrap() {
                Some(text) => text.extend_from_slice(bytes),
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn plain(sink: &Sink, clock: Clock) -> Board {
        Board::with(setup(Manner::Plain), clock, Box::new(Plain::new(sink.clone())), Paint::off())
    }

    fn jsonl(events: &[Event]) -> String {
        events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
    }

    const FAILING: &str = "\
2026-11-20T12:00:00Z lab: profile base, 3 steps, 1 of them hold already
2026-11-20T12:00:00Z user: holds
2026-11-20T12:00:01Z apt: Install packages
2026-11-20T12:00:02Z apt| one
2026-11-20T12:00:02Z apt| two
2026-11-20T12:01:01Z apt: done in 1 min
2026-11-20T12:01:01Z engine: Start the engine (attempt 2)
2026-11-20T12:01:10Z engine: FAILED (attempt 2): exit status 1
2026-11-20T12:01:11Z failed at step engine

Failed: Start the engine (engine), after 1 min 11 s
  step            engine (attempt 2)
  error           exit status 1
  last lines
    | line 3
    | line 4
    | line 5
    | line 6
    | line 7
    | line 8
    | line 9
    | line 10
    | line 11
    | line 12
    | line 13
    | line 14
    | line 15
    | line 16
    | line 17
    | line 18
    | line 19
    | line 20
    | line 21
    | line 22
  likely cause    the disk is full: free some space
  log on the box  /var/lib/ciab/steps/engine/2/out
  slowest                1 min  Install packages
  go on with      ciab deploy lab.yaml
";

    #[test]
    fn a_run_in_plain_lines_ends_with_all_that_is_needed_to_go_on() {
        let sink = Sink::open();
        let mut board = plain(&sink, Clock::Set(at(0)));
        failing().iter().for_each(|event| board.event(event));
        board.end();
        assert_eq!(sink.take(), FAILING);
    }

    #[test]
    fn a_recorded_run_is_shown_as_it_was() {
        let sink = Sink::open();
        let record = jsonl(&failing());
        replay_on(plain(&sink, Clock::Set(Timestamp::UNIX_EPOCH)), record.as_bytes()).unwrap();
        assert_eq!(sink.take(), FAILING);
    }

    #[test]
    fn what_is_no_event_is_named_and_a_torn_end_is_passed_over() {
        let sink = Sink::open();
        let record = format!("{}\u{fffd}rubbish\n{{\"schema\"", jsonl(&failing()[..1]));
        replay_on(plain(&sink, Clock::Set(Timestamp::UNIX_EPOCH)), record.as_bytes()).unwrap();
        assert_eq!(
            sink.take(),
            "2026-11-20T12:00:00Z lab: profile base, 3 steps, 1 of them hold already\n\
             2026-11-20T12:00:00Z line 2 of the recorded events is left out: expected value at line 1 column 1\n"
        );
    }

    #[test]
    fn json_lines_are_the_events_and_nothing_else() {
        let sink = Sink::open();
        let show = Box::new(Json(sink.clone()));
        let mut board = Board::with(setup(Manner::Json), Clock::Set(at(0)), show, Paint::off());
        failing().iter().for_each(|event| board.event(event));
        board.tick();
        board.end();
        assert_eq!(sink.take(), jsonl(&failing()));
    }

    #[test]
    fn a_silent_step_is_said_to_be_alive_every_so_often() {
        let sink = Sink::open();
        let mut board = plain(&sink, Clock::Set(at(0)));
        failing()[..3].iter().for_each(|event| board.event(event));
        sink.take();
        for second in 1..=121 {
            board.clock = Clock::Set(at(second));
            board.tick();
        }
        assert_eq!(
            sink.take(),
            "\
2026-11-20T12:00:31Z apt: still running (30 s, about 3 min left)
2026-11-20T12:01:01Z apt: still running (1 min, about 2 min left)
2026-11-20T12:01:31Z apt: still running (1 min 30 s, about 3 min left)
2026-11-20T12:02:01Z apt: still running (2 min, about 4 min left)
"
        );
    }

    #[test]
    fn a_broken_pipe_ends_the_printer_and_not_the_run() {
        let mut board = plain(&Sink::default(), Clock::Set(at(0)));
        failing().iter().for_each(|event| board.event(event));
        assert!(board.show.is_none());
        assert_eq!(board.progress.finished(), 2);
        board.end();
    }
}
