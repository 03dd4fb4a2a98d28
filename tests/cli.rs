//! The reference of the command line is made from the commands; `BLESS=1 cargo test` writes it anew.

use ciab::{cmd::cli::Cli, report};
use clap::CommandFactory;

const PAGE: &str = "docs/cli.md";

#[test]
fn the_reference_says_what_the_commands_say() {
    let made = report::cli_reference(Cli::command());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &made).unwrap();
    }
    let there = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(there == made, "{PAGE} is not what the commands say: BLESS=1 cargo test --test cli");
}

#[test]
fn every_help_fits_eighty_columns() {
    let made = report::cli_reference(Cli::command());
    let long: Vec<&str> = made.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_command_of_a_later_release_is_there() {
    let names: Vec<String> = Cli::command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for absent in ["repair", "reset", "upgrade"] {
        assert!(!names.iter().any(|name| name == absent), "{absent}");
    }
}
