//! Long work that is no run: how far it is and how long the rest may take, on standard error.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    paint,
    screen::{self, above},
    words::{about, clean, took},
};
use crate::bundle::news::{Listener, News, Units};

/// Redraws a second, at most.
const HERTZ: u8 = 5;
/// Without a terminal: between two lines of one stage.
const QUIET: Duration = Duration::from_secs(10);

/// Shows the news of long work: a bar on a terminal, else a line now and then.
pub struct Work(Mutex<State>);

struct State {
    bars: Option<MultiProgress>,
    stage: Option<Stage>,
}

struct Stage {
    title: String,
    units: Units,
    total: u64,
    done: u64,
    began: Instant,
    said: Instant,
    bar: Option<ProgressBar>,
}

impl Work {
    pub fn on_stderr() -> Self {
        let bars = (io::stderr().is_terminal() && !paint::dumb()).then(|| {
            let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(HERTZ));
            screen::occupy(&bars);
            bars
        });
        Self(Mutex::new(State { bars, stage: None }))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(bars) = &state.bars {
            screen::leave();
            // The cursor may be anywhere; there is nobody left to tell.
            let _ = bars.clear();
        }
    }
}

impl Listener for Work {
    fn hear(&self, news: News<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match news {
            News::Stage { title, units, total } => state.begin(title, units, total),
            News::Advanced(count) => state.advance(count),
            News::Said(text) => say(text),
            News::Ended => state.end(),
        }
    }
}

impl State {
    fn begin(&mut self, title: &str, units: Units, total: u64) {
        let now = Instant::now();
        let bar = self.bars.as_ref().map(|bars| {
            let style = ProgressStyle::with_template("{prefix} [{wide_bar}] {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
            bars.add(ProgressBar::new(total).with_style(style).with_prefix(clean(title)))
        });
        if bar.is_none() {
            say(&format!("{title}: {}", amount(total, units)));
        }
        let title = title.to_owned();
        self.stage = Some(Stage { title, units, total, done: 0, began: now, said: now, bar });
    }

    fn advance(&mut self, count: u64) {
        let Some(stage) = &mut self.stage else { return };
        stage.done += count;
        let text = stage.text();
        match &stage.bar {
            Some(bar) => {
                bar.set_position(stage.done);
                bar.set_message(text);
            }
            None if stage.said.elapsed() >= QUIET => {
                stage.said = Instant::now();
                say(&format!("{}: {text}", stage.title));
            }
            None => {}
        }
    }

    fn end(&mut self) {
        let Some(stage) = self.stage.take() else { return };
        if let Some(bar) = &stage.bar {
            bar.finish_and_clear();
        }
        say(&format!("{}: done in {}", stage.title, took(stage.began.elapsed())));
    }
}

impl Stage {
    fn text(&self) -> String {
        let text = format!("{} of {}", amount(self.done, self.units), amount(self.total, self.units));
        match left(self.done, self.total, self.began.elapsed()) {
            Some(left) => format!("{text}, {} left", about(left)),
            None => text,
        }
    }
}

/// The time left, if the rest goes as what is done went; nothing is told from less than a fiftieth.
fn left(done: u64, total: u64, spent: Duration) -> Option<Duration> {
    let known = done > 0 && done <= total && done.saturating_mul(50) >= total;
    known.then(|| Duration::from_secs_f64(spent.as_secs_f64() * (total - done) as f64 / done as f64))
}

fn amount(count: u64, units: Units) -> String {
    match units {
        Units::Things => count.to_string(),
        Units::Bytes if count >= 1 << 30 => format!("{:.1} GiB", count as f64 / f64::from(1_u32 << 30)),
        Units::Bytes => format!("{} MiB", count.div_ceil(1 << 20)),
    }
}

/// Whoever reads this left; the work goes on.
fn say(text: &str) {
    above(|| {
        let _ = writeln!(io::stderr().lock(), "{}", clean(text));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_what_is_done() {
        let ten = Duration::from_secs(10);
        assert_eq!(left(50, 100, ten), Some(ten));
        assert_eq!(left(1, 100, ten), None);
        assert_eq!(left(0, 0, ten), None);
        assert_eq!(left(100, 100, ten), Some(Duration::ZERO));
    }

    #[test]
    fn amounts_are_said_in_their_unit() {
        assert_eq!(amount(3, Units::Things), "3");
        assert_eq!(amount(1, Units::Bytes), "1 MiB");
        assert_eq!(amount(3 << 29, Units::Bytes), "1.5 GiB");
    }
}
