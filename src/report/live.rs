//! The report of a run that happens now. It has a thread of its own, so that a terminal held by Ctrl-S or a slow
//! reader never holds up the run, whose lease on the box would end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    board::{Board, Setup},
    clock::Clock,
};
use crate::event::{Event, Kind};

/// Times that stand on the screen change this often.
const TICK: Duration = Duration::from_secs(1);

/// Bytes of output that may wait to be shown; what is more is left out (the log on the box has it), because a
/// reader that stands still must not make the run grow without bound. `seq` shows the gap.
const BACKLOG: usize = 8 << 20;

/// Shows a run. It never fails: what cannot be shown is not.
#[must_use]
pub struct Report {
    events: Option<Sender<Event>>,
    waiting: Arc<AtomicUsize>,
    printer: Option<JoinHandle<()>>,
}

impl Report {
    /// Begins to show what [`Report::event`] is told.
    pub fn start(setup: Setup) -> Self {
        Self::on(Board::new(setup, Clock::going()))
    }

    fn on(board: Board) -> Self {
        let (events, receiver) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&waiting);
        let printer =
            thread::Builder::new().name("report".into()).spawn(move || show(board, &receiver, &seen)).ok();
        Self { events: Some(events), waiting, printer }
    }

    /// Shows an event soon; returns at once.
    pub fn event(&self, event: &Event) {
        let bytes = weight(event);
        if bytes > 0 && self.waiting.fetch_add(bytes, Ordering::Relaxed) > BACKLOG {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            return;
        }
        if let Some(events) = &self.events {
            let _ = events.send(event.clone());
        }
    }

    /// Shows everything that was told, then the summary, and leaves the terminal as it was.
    pub fn close(self) {}
}

impl Drop for Report {
    fn drop(&mut self) {
        self.events = None;
        if let Some(printer) = self.printer.take() {
            let _ = printer.join();
        }
    }
}

/// Only output is counted, and left out when it is too much: everything else is little, and matters.
fn weight(event: &Event) -> usize {
    if let Kind::StepOutput { text, .. } = &event.kind { text.len().max(1) } else { 0 }
}

fn show(mut board: Board, events: &Receiver<Event>, waiting: &AtomicUsize) {
    let mut ticked = Instant::now();
    loop {
        match events.recv_timeout(TICK.saturating_sub(ticked.elapsed())) {
            Ok(event) => {
                waiting.fetch_sub(weight(&event), Ordering::Relaxed);
                board.event(&event);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return board.end(),
        }
        if ticked.elapsed() >= TICK {
            board.tick();
            ticked = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Mutex};

    use super::{
        super::{
            Manner,
            board::tests::{Sink, event, failing, setup},
            json::Json,
            paint::Paint,
        },
        *,
    };

    fn report(sink: impl io::Write + Send + 'static) -> Report {
        Report::on(Board::with(setup(Manner::Json), Clock::going(), Box::new(Json(sink)), Paint::off()))
    }

    #[test]
    fn closing_waits_until_everything_is_shown() {
        let sink = Sink::open();
        let report = report(sink.clone());
        failing().iter().for_each(|event| report.event(event));
        report.close();
        assert_eq!(sink.take().lines().count(), failing().len());
    }

    /// A reader that stands still until it is let go.
    struct Held(Arc<Mutex<()>>, Sink);

    impl io::Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _gate = self.0.lock().unwrap();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stands_still_holds_up_nothing_and_costs_only_output() {
        let (gate, sink) = (Arc::new(Mutex::new(())), Sink::open());
        let report = report(Held(Arc::clone(&gate), sink.clone()));
        let held = gate.lock().unwrap();
        for n in 0..30 {
            let text = "x".repeat(1 << 20);
            report.event(&event(n, Kind::StepOutput { step: "apt".into(), attempt: 1, text }));
        }
        report.event(&event(30, Kind::Note { text: "the end".into() }));
        drop(held);
        report.close();
        let shown = sink.take();
        assert!((8..=11).contains(&(shown.lines().count() - 1)), "{}", shown.lines().count());
        assert!(shown.ends_with("{\"note\":{\"text\":\"the end\"}}}\n"));
    }
}
