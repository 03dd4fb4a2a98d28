//! The end of a run on one page: what ran, what took long, and on failure all that is needed to go on.

use std::fmt::Write as _;

use super::{
    board::Setup,
    paint::Paint,
    progress::{Failed, Progress},
    words::{clean, count, cut, took, wrap},
};
use crate::event::Outcome;

/// Lines of a failed step's output that are shown.
const TAIL: usize = 20;
/// Steps that are named with their times.
const SLOWEST: usize = 5;
/// Columns of the page.
const COLUMNS: usize = 80;
/// Columns before what a label says.
const LABEL: usize = 16;

/// The summary of a run that has ended; nothing for one that has not.
pub(super) fn summary(progress: &Progress, setup: &Setup, paint: Paint) -> String {
    let Some(outcome) = &progress.outcome else { return String::new() };
    let mut page = Page(String::from("\n"));
    let time = took(progress.elapsed());
    match outcome {
        Outcome::Done { ran, held } => {
            let text = format!("{} ran, {held} held already, in {time}", count(*ran, "step"));
            page.head(&paint.green("Done:"), &text);
        }
        Outcome::Failed { step } => {
            page.head(&paint.red("Failed:"), &format!("{} ({step}), after {time}", progress.title(step)));
        }
        Outcome::Interrupted => {
            page.head(&paint.yellow("Interrupted"), &format!("after {time}; what runs on the box goes on"));
        }
        Outcome::Locked { holder } => page.head(&paint.red("Locked:"), &format!("by {holder}")),
        Outcome::Lost { why } => page.head(&paint.red("Lost:"), &format!("the box does not answer: {why}")),
    }
    for failed in &progress.failed {
        page.failed(failed);
    }
    if !progress.proofs_failed.is_empty() {
        page.label("not proven", &progress.proofs_failed.join(", "));
    }
    page.slowest(progress);
    match outcome {
        Outcome::Done { .. } => {}
        Outcome::Locked { .. } => page.command("watch it", &setup.watch),
        Outcome::Interrupted | Outcome::Lost { .. } => {
            if !progress.running.is_empty() {
                let running: Vec<&str> = progress.running.iter().map(|r| r.step.as_str()).collect();
                page.label("still running", &running.join(", "));
            }
            page.command("watch it", &setup.watch);
            page.command("go on with", &setup.again);
        }
        Outcome::Failed { .. } => page.command("go on with", &setup.again),
    }
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, word: &str, text: &str) {
        let _ = writeln!(self.0, "{word} {}", clean(text));
    }

    /// A word in front of a text that may need several lines.
    fn label(&mut self, label: &str, text: &str) {
        let mut label = label;
        for line in wrap(&clean(text), COLUMNS - LABEL - 2) {
            let _ = writeln!(self.0, "{}", format!("  {label:LABEL$}{line}").trim_end());
            label = "";
        }
    }

    /// A command is never broken: it is there to be copied.
    fn command(&mut self, label: &str, command: &str) {
        if !command.is_empty() {
            let _ = writeln!(self.0, "  {label:LABEL$}{}", clean(command));
        }
    }

    fn failed(&mut self, failed: &Failed) {
        let attempt =
            if failed.attempt > 1 { format!(" (attempt {})", failed.attempt) } else { String::new() };
        self.label("step", &format!("{}{attempt}", failed.step));
        self.label("error", &failed.error);
        if !failed.tail.is_empty() {
            self.label("last lines", "");
            for line in &failed.tail[failed.tail.len().saturating_sub(TAIL)..] {
                let _ = writeln!(self.0, "    | {}", clean(line));
            }
        }
        if let Some(hint) = &failed.hint {
            self.label("likely cause", hint);
        }
        self.command("log on the box", &failed.log);
    }

    fn slowest(&mut self, progress: &Progress) {
        let mut ran: Vec<_> = progress.ran.iter().collect();
        ran.sort_by_key(|ran| std::cmp::Reverse(ran.took));
        let mut label = "slowest";
        for ran in ran.into_iter().take(SLOWEST) {
            let title = cut(progress.title(&ran.step), COLUMNS - LABEL - 2 - 14);
            let _ = writeln!(self.0, "  {label:LABEL$}{:>12}  {}", took(ran.took), clean(&title));
            label = "";
        }
    }
}
