//! The reference of the command line, from the commands themselves.

use std::fmt::Write as _;

/// Columns of the help.
const COLUMNS: usize = 80;

/// Markdown with the help of every command that people use.
pub fn cli_reference(command: clap::Command) -> String {
    // Neither the terminal nor the environment of whoever makes the page may change it.
    let mut command =
        command.term_width(COLUMNS).color(clap::ColorChoice::Never).disable_help_subcommand(true);
    command.build();
    let mut page =
        format!("# `{}` on the command line\n\nMade from the commands; do not edit.\n", command.get_name());
    section(&mut page, command);
    page
}

fn section(page: &mut String, mut command: clap::Command) {
    let path = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(page, "\n## `{path}`\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        section(page, sub.clone());
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    #[test]
    fn every_command_that_is_not_hidden_is_told_in_eighty_columns() {
        let long =
            "Says a thing that is so long that it has to be broken at some place or other to fit the page";
        let command = Command::new("ciab")
            .about("Turns a box into a cloud")
            .subcommand(Command::new("plan").about("Says what would be done").arg(Arg::new("box").help(long)))
            .subcommand(Command::new("secret").hide(true));
        let page = cli_reference(command);
        assert!(page.lines().all(|line| line.chars().count() <= COLUMNS), "{page}");
        assert!(page.contains("## `ciab plan`") && page.contains("Usage: ciab plan"), "{page}");
        assert!(!page.contains("secret"), "{page}");
    }
}
