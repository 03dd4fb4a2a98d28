//! Where every step of a graph stands: the record, the digest of the inputs, and the probes, in one go.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{
    guard, probe,
    record::{Attempt, Block, Record},
    standing::{self, Words},
    unit,
    want::Host,
    wire::{Exit, Standing, State},
};
use crate::{
    step::{Action, Answer, Graph, Step, StepId},
    tree::hex,
};

/// Threads that ask probes: most of them wait for `systemctl` or `dpkg-query`.
const PROBERS: usize = 4;

/// The keyed digest of what each step acts on: its action and probe, and the digests of the steps it uses.
///
/// Keyed with a secret of the box, since a plain digest of a short password can be guessed. Titles, limits and
/// the version of this program are no inputs.
pub fn inputs(graph: &Graph, key: &[u8]) -> Result<BTreeMap<StepId, String>> {
    let mut digests: BTreeMap<StepId, String> = BTreeMap::new();
    for step in &graph.steps {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).context("use the box's key")?;
        mac.update(&serde_json::to_vec(&(&step.action, &step.probe))?);
        for used in &step.uses {
            mac.update(digests.get(used).context("a step uses one that does not come before it")?.as_bytes());
        }
        digests.insert(step.id.clone(), hex(&mac.finalize().into_bytes()));
    }
    Ok(digests)
}

/// The state of the latest attempt, with what systemd and the guard have to say about it.
pub fn state_of(attempt: &Attempt, step: &StepId, loaded: bool) -> Result<State> {
    let words = Words::read(attempt)?;
    let state = standing::state(&words, loaded);
    let guarded = matches!(&words.spec, Block::Written(spec) if spec.step.guard.is_some());
    if guarded && matches!(state, State::Ended | State::InDoubt { .. }) {
        let host = Host::here(BTreeMap::new());
        let of = guard::Attempt { step, attempt: attempt.number };
        if let guard::GuardState::Reverted { .. } = guard::state(of, &host)? {
            return Ok(State::Failed { exit: Exit::Reverted });
        }
    }
    Ok(state)
}

/// Looks at every step. Without a key there was no run yet, and nothing can have the same inputs.
pub fn survey(record: &Record, graph: &Graph, key: Option<&[u8]>) -> Result<Vec<Standing>> {
    let digests = key.map(|key| inputs(graph, key)).transpose()?.unwrap_or_default();
    let attempts: Vec<Option<Attempt>> =
        graph.steps.iter().map(|step| record.latest(&step.id)).collect::<Result<_>>()?;
    let units = if attempts.iter().any(Option::is_some) { unit::loaded()? } else { BTreeSet::new() };
    let mut standings = Vec::new();
    for (step, attempt) in graph.steps.iter().zip(&attempts) {
        let (number, state, same_inputs) = match attempt {
            None => (0, State::Waiting, false),
            Some(attempt) => {
                let loaded = units.contains(&unit::name(&step.id, attempt.number));
                let state = state_of(attempt, &step.id, loaded)?;
                let spec = attempt.spec()?.written();
                let same = spec.is_some_and(|spec| digests.get(&step.id) == Some(&spec.inputs));
                (attempt.number, state, same)
            }
        };
        let answer = Answer::CannotTell("not asked".into());
        standings.push(Standing { step: step.id.clone(), attempt: number, state, same_inputs, answer });
    }
    ask_all(&graph.steps, &attempts, &mut standings);
    Ok(standings)
}

fn ask_all(steps: &[Step], attempts: &[Option<Attempt>], standings: &mut [Standing]) {
    let size = steps.len().div_ceil(PROBERS).max(1);
    std::thread::scope(|scope| {
        let parts = standings.chunks_mut(size).zip(steps.chunks(size)).zip(attempts.chunks(size));
        for ((standings, steps), attempts) in parts {
            scope.spawn(move || {
                for ((standing, step), attempt) in standings.iter_mut().zip(steps).zip(attempts) {
                    standing.answer = match standing.state {
                        State::Active => Answer::CannotTell("its job is running".into()),
                        _ => probe::ask(step, attempt.as_ref()),
                    };
                }
            });
        }
    });
}

/// Whether a step without any record may be taken as done when its probe holds: only where the probe compares
/// the exact inputs.
pub fn adoptable(step: &Step) -> bool {
    matches!(
        (&step.action, &step.probe),
        (Action::Ensure(_) | Action::Put { .. }, crate::step::Probe::Action)
    )
}
