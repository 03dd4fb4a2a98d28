//! Asks the box whether a step's effect is there. Changes nothing.

use std::{
    collections::BTreeMap,
    iter,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::{
    boot, put, questions,
    record::{Attempt, Block},
    want::{self, Host},
};
use crate::{
    step::{Action, Answer, Probe, Step, Want},
    tool,
};

/// What the step's probe says now. `attempt` is the latest one; only the probe of a reboot looks at it.
pub fn ask(step: &Step, attempt: Option<&Attempt>) -> Answer {
    let host = Host::here(BTreeMap::new());
    match (&step.probe, &step.action) {
        (Probe::Action, Action::Ensure(wants)) | (Probe::Wants(wants), _) => all(wants, &host),
        (Probe::Action, Action::Put { root, tree, message }) => {
            put::probe(&put::Put { root, tree, message }, &host)
        }
        (Probe::Action, _) => Answer::CannotTell("this kind of action has no probe of its own".into()),
        (Probe::Command { argv }, _) => command(argv),
        (Probe::Asks { questions, .. }, _) => questions::ask(questions),
        (Probe::Rebooted, _) => rebooted(attempt),
    }
}

/// Asks probes that belong to no step, side by side, and answers in their order.
pub fn ask_all(probes: &[Probe]) -> Vec<Answer> {
    /// Most probes wait for another program.
    const SIDE_BY_SIDE: usize = 4;
    let ask = |probe: &Probe| match probe {
        Probe::Wants(wants) => all(wants, &Host::here(BTreeMap::new())),
        Probe::Command { argv } => command(argv),
        Probe::Asks { questions, .. } => questions::ask(questions),
        Probe::Action | Probe::Rebooted => Answer::CannotTell("this probe belongs to a step".into()),
    };
    // Whoever is free takes the next one: a slow probe holds nobody up.
    let next = AtomicUsize::new(0);
    let take = || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        probes.get(at).map(|probe| (at, ask(probe)))
    };
    let mut answers = vec![Answer::CannotTell("the probe did not come to an end".into()); probes.len()];
    thread::scope(|scope| {
        let threads = (0..SIDE_BY_SIDE.min(probes.len()))
            .map(|_| scope.spawn(|| iter::from_fn(take).collect::<Vec<_>>()))
            .collect::<Vec<_>>();
        for (at, answer) in threads.into_iter().filter_map(|thread| thread.join().ok()).flatten() {
            answers[at] = answer;
        }
    });
    answers
}

/// Holds when all do; the first Missing wins over any CannotTell, as running again is then safe and needed.
fn all(wants: &[Want], host: &Host) -> Answer {
    let mut doubt = None;
    for want in wants {
        match want::probe(want, host) {
            Answer::Holds => {}
            Answer::Missing(why) => return Answer::Missing(why),
            unclear @ Answer::CannotTell(_) => {
                doubt.get_or_insert(unclear);
            }
        }
    }
    doubt.unwrap_or(Answer::Holds)
}

fn command(argv: &[String]) -> Answer {
    // A viewer's own file is unlinked: its path would name nothing, the link of the running process still does.
    let argv: Vec<String> = argv
        .iter()
        .map(|word| if word == "%helper" { "/proc/self/exe".into() } else { word.clone() })
        .collect();
    let Some((program, words)) = argv.split_first() else {
        return Answer::CannotTell("the probe has no program".into());
    };
    let mut command = Command::new(&*tool::whole(program));
    // What a probe prints is of no interest; what it complains of is.
    command.args(words).env_clear().envs(want::FIXED).stdin(Stdio::null()).stdout(Stdio::null());
    match command.stderr(Stdio::piped()).spawn().and_then(Child::wait_with_output) {
        Ok(output) if output.status.success() => Answer::Holds,
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().last().unwrap_or_default();
            match output.status.code() {
                Some(1) => Answer::Missing(format!("{program} says no: {said}")),
                _ => Answer::CannotTell(format!("{program} ended with {}: {said}", output.status)),
            }
        }
        Err(error) => Answer::CannotTell(format!("{program} could not be started: {error}")),
    }
}

fn rebooted(attempt: Option<&Attempt>) -> Answer {
    let began = match attempt.map(Attempt::began) {
        Some(Ok(Block::Written(began))) => began,
        Some(Ok(Block::Blank)) | None => return Answer::Missing("no restart was begun".into()),
        Some(_) => return Answer::CannotTell("the word of the restart is damaged".into()),
    };
    match boot::current() {
        Ok(now) if now != began.boot => Answer::Holds,
        Ok(_) => Answer::Missing("the box has not been restarted since".into()),
        Err(error) => Answer::CannotTell(format!("{error:#}")),
    }
}
