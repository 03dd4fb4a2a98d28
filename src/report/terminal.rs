//! The run on a terminal: what is finished scrolls by, what runs stands below with its time, and at the bottom the
//! whole with the time left.

use std::io;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    board::Show,
    clock::between,
    line::{self, Mark},
    paint::Paint,
    progress::{Progress, Running},
    screen,
    words::{about, clean, took},
};
use crate::event::{Event, Kind};

/// Steps that are shown running at a time; more would push what has happened off a small screen.
const LINES: usize = 8;
/// Redraws a second, at most; the eye needs no more, and a slow line bears no more.
const HERTZ: u8 = 5;
/// The whole, in parts.
const WHOLE: u64 = 1000;

pub(super) struct Terminal {
    bars: MultiProgress,
    whole: ProgressBar,
    lines: Vec<ProgressBar>,
    paint: Paint,
}

impl Terminal {
    pub(super) fn on_stderr(paint: Paint) -> Self {
        let terminal = Self::new(ProgressDrawTarget::stderr_with_hz(HERTZ), paint);
        screen::occupy(&terminal.bars);
        terminal
    }

    fn new(target: ProgressDrawTarget, paint: Paint) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let whole = bars.add(ProgressBar::new(WHOLE).with_style(style("[{wide_bar}] {msg}")));
        Self { bars, whole, lines: Vec::new(), paint }
    }

    /// Makes the lines at the bottom say what is so now.
    fn redraw(&mut self, progress: &Progress) {
        let shown = progress.running.len().min(LINES);
        while self.lines.len() > shown {
            if let Some(line) = self.lines.pop() {
                line.finish_and_clear();
                self.bars.remove(&line);
            }
        }
        while self.lines.len() < shown {
            let line = ProgressBar::new_spinner().with_style(style("{wide_msg}"));
            self.lines.push(self.bars.insert_before(&self.whole, line));
        }
        for (line, running) in self.lines.iter().zip(&progress.running) {
            line.set_message(running_text(running, progress));
        }
        self.whole.set_position((progress.part() * WHOLE as f64) as u64);
        self.whole.set_message(whole_text(progress));
    }
}

/// A template of ours; the parts it names exist, so it is always good.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn running_text(running: &Running, progress: &Progress) -> String {
    let time = took(between(running.since, progress.now));
    let mut text = format!("{time:>12}  {}", clean(&running.title));
    if running.attempt > 1 {
        text += &format!(" (attempt {})", running.attempt);
    }
    if !running.heard.is_empty() {
        text += &format!(": {}", running.heard);
    }
    text
}

fn whole_text(progress: &Progress) -> String {
    let mut text = format!("{}/{}, {}", progress.finished(), progress.steps, took(progress.elapsed()));
    if let Some(left) = progress.left() {
        text += &format!(", {} left", about(left));
    }
    if progress.running.len() > LINES {
        text += &format!(", {} more running", progress.running.len() - LINES);
    }
    text
}

/// What scrolls by, if the event is worth a line of its own.
fn scrolled(kind: &Kind, progress: &Progress, paint: Paint) -> Vec<String> {
    match kind {
        // These are seen in the lines at the bottom, or in the summary.
        Kind::StepStarted { .. }
        | Kind::StepOutput { .. }
        | Kind::StepSkipped { adopted: false, .. }
        | Kind::RunFinished { .. } => vec![],
        Kind::StepDone { step, millis, .. } => {
            let time = took(std::time::Duration::from_millis(*millis));
            vec![format!(
                "{}  {}",
                Mark::Good.paint(paint, &format!("{time:>12}")),
                clean(progress.title(step))
            )]
        }
        _ => line::lines(kind).into_iter().map(|(mark, text)| mark.paint(paint, &text)).collect(),
    }
}

impl Show for Terminal {
    fn event(&mut self, event: &Event, progress: &Progress) -> io::Result<()> {
        for text in scrolled(&event.kind, progress, self.paint) {
            self.bars.println(text)?;
        }
        self.redraw(progress);
        Ok(())
    }

    fn tick(&mut self, progress: &Progress) -> io::Result<()> {
        self.redraw(progress);
        Ok(())
    }

    fn end(&mut self, summary: &str, _: &Progress) -> io::Result<()> {
        self.bars.clear()?;
        self.bars.suspend(|| io::Write::write_all(&mut io::stderr().lock(), summary.as_bytes()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        screen::leave();
        let _ = self.bars.clear();
    }
}
