//! What runs inside an attempt's unit: first `job`, which acts, then `ended`, which writes down how it went.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{self, Command},
};

use anyhow::{Context, Result, bail};

use super::{
    boot, guard, mend, put,
    record::{Attempt, Began, Block, End, Record, Spec},
    want::{self, Host},
    wire::Exit,
};
use crate::{
    failpoint,
    step::{Action, StepId},
};

/// Exit status of a job that found no usable specification.
const NO_SPEC: i32 = 96;
/// Exit status of a job whose attempt had begun before.
const BEGAN_BEFORE: i32 = 97;

/// The variable with systemd's number of one start of a unit.
const INVOCATION: &str = "INVOCATION_ID";

/// Acts as the attempt's specification says. Does not return: it becomes the job, or exits with its status.
pub fn job(record: &Path, step: &StepId, number: u32) -> process::ExitCode {
    let record = Record::at(record);
    let attempt = record.attempt(step, number);
    match begin(&attempt) {
        Ok(Ok(spec)) => match act(&spec, &attempt) {
            Ok(()) => {
                failpoint::hit("job-acted");
                process::ExitCode::SUCCESS
            }
            Err(error) => say(&format!("{error:#}"), 1),
        },
        Ok(Err((text, code))) => say(text, code),
        Err(error) => say(&format!("{error:#}"), NO_SPEC),
    }
}

/// Writes `began`, unless the attempt has begun before: it is started at most once.
fn begin(attempt: &Attempt) -> Result<Result<Spec, (&'static str, i32)>> {
    let Block::Written(spec) = attempt.spec()? else {
        return Ok(Err(("the specification is missing or damaged", NO_SPEC)));
    };
    if attempt.began()? != Block::Blank {
        return Ok(Err(("this attempt has begun before", BEGAN_BEFORE)));
    }
    failpoint::hit("job-began-unwritten");
    let invocation = env::var(INVOCATION).unwrap_or_default();
    attempt.write_began(&Began {
        boot: boot::current()?,
        pid: process::id(),
        invocation,
        at: boot::clock(),
    })?;
    failpoint::hit("job-began");
    Ok(Ok(spec))
}

fn act(spec: &Spec, attempt: &Attempt) -> Result<()> {
    let host = Host::here(BTreeMap::new());
    if let Some(guard) = &spec.step.guard {
        let helper = env::current_exe().context("find this helper's own file")?;
        let of = guard::Attempt { step: &spec.step.id, attempt: attempt.number };
        let now = jiff::Timestamp::now();
        guard::arm(of, guard, &helper.to_string_lossy(), now, &host).context("arm the revert")?;
    }
    let mut out = io::stdout();
    if let Some(mend) = &spec.step.mend {
        mend::before(mend, &spec.step.id, attempt, &host, &mut out)
            .context("put right what an earlier attempt has left")?;
    }
    match &spec.step.action {
        Action::Ensure(wants) => want::ensure(wants, &host, &mut out).map(|_changed| ()),
        Action::Put { root, tree, message } => put::apply(&put::Put { root, tree, message }, &host, &mut out),
        Action::Job { argv, env } => become_job(argv, env.iter()),
        Action::Reboot => become_job(&["systemctl".to_owned(), "reboot".to_owned()], std::iter::empty()),
        Action::Wait { .. } => bail!("a step that only waits has no attempt"),
    }
}

/// The word `%helper` stands for this binary, wherever it is kept.
pub(super) fn with_helper(argv: &[String]) -> Result<Vec<String>> {
    let word = |word: &String| match word.as_str() {
        "%helper" => {
            Ok(env::current_exe().context("find this helper's own file")?.to_string_lossy().into_owned())
        }
        _ => Ok(word.clone()),
    };
    argv.iter().map(word).collect()
}

/// Replaces this process, so that systemd sees the job's own end and no second supervisor is needed.
fn become_job<'a>(argv: &[String], extra: impl Iterator<Item = (&'a String, &'a String)>) -> Result<()> {
    let argv = with_helper(argv)?;
    let (program, words) = argv.split_first().context("the job has no program")?;
    let mut command = Command::new(program);
    // A fixed environment: what the manager happened to have is no input of a step.
    command.args(words).env_clear().envs(want::FIXED).envs(extra);
    Err(command.exec()).with_context(|| format!("execute {program}"))
}

