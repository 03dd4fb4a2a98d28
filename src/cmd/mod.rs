//! One file a command: its words on the command line, and what it answers.

pub mod agent;
pub mod bundle;
pub mod cancel;
mod certificates;
pub mod check;
pub mod cli;
mod contact;
pub mod credentials;
pub mod deploy;
pub mod detect;
pub mod explain;
pub mod hint;
pub mod init;
pub mod install;
pub mod iso;
pub mod logs;
pub mod look;
pub mod match_device;
pub mod place;
pub mod plan;
pub mod render;
mod running;
pub mod schema;
pub mod status;
pub mod support;
pub mod testbed;
mod unattended;
pub mod validate;
pub mod verify;

use std::io::IsTerminal;

use clap::CommandFactory;

use crate::{
    boxfile::fault::Colour,
    failure::{Exit, Failure},
    report::out,
};

/// Whether standard output may be coloured: a terminal, and nobody said no (no-color.org).
fn colour() -> Colour {
    let no = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if std::io::stdout().is_terminal() && !no && !dumb { Colour::Ansi } else { Colour::Plain }
}

/// A completion script.
fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::Cli::command(), "ciab", &mut text);
    out::page(&String::from_utf8_lossy(&text)).map(|()| Exit::Done)
}

/// A man page in roff: of the whole, or of one command.
fn man(name: Option<&str>) -> Result<Exit, Failure> {
    let mut command = cli::Cli::command();
    command.build();
    let page = match name {
        None => command,
        Some(name) => {
            let found = command.get_subcommands().find(|sub| sub.get_name() == name && !sub.is_hide_set());
            let found = found
                .cloned()
                .ok_or_else(|| Failure::new(Exit::Usage, format!("there is no command `{name}`")))?;
            // A title such as `ciab-deploy`, which clap wants for as long as the program runs.
            let title: &'static str = format!("ciab-{name}").leak();
            found.name(title)
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(anyhow::Error::from)?;
    out::page(&String::from_utf8_lossy(&text)).map(|()| Exit::Done)
}
