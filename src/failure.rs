//! What can end a command: the exit codes users rely on, and an error that says the way out.

use std::fmt;

/// The exit codes of every command; numbers are a contract (README, section "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; also a diff or a status with content.
    Done = 0,
    /// Something nobody expected.
    Unexpected = 1,
    /// Wrong words on the command line, or an invalid box file, profile or recording.
    Usage = 2,
    /// Preflight failed, or no plan is possible for this box.
    Preflight = 3,
    /// A step failed; the same command goes on from there.
    Step = 4,
    /// The box cannot be reached, or refuses the login.
    Unreachable = 5,
    /// Another run holds the lock, or this run lost it.
    Locked = 6,
    /// Verification failed, or a proof did not run.
    Verify = 7,
    /// Refused as unsafe: disk, host key, upgrade, another box.
    Refused = 8,
    /// Interrupted; the same command goes on from there.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An end of a command that is the world's or the user's doing: what happened, and what helps.
///
/// Messages are lower-case fragments without a full stop; they name the act and the object.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    /// Each a whole sentence or a command to type.
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// Adds a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<anyhow::Error> for Failure {
    /// Keeps a `Failure` that travelled inside an `anyhow::Error`; anything else is unexpected.
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => Self::new(Exit::Unexpected, format!("{error:#}")),
        }
    }
}