fn say(text: &str, code: i32) -> process::ExitCode {
    // Goes into the attempt's own output; a full disk may keep it out, the status is kept all the same.
    let _ = writeln!(io::stderr(), "{text}");
    process::ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Takes a guarded change back; called by the unit that its guard armed.
pub fn revert(step: &StepId, attempt: u32) -> Result<()> {
    guard::revert(guard::Attempt { step, attempt }, &Host::here(BTreeMap::new())).map(|_state| ())
}

/// What systemd says of a unit's main process after its end (systemd.exec(5)).
struct Last {
    exit: Exit,
    /// The box was going down.
    stopping: bool,
    invocation: String,
}

/// Writes `end` from what systemd says of the main process (`$SERVICE_RESULT` and its like).
pub fn ended(record: &Path, step: &StepId, number: u32) -> Result<()> {
    let attempt = Record::at(record).attempt(step, number);
    failpoint::hit("ended-unsynced");
    // First the effects, then the word: else `end` could survive a power cut that its effects did not.
    nix::unistd::sync();
    failpoint::hit("ended-unwritten");
    let variable = |name| env::var(name).unwrap_or_default();
    let exit = exit(&variable("SERVICE_RESULT"), &variable("EXIT_CODE"), &variable("EXIT_STATUS"));
    write_last(&attempt, Last { exit, stopping: boot::stopping(), invocation: variable(INVOCATION) })?;
    failpoint::hit("ended-written");
    Ok(())
}

/// Only the start that began the attempt knows how it ended. One that came later found it begun and did nothing: its
/// own status is no news, and if the first one's end was never written, the attempt stays in doubt.
fn write_last(attempt: &Attempt, last: Last) -> Result<()> {
    let another = match attempt.began()? {
        Block::Written(began) => !began.invocation.is_empty() && began.invocation != last.invocation,
        Block::Blank | Block::Damaged => false,
    };
    if another || attempt.end()? != Block::Blank {
        return Ok(());
    }
    let end = End { exit: last.exit, stopping: last.stopping, boot: boot::current()?, at: boot::clock() };
    attempt.write_end(&end)
}

fn exit(result: &str, code: &str, status: &str) -> Exit {
    match (result, code) {
        ("timeout", _) => Exit::TimedOut,
        (_, "exited") => Exit::Code(status.parse().unwrap_or(-1)),
        (_, "killed" | "dumped") => Exit::Signal(format!("SIG{status}")),
        // systemd could not start the process at all.
        _ => Exit::Code(-1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{
        standing::{Words, state},
        wire::State,
    };

    #[test]
    fn every_way_a_unit_ends_has_its_word() {
        assert_eq!(exit("success", "exited", "0"), Exit::Code(0));
        assert_eq!(exit("exit-code", "exited", "100"), Exit::Code(100));
        assert_eq!(exit("signal", "killed", "KILL"), Exit::Signal("SIGKILL".into()));
        assert_eq!(exit("timeout", "killed", "TERM"), Exit::TimedOut);
        assert_eq!(exit("resources", "", ""), Exit::Code(-1));
    }

    #[test]
    fn a_second_start_of_the_same_attempt_is_no_news_of_how_the_first_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (record, step) = (Record::at(folder.path()), StepId::new("one").unwrap());
        std::fs::create_dir_all(folder.path().join("steps")).unwrap();
        let attempt = record.attempt(&step, 1);
        attempt.prepare(&super::super::record::tests::spec()).unwrap();
        let began = |invocation: &str| Began {
            boot: boot::current().unwrap(),
            pid: 1,
            invocation: invocation.into(),
            at: 0,
        };
        attempt.write_began(&began("first")).unwrap();
        // The one that wrote the first start's end was killed; the second start ends with its own status.
        let last = |invocation: &str| Last {
            exit: Exit::Code(BEGAN_BEFORE),
            stopping: false,
            invocation: invocation.into(),
        };
        write_last(&attempt, last("second")).unwrap();
        assert!(matches!(state(&Words::read(&attempt).unwrap(), false), State::InDoubt { .. }));
        // A job may end with that number for reasons of its own.
        write_last(&attempt, last("first")).unwrap();
        let failed = State::Failed { exit: Exit::Code(BEGAN_BEFORE) };
        assert_eq!(state(&Words::read(&attempt).unwrap(), false), failed);
    }
}
