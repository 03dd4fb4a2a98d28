//! Applies a role through OSISM's manager, and knows how it went whatever happens on the way.
//!
//! `osism apply` waits on a stream that is read once and gives up, with exit status 1, after 300 seconds in which a play
//! said nothing, while the play goes on; a task is done for its queue even where its play failed. So a role is started
//! without waiting, the id of its task is kept on this box at once, and what counts is the manager's history of plays.
//! A second attempt looks there first: a play that runs is waited for, never started beside itself.

mod history;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use self::history::{Line, Word};
use super::durable::{self, Meta};
use crate::step::StepId;

/// Between two looks at the history.
const EVERY: Duration = Duration::from_secs(5);
/// Looks in which a task that began stands neither in the history's end nor in the list of tasks: then a restart of
/// the manager has lost it. One look may fall between the two.
const LOST: u32 = 3;
/// Where the manager's containers share files.
const HISTORY: &str = "/share/ansible-execution-history.json";
const CLIENT: &str = "osismclient";

/// What is kept of a role that was asked for, until its end was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    words: Vec<String>,
    /// Written before the manager is asked: a play that began since may be this one.
    since: String,
    /// Written after it has answered.
    task: Option<String>,
}

/// What to do about a role.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Start,
    Await(String),
    Done,
}

/// Applies a role: `words` are what stands behind `osism apply`, the role among them.
pub fn apply(record: &Path, step: &StepId, role: &str, words: &[String]) -> Result<()> {
    let place = place(record, step);
    let kept = kept(&place)?.filter(|asked| asked.words == words);
    let next = match &kept {
        Some(asked) => next(asked, role, &history()?, &tasks()?),
        None => Next::Start,
    };
    let task = match next {
        Next::Done => None,
        Next::Await(task) => {
            tracing::info!("the manager still has task {task}; it is waited for");
            Some(task)
        }
        Next::Start => Some(start(&place, words)?),
    };
    if let Some(task) = task {
        wait(&task)?;
    }
    durable::remove(&place)?;
    Ok(())
}

/// Whether the last play of a role ended well; otherwise what is the matter.
pub fn applied(role: &str) -> Result<Option<String>> {
    let lines = history()?;
    let last = lines.iter().rev().find(|line| line.role == role).map(|line| line.result);
    Ok(match last {
        Some(Word::Success) => None,
        Some(Word::Failure) => Some(format!("the last play of {role} failed")),
        Some(Word::Started) => Some(format!("the last play of {role} has no end")),
        None => Some(format!("the manager has applied no {role}")),
    })
}

/// Whether every one of these containers is there, runs, and is healthy if it says anything of its health; otherwise
/// the first that is not. With `early` one may not have been asked for its health yet: the container engine does so when it
/// has run for half a minute.
pub fn healthy(containers: &[String], early: bool) -> Result<Option<String>> {
    for container in containers {
        let format = "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}";
        let asked = Command::new("docker").args(["inspect", "--format", format, container]).output();
        let asked = asked.context("ask docker for a container")?;
        let said = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        if !asked.status.success() {
            return Ok(Some(format!("there is no container {container}")));
        }
        if said != "running healthy" && !(early && said == "running starting") {
            return Ok(Some(format!("container {container} is {said}")));
        }
    }
    Ok(None)
}

fn place(record: &Path, step: &StepId) -> PathBuf {
    record.join("osism").join(format!("{step}.json"))
}

fn kept(place: &Path) -> Result<Option<Asked>> {
    let Some(bytes) = durable::read(place)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).with_context(|| format!("read {}", place.display()))
}

fn keep(place: &Path, asked: &Asked) -> Result<()> {
    durable::parents(place)?;
    durable::write(place, &serde_json::to_vec(asked)?, Meta::PRIVATE)
}

fn start(place: &Path, words: &[String]) -> Result<String> {
    let since = jiff::Timestamp::now().to_string();
    let mut asked = Asked { words: words.to_vec(), since, task: None };
    keep(place, &asked)?;
    let said = client(&[&["osism", "apply", "--no-wait", "--format", "script"], &refs(words)[..]].concat())?;
    let task = said.split_whitespace().rev().find(|word| history::is_id(word));
    let task = task.with_context(|| format!("the manager gave no task: {}", said.trim()))?.to_owned();
    asked.task = Some(task.clone());
    keep(place, &asked)?;
    Ok(task)
}

