//! The person at the terminal, question by question.

use std::io;

use dialoguer::console::Term;
use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::yield_now,
};

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

    /// Puts a question that is answered with keys. Ctrl-C is one of them for as long as it is put: as a signal it would be
    /// lost between the drawing of the question and the first look for a key.
    async fn keys<T>(&mut self, put: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let _all = AllKeys::begin();
        // What was pressed before that was a signal.
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => return Err(interrupted()),
            () = yield_now() => {}
        }
        put()
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
            Style::Keys => self.keys(|| keys::choose(choice)).await,
            Style::Lines => {
                self.say(&lines::numbered(choice.items.iter().map(String::as_str)))?;
                let prompt = format!("{} [{}]: ", choice.question, choice.default + 1);
                self.line(&prompt, |line| lines::one(line, choice)).await
            }
        }
    }

    async fn pick(&mut self, picks: &Picks) -> Result<Answer<Vec<usize>>, Failure> {
        match self.style {
            Style::Keys => self.keys(|| keys::pick(picks)).await,
            Style::Lines => {
                self.say(&lines::numbered(picks.items.iter().map(|(item, _)| item.as_str())))?;
                let prompt = format!("{}, numbers [{}]: ", picks.question, lines::taken(picks));
                self.line(&prompt, |line| lines::several(line, picks)).await
            }
        }
    }

    async fn fill(&mut self, blank: &Blank) -> Result<Answer<String>, Failure> {
        match self.style {
            Style::Keys => self.keys(|| keys::fill(blank)).await,
            Style::Lines => {
                let default = blank.default.as_ref().map(|text| format!(" [{text}]")).unwrap_or_default();
                self.line(&format!("{}{default}: ", blank.question), |line| lines::text(line, blank)).await
            }
        }
    }
}

/// A terminal whose keys are all read, and none of them a signal (termios(3), ISIG); as it was when this is dropped.
struct AllKeys(Option<Termios>);

impl AllKeys {
    /// What cannot be set stays as it is: the question itself will tell what is wrong with the terminal.
    fn begin() -> Self {
        let Ok(old) = termios::tcgetattr(io::stdin()) else { return Self(None) };
        let mut new = old.clone();
        new.local_flags.remove(LocalFlags::ISIG);
        let set = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &new);
        Self(set.is_ok().then_some(old))
    }
}

impl Drop for AllKeys {
    fn drop(&mut self) {
        if let Some(old) = &self.0 {
            let _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, old);
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
