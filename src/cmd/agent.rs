//! `ciab agent …`: what runs on the box. Not for people; `deploy`, systemd and proofs call it.

use std::{collections::BTreeMap, fs, io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::unattended;
use crate::{
    agent::{
        before, job,
        keep::Keep,
        osism,
        record::{self, Record},
        serve,
    },
    bundle::store::{ROOT, Store},
    iso::{MOUNTED, found, live},
    step::StepId,
    verify::{expiry, prove, says},
};

/// Exit status of a question that could not be asked (0 is yes, 1 is no).
const CANNOT_TELL: u8 = 2;

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
    Revert { step: StepId, attempt: u32 },
    /// Whether a command says these lines; without any, whether it is silent.
    Says {
        #[arg(long)]
        line: Vec<String>,
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Applies a role through OSISM's manager; the words are those of `osism apply`.
    OsismApply {
        #[arg(long, default_value = record::ROOT)]
        record: PathBuf,
        /// The step that asks, under which the task is remembered.
        #[arg(long)]
        step: StepId,
        /// The role as the worker knows it.
        #[arg(long)]
        role: String,
        #[arg(last = true, required = true)]
        words: Vec<String>,
    },
    /// Whether the last play of a role ended well.
    OsismApplied {
        #[arg(long)]
        role: String,
    },
    /// Whether containers are there, run, and are healthy.
    Healthy {
        #[arg(required = true)]
        containers: Vec<String>,
    },
    /// On the live system: takes over the box files that its start found.
    Medium,
    /// On the live system: installs, where the box file says so.
    Unattended,
    /// Whether the box has its bundle.
    BundleThere,
    /// Whether the certificates of this box have so many days left.
    ProveCertificates {
        #[arg(long)]
        days: i64,
    },
    /// Whether containers run, log and reach other networks.
    ProveContainers {
        #[arg(long)]
        log_size: u64,
        #[arg(long)]
        log_files: u32,
    },
    /// The other side of that proof.
    ProvePeer,
    /// The container's part in that proof.
    ProveReach,
}

/// One attempt of one step.
#[derive(Debug, Args)]
pub struct Attempt {
    #[arg(long, default_value = record::ROOT)]
    record: PathBuf,
    step: StepId,
    attempt: u32,
}

/// Does what systemd, the engine or a proof asked for.
pub fn main(agent: Agent) -> ExitCode {
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
        Agent::Job(Attempt { record, step, attempt }) => job::job(&record, &step, attempt),
        Agent::Ended(Attempt { record, step, attempt }) => done(job::ended(&record, &step, attempt)),
        Agent::Before { check: false, paths } => done(before::record(&Record::at(record::ROOT), &paths)),
        Agent::Before { check: true, paths } => {
            let recorded = before::is_recorded(&Record::at(record::ROOT), &paths);
            told(recorded.map(|all| (!all).then(|| "not all of it is recorded".to_owned())))
        }
        Agent::Revert { step, attempt } => done(job::revert(&step, attempt)),
        Agent::Says { line, command } => told(says::ask(&line, &command)),
        Agent::OsismApply { record, step, role, words } => done(osism::apply(&record, &step, &role, &words)),
        Agent::OsismApplied { role } => told(osism::applied(&role)),
        Agent::Healthy { containers } => told(osism::healthy(&containers, false)),
        Agent::Medium => done(live::take(MOUNTED.as_ref(), "/".as_ref(), found::look())),
        Agent::Unattended => done(unattended::main()),
        Agent::BundleThere => told(Store::at(ROOT.as_ref()).there()),
        Agent::ProveCertificates { days } => {
            told(certificates().map(|texts| expiry::ask(days, &texts, jiff::Timestamp::now())))
        }
        Agent::ProveContainers { log_size, log_files } => told(prove::containers(log_size, log_files)),
        Agent::ProvePeer => done(prove::peer()),
        Agent::ProveReach => done(prove::reach()),
    }
}

/// The certificates that the box has made, and the one of the authority that it trusts.
fn certificates() -> anyhow::Result<BTreeMap<String, String>> {
    const TRUSTED: &str = "/usr/local/share/ca-certificates/ciab.crt";
    let mut texts = Keep::open(&Record::at(record::ROOT))?.for_render();
    texts.retain(|name, _| name.ends_with(".crt"));
    texts.insert(TRUSTED.to_owned(), fs::read_to_string(TRUSTED).context(TRUSTED)?);
    Ok(texts)
}

fn done(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The journal of the unit, or the standard error of the SSH channel.
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The end of a question: what is missing stands on standard error, where a probe's reader looks for it.
fn told(result: anyhow::Result<Option<String>>) -> ExitCode {
    match result {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(missing)) => {
            tracing::error!("{missing}");
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(CANNOT_TELL)
        }
    }
}
