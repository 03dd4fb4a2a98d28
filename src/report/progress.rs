//! How far a run is, from its events: what runs, what is finished, and how long the rest may take.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    clock::between,
    words::{clean, took},
};
use crate::{
    event::{Event, Kind, Outcome},
    step::StepId,
};

/// Seconds for which the estimates given at the start are believed as much as what has been measured since.
const PRIOR: f64 = 30.0;

/// The state of a run as its events tell it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    estimates: HashMap<StepId, u32>,
    titles: BTreeMap<String, String>,
    finished: BTreeSet<String>,
    started: Option<Timestamp>,
    /// The moment that all answers are for.
    pub(super) now: Timestamp,
    pub(super) steps: usize,
    /// In the order in which they began.
    pub(super) running: Vec<Running>,
    pub(super) ran: Vec<Ran>,
    pub(super) failed: Vec<Failed>,
    pub(super) proofs_failed: Vec<String>,
    pub(super) outcome: Option<Outcome>,
}

/// A step that runs now, or waits to be tried again.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) title: String,
    pub(super) since: Timestamp,
    /// The last thing heard of it.
    pub(super) heard: String,
}

/// A step that this run has finished.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) step: String,
    pub(super) took: Duration,
}

/// A step that failed for good.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) error: String,
    pub(super) tail: Vec<String>,
    pub(super) log: String,
    pub(super) hint: Option<String>,
}

impl Progress {
    pub(super) fn new(estimates: HashMap<StepId, u32>) -> Self {
        Self { estimates, ..Self::default() }
    }

    /// Takes in what happened, now.
    pub(super) fn take(&mut self, event: &Event, now: Timestamp) {
        self.now = now;
        match &event.kind {
            Kind::RunStarted { steps, .. } => {
                let estimates = std::mem::take(&mut self.estimates);
                let started = Some(now);
                *self = Self { steps: *steps, started, now, ..Self::new(estimates) };
            }
            Kind::StepSkipped { step, .. } => {
                self.running.retain(|running| running.step != *step);
                self.finished.insert(step.clone());
            }
            Kind::StepStarted { step, attempt, title } | Kind::StepFollowed { step, attempt, title } => {
                self.begin(step, *attempt, title, now);
            }
            Kind::StepOutput { step, text, .. } => {
                if let Some(last) = text.lines().rev().map(clean).find(|line| !line.trim().is_empty()) {
                    self.hear(step, last);
                }
            }
            Kind::StepSlow { step, after, .. } => {
                self.hear(
                    step,
                    format!("slower than the {} expected", took(Duration::from_secs((*after).into()))),
                );
            }
            Kind::StepRetry { step, error, delay, .. } => {
                self.hear(step, format!("{}; again in {delay} s", clean(error)));
            }
            Kind::GuardArmed { step, .. } => self.hear(step, "waits for a new connection".into()),
            Kind::StepDone { step, millis, .. } => {
                self.running.retain(|running| running.step != *step);
                self.finished.insert(step.clone());
                self.ran.push(Ran { step: step.clone(), took: Duration::from_millis(*millis) });
            }
            Kind::StepFailed { step, attempt, error, tail, log, hint } => {
                self.running.retain(|running| running.step != *step);
                let (step, error, log) = (step.clone(), error.clone(), log.clone());
                let (tail, hint) = (tail.clone(), hint.clone());
                self.failed.push(Failed { step, attempt: *attempt, error, tail, log, hint });
            }
            Kind::Proof { id, pass: false, .. } => self.proofs_failed.push(id.clone()),
            Kind::RunFinished { outcome } => self.outcome = Some(outcome.clone()),
            Kind::StepDrifted { .. }
            | Kind::StepInDoubt { .. }
            | Kind::GuardConfirmed { .. }
            | Kind::ConnectionLost { .. }
            | Kind::ConnectionBack { .. }
            | Kind::Note { .. }
            | Kind::LeftOnBox { .. }
            | Kind::Proof { pass: true, .. } => {}
        }
    }

    fn begin(&mut self, step: &str, attempt: u32, title: &str, now: Timestamp) {
        self.titles.insert(step.to_owned(), title.to_owned());
        // Followed over a new connection it is the same attempt still, and its time goes on.
        if self.running.iter().any(|running| running.step == step && running.attempt == attempt) {
            return;
        }
        self.running.retain(|running| running.step != step);
        let (step, title, heard) = (step.to_owned(), title.to_owned(), String::new());
        self.running.push(Running { step, attempt, title, since: now, heard });
    }

    fn hear(&mut self, step: &str, text: String) {
        if let Some(running) = self.running.iter_mut().find(|running| running.step == step) {
            running.heard = text;
        }
    }

    /// The sentence that goes with a step's name, once it has been heard.
    pub(super) fn title<'a>(&'a self, step: &'a str) -> &'a str {
        self.titles.get(step).map_or(step, String::as_str)
    }

    pub(super) fn finished(&self) -> usize {
        self.finished.len()
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.map_or(Duration::ZERO, |started| between(started, self.now))
    }

