//! `ciab agent …`: what runs on the box. Not for people; `deploy` and systemd call it.

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use crate::{
    agent::{
        before, job,
        record::{self, Record},
        serve,
    },
    step::StepId,
};

/// The helper's own commands.
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// Answers an engine on standard input and output.
    Serve {
        /// The digest of this binary.
        #[arg(long)]
        digest: String,
        /// This binary's own file, sent for this once: it is unlinked before anything else.
        #[arg(long)]
        unlink: Option<PathBuf>,
    },
    /// Acts, as an attempt's specification says.
    Job(Attempt),
    /// Writes down how an attempt ended.
    Ended(Attempt),
    /// Records files, and what else the box is like, before anything changes.
    Before {
        /// Only say whether all are recorded: exit status 0 or 1.
        #[arg(long)]
        check: bool,
        paths: Vec<String>,
    },
    /// Takes back a guarded change that nobody confirmed.
    Revert { step: String, attempt: u32 },
}

/// One attempt of one step.
#[derive(Debug, Args)]
pub struct Attempt {
    #[arg(long, default_value = record::ROOT)]
    record: PathBuf,
    step: String,
    attempt: u32,
}

/// Does what systemd or the engine asked for.
pub fn main(agent: Agent) -> ExitCode {
    let done = |result: anyhow::Result<()>| match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The journal of the unit, or the standard error of the SSH channel.
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    };
    match agent {
        Agent::Serve { digest, unlink } => {
            if let Some(file) = unlink
                && let Err(error) = std::fs::remove_file(&file)
            {
                tracing::warn!("unlink {}: {error}", file.display());
            }
            let served = serve::serve(record::ROOT.as_ref(), &digest, io::stdin().lock(), io::stdout());
            done(served.map_err(Into::into))
        }
        Agent::Job(Attempt { record, step, attempt }) => match StepId::new(step) {
            Ok(step) => job::job(&record, &step, attempt),
            Err(error) => done(Err(anyhow::anyhow!(error))),
        },
        Agent::Before { check: false, paths } => done(before::record(&Record::at(record::ROOT), &paths)),
        Agent::Before { check: true, paths } => match before::is_recorded(&Record::at(record::ROOT), &paths) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                tracing::error!("{error:#}");
                ExitCode::from(2)
            }
        },
        Agent::Revert { step, attempt } => {
            done(StepId::new(step).map_err(anyhow::Error::msg).and_then(|step| job::revert(&step, attempt)))
        }
        Agent::Ended(Attempt { record, step, attempt }) => done(
            StepId::new(step)
                .map_err(anyhow::Error::msg)
                .and_then(|step| job::ended(&record, &step, attempt)),
        ),
    }
}
