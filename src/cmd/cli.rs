//! The words of the command line, and which command they mean.

use clap::{Parser, Subcommand, ValueEnum};

use super::{
    agent, bundle, cancel, check, credentials, deploy, detect, explain, hint, init, install, iso, logs,
    match_device, plan, render, schema, status, support, testbed, validate, verify,
};
use crate::{
    failure::{Exit, Failure},
    report::{Form, out},
};

/// Turns one bare box into a verified Sovereign Cloud Stack cloud.
#[derive(Debug, Parser)]
#[command(name = "ciab", version, max_term_width = 80, propagate_version = true)]
pub struct Cli {
    /// Say more on standard error; twice for everything.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// How the log on standard error is written.
    #[arg(long, value_enum, default_value_t, global = true, value_name = "FORMAT")]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub command: Command,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Detect(detect::DetectArgs),
    Match(match_device::MatchArgs),
    Init(init::Args),
    Validate(validate::ValidateArgs),
    Hint(hint::HintArgs),
    Explain(explain::ExplainArgs),
    Check(check::CheckArgs),
    Plan(plan::PlanArgs),
    Render(render::Args),
    Install(install::Args),
    Deploy(deploy::Args),
    Status(status::Args),
    Logs(logs::Args),
    Cancel(cancel::Args),
    Verify(verify::Args),
    Credentials(credentials::Args),
    Support(support::Args),
    #[command(subcommand)]
    Bundle(bundle::Bundle),
    #[command(subcommand)]
    Iso(iso::Iso),
    #[command(subcommand)]
    Testbed(testbed::Testbed),
    /// Print the JSON Schema of the box file.
    Schema(schema::SchemaArgs),
    /// Print a completion script for a shell.
    Completions {
        shell: clap_complete::Shell,
    },
    /// Print a man page: of ciab, or of one of its commands.
    Man {
        command: Option<String>,
    },
    /// What runs on the box; not for people.
    #[command(subcommand, hide = true)]
    Agent(agent::Agent),
}

impl Command {
    /// Whether one JSON document (or a stream of them) is wanted, so that a failure is told as one too.
    pub fn form(&self) -> Form {
        let json = match self {
            Self::Detect(args) => args.json,
            Self::Match(args) => args.json,
            Self::Validate(args) => args.json,
            Self::Hint(args) => args.json,
            Self::Explain(args) => args.json,
            Self::Check(args) => args.json,
            Self::Plan(args) => args.json,
            Self::Install(args) => args.json,
            Self::Deploy(args) => args.json,
            Self::Status(args) => args.json,
            Self::Logs(args) => args.json,
            Self::Verify(args) => args.json,
            Self::Bundle(bundle) => bundle.json(),
            Self::Iso(iso) => iso.json(),
            Self::Testbed(testbed) => testbed.json(),
            Self::Schema(_) => true,
            Self::Init(_)
            | Self::Render(_)
            | Self::Cancel(_)
            | Self::Support(_)
            | Self::Credentials(_)
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Agent(_) => false,
        };
        if json { Form::Json } else { Form::Human }
    }

    /// Does what was asked for.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Detect(args) => {
                let found = detect::run(&args).await?;
                answer(args.json, &found.text, &found.json)
            }
            Self::Match(args) => {
                let found = match_device::run(&args).await?;
                answer(args.json, &found.text, &found.json)
            }
            Self::Init(args) => init::run(&args).await,
            Self::Validate(args) => {
                let found = validate::run(&args, super::colour())?;
                answer(args.json, &found.text, &found.json)?;
                Ok(found.exit)
            }
            Self::Hint(args) => {
                let hint = hint::run(&args)?;
                answer(args.json, &hint.text, &hint.json)
            }
            Self::Explain(args) => {
                let explained = explain::run(&args)?;
                answer(args.json, &explained.text, &explained.json)
            }
            Self::Check(args) => check::run(&args).await,
            Self::Plan(args) => plan::run(&args).await,
            Self::Render(args) => render::run(&args).await,
            Self::Install(args) => install::run(&args).await,
            Self::Deploy(args) => deploy::run(&args).await,
            Self::Status(args) => status::run(&args).await,
            Self::Logs(args) => logs::run(&args).await,
            Self::Cancel(args) => cancel::run(&args).await,
            Self::Verify(args) => verify::run(&args).await,
            Self::Credentials(args) => credentials::run(&args).await,
            Self::Support(args) => support::run(&args).await,
            Self::Bundle(bundle) => bundle.run().await,
            Self::Iso(iso) => iso.run(),
            Self::Testbed(testbed) => testbed.run(),
            Self::Schema(args) => out::json(&schema::run(args)).map(|()| Exit::Done),
            Self::Completions { shell } => super::completions(shell),
            Self::Man { command } => super::man(command.as_deref()),
            Self::Agent(_) => Ok(Exit::Usage),
        }
    }
}

fn answer(json: bool, text: &str, document: &serde_json::Value) -> Result<Exit, Failure> {
    if json { out::json(document) } else { out::page(text) }.map(|()| Exit::Done)
}