    /// How much of the work is done, from 0 to 1: by estimated time, or by number where nothing is estimated.
    pub(super) fn part(&self) -> f64 {
        let (done, rest) = (self.done() + self.held(), self.rest());
        if done + rest > 0.0 {
            done / (done + rest)
        } else {
            self.finished.len() as f64 / self.steps.max(1) as f64
        }
    }

    /// How long the rest may take: the estimates, corrected by how they have fared so far. That also accounts for
    /// steps that run side by side.
    pub(super) fn left(&self) -> Option<Duration> {
        if self.estimates.is_empty() || self.started.is_none() || self.outcome.is_some() {
            return None;
        }
        let pace = (self.elapsed().as_secs_f64() + PRIOR) / (self.done() + PRIOR);
        let longest = self.running.iter().map(|running| self.remaining(running)).fold(0.0, f64::max);
        Duration::try_from_secs_f64((self.rest() * pace).max(longest)).ok()
    }

    fn estimate(&self, step: &str) -> f64 {
        self.estimates.get(step).copied().unwrap_or(0).into()
    }

    /// Estimated seconds of what this run has done so far.
    fn done(&self) -> f64 {
        let ran = self.ran.iter().map(|ran| self.estimate(&ran.step));
        let running =
            self.running.iter().map(|r| between(r.since, self.now).as_secs_f64().min(self.estimate(&r.step)));
        ran.chain(running).sum()
    }

    /// Estimated seconds of what held already.
    fn held(&self) -> f64 {
        let ran = |step: &str| self.ran.iter().any(|ran| ran.step == step);
        self.finished.iter().filter(|step| !ran(step)).map(|step| self.estimate(step)).sum()
    }

    /// Estimated seconds of what is still to do.
    fn rest(&self) -> f64 {
        let waiting = self
            .estimates
            .iter()
            .filter(|(step, _)| !self.finished.contains(step.as_str()))
            .filter(|(step, _)| !self.running.iter().any(|running| running.step == step.as_str()))
            .map(|(_, seconds)| f64::from(*seconds));
        waiting.chain(self.running.iter().map(|running| self.remaining(running))).sum()
    }

    /// A step that takes longer than estimated is taken to need a tenth more, again and again.
    fn remaining(&self, running: &Running) -> f64 {
        let (elapsed, estimate) =
            (between(running.since, self.now).as_secs_f64(), self.estimate(&running.step));
        (estimate - elapsed).max(estimate.max(elapsed) / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::board::tests::{at, event},
        *,
    };

    fn estimates() -> HashMap<StepId, u32> {
        [("packages", 60), ("engine", 120), ("verify", 20)]
            .map(|(id, s)| (StepId::new(id).unwrap(), s))
            .into()
    }

    fn started(steps: usize) -> Kind {
        Kind::RunStarted { steps, holding: 0, profile: "base".into(), name: "lab".into() }
    }

    fn start(step: &str) -> Kind {
        Kind::StepStarted { step: step.into(), attempt: 1, title: step.into() }
    }

    #[test]
    fn the_time_left_follows_what_was_measured() {
        let mut progress = Progress::new(estimates());
        let left = |progress: &mut Progress, second| {
            progress.now = at(second);
            progress.left().unwrap().as_secs()
        };
        progress.take(&event(0, started(3)), at(0));
        assert_eq!(left(&mut progress, 0), 200);
        progress.take(&event(0, start("packages")), at(0));
        assert_eq!(left(&mut progress, 60), 146);
        // Twice as long as estimated: the rest is taken to be slow too.
        let done = Kind::StepDone { step: "packages".into(), attempt: 1, millis: 120_000 };
        progress.take(&event(120, done), at(120));
        assert_eq!(left(&mut progress, 120), 233);
        // What holds already costs nothing.
        progress.take(&event(120, Kind::StepSkipped { step: "engine".into(), adopted: false }), at(120));
        assert_eq!(left(&mut progress, 120), 33);
        assert_eq!(progress.finished(), 2);
    }

    #[test]
    fn a_step_past_its_estimate_never_says_nothing_is_left() {
        let mut progress = Progress::new(estimates());
        progress.take(&event(0, started(3)), at(0));
        progress.take(&event(0, start("verify")), at(0));
        progress.now = at(500);
        assert!(progress.remaining(&progress.running[0]) >= 50.0);
        assert!(progress.part() < 1.0);
    }

    #[test]
    fn without_estimates_steps_are_counted() {
        let mut progress = Progress::default();
        progress.take(&event(0, started(4)), at(0));
        progress.take(&event(0, Kind::StepSkipped { step: "a".into(), adopted: false }), at(0));
        assert_eq!(progress.left(), None);
        assert_eq!(progress.part(), 0.25);
    }

    #[test]
    fn a_step_followed_over_a_new_connection_keeps_its_time() {
        let mut progress = Progress::default();
        progress.take(&event(0, started(1)), at(0));
        progress.take(&event(1, start("engine")), at(1));
        let followed = Kind::StepFollowed { step: "engine".into(), attempt: 1, title: "engine".into() };
        progress.take(&event(90, followed), at(90));
        assert_eq!(progress.running.len(), 1);
        assert_eq!(progress.running[0].since, at(1));
    }
}
