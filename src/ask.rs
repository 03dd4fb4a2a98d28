//! Questions to a person at a terminal. Without a terminal there is nobody to ask, and no prompt is ever shown.

use std::io::{self, IsTerminal};

use dialoguer::{Confirm, Input, Password, theme::SimpleTheme};
use secrecy::SecretString;

use crate::{
    failure::{Exit, Failure},
    link,
};

/// A person at the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal(());

impl Terminal {
    /// The person, if there is one: questions are written to standard error and answered on standard input.
    pub fn here() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        (io::stdin().is_terminal() && io::stderr().is_terminal() && !dumb).then_some(Self(()))
    }

    /// Yes or no; the default is no, and so is an interrupted question.
    pub fn agrees(self, question: &str) -> bool {
        let prompt = Confirm::with_theme(&SimpleTheme).with_prompt(question).default(false);
        prompt.interact().unwrap_or(false)
    }

    /// Whether exactly this text is typed.
    pub fn types(self, question: &str, expected: &str) -> bool {
        let typed =
            Input::<String>::with_theme(&SimpleTheme).with_prompt(question).allow_empty(true).interact_text();
        typed.is_ok_and(|typed| typed.trim() == expected)
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
