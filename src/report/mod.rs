//! What people and programs are shown. Nothing else in the crate prints.
//!
//! A run is shown by [`Report`], which reads its events and nothing else, in one of three manners ([`Manner`]);
//! `events.jsonl` goes through the same readers ([`replay`]). Pages are made here as text and printed by [`out`].

mod board;
mod bundle;
mod cli;
mod clock;
mod credentials;
mod diff;
mod history;
mod json;
mod line;
mod live;
pub mod out;
mod paint;
mod plain;
mod progress;
mod proofs;
mod schema;
mod screen;
mod status;
mod summary;
mod terminal;
mod words;
mod work;

pub use board::{Setup, replay};
pub use bundle::bundle;
pub use cli::cli_reference;
pub use credentials::credentials_page;
pub use diff::{Found, diff};
pub use history::{event, history};
pub use live::Report;
pub use out::Form;
pub use proofs::proofs_page;
pub use schema::event_schema;
pub use screen::{Log, log, restore_terminal};
pub use status::{Row, Status, status_page};
pub use work::Work;

use std::io::{self, IsTerminal as _};

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Lines that are redrawn, on a terminal (standard error).
    Terminal,
    /// One dated line an event, on standard error.
    Plain,
    /// The events themselves, one JSON object a line, on standard output.
    Json,
}

impl Manner {
    /// What suits the form that was asked for and the place that standard error goes to.
    pub fn suited(form: Form) -> Self {
        match form {
            Form::Json => Self::Json,
            Form::Human if io::stderr().is_terminal() && !paint::dumb() => Self::Terminal,
            Form::Human => Self::Plain,
        }
    }
}
