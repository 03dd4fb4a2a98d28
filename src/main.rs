//! Parses the command line, does what it says, ends with its exit code.

use std::process::ExitCode;

use ciab::{
    cmd::{
        agent,
        cli::{Cli, Command, LogFormat},
    },
    failure::{Exit, Failure},
    report::{self, Form, out},
};
use clap::Parser;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    registry,
    util::SubscriberInitExt as _,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come this way too; clap knows where each belongs.
            if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
                out::failure(&wrong_words(&error), Form::Json);
            } else {
                let _ = error.print();
            }
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    log(&cli);
    if let Command::Agent(agent) = cli.command {
        return agent::main(agent);
    }
    let form = cli.command.form();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(cli.command.run()),
        Err(error) => Err(anyhow::Error::from(error).into()),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out::failure(&failure, form);
            failure.exit.into()
        }
    }
}

/// What clap says for people, as the failure of a command: its first paragraph, and its tips.
fn wrong_words(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ").trim();
    let words = first.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    tips.fold(Failure::new(Exit::Usage, words), Failure::hint)
}

/// The log goes to standard error, above whatever is drawn there.
fn log(cli: &Cli) {
    let (others, ours) = match cli.verbose {
        0 => (LevelFilter::WARN, LevelFilter::WARN),
        1 => (LevelFilter::INFO, LevelFilter::DEBUG),
        _ => (LevelFilter::DEBUG, LevelFilter::TRACE),
    };
    let levels = Targets::new().with_default(others).with_target("ciab", ours);
    let lines = fmt::layer().with_writer(report::log);
    match cli.log_format {
        LogFormat::Text => registry().with(levels).with(lines.without_time().with_target(false)).init(),
        LogFormat::Json => registry().with(levels).with(lines.json()).init(),
    }
}
