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
    words::{about, clean, took, whole},
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
    let time = whole(between(running.since, progress.now));
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
    let mut text = format!("{}/{}, {}", progress.finished(), progress.steps, whole(progress.elapsed()));
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
        if !summary.is_empty() {
            self.bars.println(summary.trim_end())?;
        }
        self.bars.clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        screen::leave();
        let _ = self.bars.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::{
        super::{
            Manner,
            board::{
                Board,
                tests::{at, event, failing, setup},
            },
            clock::Clock,
        },
        *,
    };

    /// A screen of so many columns that keeps its lines, as a terminal does.
    #[derive(Clone, Debug)]
    struct Screen(Arc<Mutex<Rows>>);

    #[derive(Debug)]
    struct Rows {
        columns: usize,
        rows: Vec<String>,
        at: (usize, usize),
        written: usize,
    }

    impl Screen {
        fn new(columns: usize) -> Self {
            Self(Arc::new(Mutex::new(Rows { columns, rows: vec![String::new()], at: (0, 0), written: 0 })))
        }
        fn text(&self) -> String {
            let rows: Vec<String> =
                self.0.lock().unwrap().rows.iter().map(|row| row.trim_end().to_owned()).collect();
            rows.join("\n").trim_end().to_owned()
        }
        fn resize(&self, columns: usize) {
            self.0.lock().unwrap().columns = columns;
        }
        fn written(&self) -> usize {
            self.0.lock().unwrap().written
        }
    }

    impl Rows {
        fn put(&mut self, text: &str) {
            self.written += text.len();
            for c in text.chars() {
                match c {
                    '\n' => self.at = (self.at.0 + 1, 0),
                    '\r' => self.at.1 = 0,
                    c => {
                        if self.at.1 >= self.columns {
                            self.at = (self.at.0 + 1, 0);
                        }
                        self.set(c);
                        self.at.1 += 1;
                    }
                }
                while self.rows.len() <= self.at.0 {
                    self.rows.push(String::new());
                }
            }
        }
        fn set(&mut self, c: char) {
            while self.rows.len() <= self.at.0 {
                self.rows.push(String::new());
            }
            let mut row: Vec<char> = self.rows[self.at.0].chars().collect();
            row.resize(row.len().max(self.at.1 + 1), ' ');
            row[self.at.1] = c;
            self.rows[self.at.0] = row.into_iter().collect();
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            u16::try_from(self.0.lock().unwrap().columns).unwrap()
        }
        fn height(&self) -> u16 {
            24
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            let mut rows = self.0.lock().unwrap();
            rows.at.0 = rows.at.0.saturating_sub(n);
            Ok(())
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.0.lock().unwrap().at.0 += n;
            Ok(())
        }
        fn move_cursor_right(&self, n: usize) -> io::Result<()> {
            self.0.lock().unwrap().at.1 += n;
            Ok(())
        }
        fn move_cursor_left(&self, n: usize) -> io::Result<()> {
            let mut rows = self.0.lock().unwrap();
            rows.at.1 = rows.at.1.saturating_sub(n);
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().put(&format!("{text}\n"));
            Ok(())
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().put(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            let mut rows = self.0.lock().unwrap();
            let row = rows.at.0;
            rows.at.1 = 0;
            if let Some(text) = rows.rows.get_mut(row) {
                text.clear();
            }
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn board(screen: &Screen) -> Board {
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let show = Box::new(Terminal::new(target, Paint::off()));
        Board::with(setup(Manner::Terminal), Clock::Set(at(0)), show, Paint::off())
    }

    #[test]
    fn what_runs_stands_below_what_is_done() {
        let screen = Screen::new(80);
        let mut board = board(&screen);
        failing()[..4].iter().for_each(|event| board.event(event));
        insta::assert_snapshot!(screen.text(), @r"
        lab: profile base, 3 steps, 1 of them hold already
                 1 s  Install packages: two
        [>                                                  ] 1/3, 2 s, about 3 min left
        ");
        failing()[4..6].iter().for_each(|event| board.event(event));
        insta::assert_snapshot!(screen.text(), @r"
        lab: profile base, 3 steps, 1 of them hold already
               1 min  Install packages
                 0 s  Start the engine (attempt 2)
        [==============>                              ] 2/3, 1 min 1 s, about 2 min left
        ");
        board.event(&failing()[6]);
        insta::assert_snapshot!(screen.text(), @r"
        lab: profile base, 3 steps, 1 of them hold already
               1 min  Install packages
        engine: FAILED (attempt 2): exit status 1
        [==============>                             ] 2/3, 1 min 10 s, about 2 min left
        ");
    }

    #[test]
    fn the_end_leaves_the_summary_and_no_bar() {
        let screen = Screen::new(80);
        let mut board = board(&screen);
        failing().iter().for_each(|event| board.event(event));
        board.end();
        let text = screen.text();
        assert!(text.starts_with("lab: profile base") && !text.contains('['), "{text}");
        assert!(text.ends_with("go on with      ciab deploy lab.yaml"), "{text}");
    }

    #[test]
    fn a_narrow_screen_and_a_resized_one_show_no_remains() {
        let screen = Screen::new(40);
        let mut board = board(&screen);
        failing()[..4].iter().for_each(|event| board.event(event));
        insta::assert_snapshot!(screen.text(), @r"
        lab: profile base, 3 steps, 1 of them ho
        ld already
                 1 s  Install packages: two
        [>          ] 1/3, 2 s, about 3 min left
        ");
        screen.resize(60);
        board.tick();
        insta::assert_snapshot!(screen.text(), @r"
        lab: profile base, 3 steps, 1 of them ho
        ld already
                 1 s  Install packages: two
        [>                              ] 1/3, 2 s, about 3 min left
        ");
    }

    #[test]
    fn many_steps_at_once_leave_room_for_the_rest() {
        let screen = Screen::new(80);
        let mut board = board(&screen);
        board.event(&failing()[0]);
        for n in 0..12 {
            let (step, title) = (format!("s{n}"), format!("Step {n}"));
            board.event(&event(1, Kind::StepStarted { step, attempt: 1, title }));
        }
        assert_eq!(screen.text().lines().filter(|line| line.contains("Step")).count(), LINES);
        assert!(screen.text().contains("4 more running"), "{}", screen.text());
    }

    #[test]
    fn a_flood_of_output_is_not_a_flood_of_redraws() {
        let screen = Screen::new(80);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), HERTZ);
        let show = Box::new(Terminal::new(target, Paint::off()));
        let mut board = Board::with(setup(Manner::Terminal), Clock::Set(at(0)), show, Paint::off());
        failing()[..3].iter().for_each(|event| board.event(event));
        for n in 0..10_000 {
            let text = format!("line {n} of very much output\n");
            board.event(&event(2, Kind::StepOutput { step: "apt".into(), attempt: 1, text }));
        }
        assert!(screen.written() < 100_000, "{} bytes were written", screen.written());
    }
}
