//! The person at the terminal, question by question.

use dialoguer::console::Term;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Answer, Blank, Choice, Person, Picks, Style, Terminal, keys, lines};
use crate::failure::{Exit, Failure};

/// Puts questions to the terminal until somebody presses Ctrl-C.
pub struct Prompts {
    style: Style,
    /// Held for as long as questions are put: with it the signal ends a question, and not the program with a
    /// cursor that is still hidden.
    interrupt: Signal,
}

impl Prompts {
    /// Needs a runtime around it, for the signal.
    pub fn on(terminal: Terminal) -> Result<Self, Failure> {
        let interrupt = signal(SignalKind::interrupt())
            .map_err(|error| Failure::new(Exit::Unexpected, format!("listen for Ctrl-C: {error}")))?;
        Ok(Self { style: terminal.style, interrupt })
    }

    /// Waits for the work, or for Ctrl-C.
    pub async fn unless_interrupted<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = work => Ok(done),
            _ = self.interrupt.recv() => Err(interrupted()),
        }
    }

    /// Puts a prompt, and repeats it with a reason until a line makes sense.
    async fn line<T>(
        &mut self,
        prompt: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let line = self.unless_interrupted(lines::line(prompt)).await??;
            match read(line.trim()) {
                Ok(answer) => return Ok(answer),
                Err(why) => self.say(&why)?,
            }
        }
    }
}

impl Person for Prompts {
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        write(&format!("{text}\n"))
    }

    async fn choose(&mut self, choice: &Choice) -> Result<Answer<usize>, Failure> {
        match self.style {
            Style::Keys => keys::choose(choice),
            Style::Lines => {
                self.say(&lines::numbered(choice.items.iter().map(String::as_str)))?;
                let prompt = format!("{} [{}]: ", choice.question, choice.default + 1);
                self.line(&prompt, |line| lines::one(line, choice)).await
            }
        }
    }

    async fn pick(&mut self, picks: &Picks) -> Result<Answer<Vec<usize>>, Failure> {
        match self.style {
            Style::Keys => keys::pick(picks),
            Style::Lines => {
                self.say(&lines::numbered(picks.items.iter().map(|(item, _)| item.as_str())))?;
                let prompt = format!("{}, numbers [{}]: ", picks.question, lines::taken(picks));
                self.line(&prompt, |line| lines::several(line, picks)).await
            }
        }
    }

    async fn fill(&mut self, blank: &Blank) -> Result<Answer<String>, Failure> {
        match self.style {
            Style::Keys => keys::fill(blank),
            Style::Lines => {
                let default = blank.default.as_ref().map(|text| format!(" [{text}]")).unwrap_or_default();
                self.line(&format!("{}{default}: ", blank.question), |line| lines::text(line, blank)).await
            }
        }
    }
}

/// Writes to the terminal that the questions are put on.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let screen = Term::buffered_stderr();
    screen.write_str(text).and_then(|()| screen.flush()).map_err(|error| gone(&error))
}

pub(super) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted: nothing was written")
}

/// The terminal was closed, or is no longer one.
pub(super) fn gone(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Interrupted, format!("the terminal is gone, nothing was written: {error}"))
}