fn wait(task: &str) -> Result<()> {
    let mut missed = 0;
    loop {
        match history::last(&history()?, task) {
            Some(Word::Success) => return Ok(()),
            Some(Word::Failure) => bail!("the play failed; `osism log ansible` and ARA have its output"),
            Some(Word::Started) | None => {}
        }
        missed = if tasks()?.contains(task) { 0 } else { missed + 1 };
        ensure!(missed < LOST, "the manager has lost task {task}");
        thread::sleep(EVERY);
    }
}

/// What an earlier attempt leaves to be done.
fn next(asked: &Asked, role: &str, history: &[Line], tasks: &BTreeSet<String>) -> Next {
    let begun = || history::begun(history, role, &asked.since);
    let Some(task) = asked.task.clone().or_else(begun) else { return Next::Start };
    match history::last(history, &task) {
        Some(Word::Success) => Next::Done,
        Some(Word::Failure) => Next::Start,
        Some(Word::Started) | None if tasks.contains(&task) => Next::Await(task),
        Some(Word::Started) | None => Next::Start,
    }
}

fn history() -> Result<Vec<Line>> {
    // Before the first play there is no such file, and find(1) then prints nothing; without a client it fails.
    let text = client(&["find", "/share", "-path", HISTORY, "-exec", "cat", "{}", ";"])?;
    Ok(history::lines(&text))
}

fn tasks() -> Result<BTreeSet<String>> {
    Ok(history::listed(&client(&["osism", "task", "list"])?))
}

fn client(words: &[&str]) -> Result<String> {
    let asked = Command::new("docker").args(["exec", CLIENT]).args(words).output();
    let asked = asked.context("ask the manager's client")?;
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    let why = String::from_utf8_lossy(&asked.stderr);
    ensure!(asked.status.success(), "{}: {}", words.join(" "), why.trim());
    Ok(said)
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "11111111-2222-4333-8444-555555555555";

    fn asked(task: Option<&str>) -> Asked {
        Asked {
            words: vec!["keystone".into()],
            since: "2026-11-25T10:00:00Z".into(),
            task: task.map(str::to_owned),
        }
    }

    fn line(result: Word) -> Line {
        Line {
            request_id: TASK.into(),
            timestamp: "2026-11-25T10:00:03.5Z".into(),
            role: "keystone".into(),
            result,
        }
    }

    fn decide(task: Option<&str>, history: &[Line], listed: bool) -> Next {
        let tasks = listed.then(|| TASK.to_owned()).into_iter().collect();
        next(&asked(task), "keystone", history, &tasks)
    }

    #[test]
    fn a_play_that_runs_is_never_started_beside_itself() {
        let started = [line(Word::Started)];
        let waits = Next::Await(TASK.into());
        assert_eq!(decide(Some(TASK), &started, true), waits);
        // Queued, and not begun yet.
        assert_eq!(decide(Some(TASK), &[], true), waits);
        // The box went down between asking and writing the answer down.
        assert_eq!(decide(None, &started, true), waits);
    }

    #[test]
    fn an_end_is_believed_and_a_loss_is_made_good() {
        let ended = |result| [line(Word::Started), line(result)];
        assert_eq!(decide(Some(TASK), &ended(Word::Success), false), Next::Done);
        assert_eq!(decide(None, &ended(Word::Success), false), Next::Done);
        assert_eq!(decide(Some(TASK), &ended(Word::Failure), false), Next::Start);
        // A manager that was restarted has lost it.
        assert_eq!(decide(Some(TASK), &[line(Word::Started)], false), Next::Start);
        assert_eq!(decide(None, &[], false), Next::Start);
    }

    #[test]
    fn what_was_asked_is_kept_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), &StepId::new("osism-keystone").unwrap());
        assert_eq!(kept(&place).unwrap(), None);
        keep(&place, &asked(Some(TASK))).unwrap();
        assert_eq!(kept(&place).unwrap(), Some(asked(Some(TASK))));
    }
}
