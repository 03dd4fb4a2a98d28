//! Questions to a person at a terminal. Without a terminal there is nobody to ask, and no prompt is ever shown.

mod keys;
mod lines;
mod person;
mod prompts;
pub mod wizard;

use std::io::{self, IsTerminal};

use dialoguer::{Confirm, Input, Password, console::Term, theme::SimpleTheme};
use secrecy::SecretString;

pub use self::{
    person::{Answer, Blank, Choice, Person, Picks},
    prompts::Prompts,
};
use crate::{
    failure::{Exit, Failure},
    link,
};

/// Below this many columns nothing can be drawn again in place.
const NARROWEST: u16 = 40;

/// A person at the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    style: Style,
}

/// What the terminal can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Moves its cursor: lists are chosen from with the arrow keys.
    Keys,
    /// Only prints (`TERM=dumb`): lists are numbered, answers are lines.
    Lines,
}

impl Terminal {
    /// The person, if there is one: questions are written to standard error and answered on standard input.
    pub fn here() -> Option<Self> {
        let screen = Term::buffered_stderr();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
        let style = if dumb || screen.size().1 < NARROWEST { Style::Lines } else { Style::Keys };
        (io::stdin().is_terminal() && screen.is_term()).then_some(Self { style })
    }

    /// Yes or no; the default is no, and so is an interrupted question.
    pub fn agrees(self, question: &str) -> bool {
        match self.style {
            Style::Keys => {
                let prompt = Confirm::with_theme(&SimpleTheme).with_prompt(question).default(false);
                prompt.interact().unwrap_or(false)
            }
            Style::Lines => lines::ask(&format!("{question} [y/N] "))
                .is_some_and(|line| ["y", "yes"].contains(&line.trim().to_lowercase().as_str())),
        }
    }

    /// Whether exactly this text is typed.
    pub fn types(self, question: &str, expected: &str) -> bool {
        let typed = match self.style {
            Style::Keys => {
                let prompt =
                    Input::<String>::with_theme(&SimpleTheme).with_prompt(question).allow_empty(true);
                prompt.interact_text().ok()
            }
            Style::Lines => lines::ask(&format!("{question}: ")),
        };
        typed.is_some_and(|typed| typed.trim() == expected)
    }

    /// A text that is not shown while it is typed.
    pub fn secret(self, question: &str) -> Option<SecretString> {
        let typed =
            Password::with_theme(&SimpleTheme).with_prompt(question).allow_empty_password(true).interact();
        typed.ok().map(SecretString::from)
    }
}

impl link::Ask for Terminal {
    fn trust(&self, host: &str, fingerprint: &str) -> bool {
        self.agrees(&format!(
            "{host} shows the host key {fingerprint}, which is unknown here.\n\
             Compare it with the one on the box's console. Is it the box's?"
        ))
    }

    fn passphrase(&self, file: &str) -> Option<SecretString> {
        self.secret(&format!("passphrase of {file}"))
    }
}

/// The failure of a question that nobody can answer.
pub fn nobody(question: &str) -> Failure {
    Failure::new(Exit::Usage, format!("`{question}` has to be asked, and there is no terminal"))
        .hint("give the answer in the box file, or run this in a terminal")
}
