//! An event in words: what the plain lines say, and what scrolls by on a terminal.

use std::time::Duration;

use super::{
    paint::Paint,
    words::{clean, count, took, whole},
};
use crate::event::{Kind, Outcome};

/// How a line is meant; the words say it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Plain,
    Good,
    Odd,
    Bad,
}

impl Mark {
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Good => paint.green(text),
            Self::Odd => paint.yellow(text),
            Self::Bad => paint.red(text),
        }
    }
}

/// The lines that say what happened.
pub(super) fn lines(kind: &Kind) -> Vec<(Mark, String)> {
    if let Kind::StepOutput { step, text, .. } = kind {
        return text.lines().map(|line| (Mark::Plain, format!("{step}| {}", clean(line)))).collect();
    }
    vec![(mark(kind), clean(&sentence(kind)))]
}

/// The step that an event is about.
pub(super) fn step(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::StepSkipped { step, .. }
        | Kind::StepDrifted { step, .. }
        | Kind::StepStarted { step, .. }
        | Kind::StepFollowed { step, .. }
        | Kind::StepOutput { step, .. }
        | Kind::StepSlow { step, .. }
        | Kind::StepInDoubt { step, .. }
        | Kind::StepRetry { step, .. }
        | Kind::StepDone { step, .. }
        | Kind::StepFailed { step, .. }
        | Kind::GuardArmed { step, .. }
        | Kind::GuardConfirmed { step } => Some(step),
        Kind::RunStarted { .. }
        | Kind::ConnectionLost { .. }
        | Kind::ConnectionBack { .. }
        | Kind::Note { .. }
        | Kind::LeftOnBox { .. }
        | Kind::Proof { .. }
        | Kind::RunFinished { .. } => None,
    }
}

fn mark(kind: &Kind) -> Mark {
    match kind {
        Kind::StepDone { .. }
        | Kind::GuardConfirmed { .. }
        | Kind::ConnectionBack { .. }
        | Kind::Proof { pass: true, .. }
        | Kind::RunFinished { outcome: Outcome::Done { .. } } => Mark::Good,
        Kind::StepFailed { .. } | Kind::Proof { pass: false, .. } | Kind::RunFinished { .. } => Mark::Bad,
        Kind::StepDrifted { .. }
        | Kind::StepSlow { .. }
        | Kind::StepInDoubt { .. }
        | Kind::StepRetry { .. }
        | Kind::GuardArmed { .. }
        | Kind::ConnectionLost { .. }
        | Kind::LeftOnBox { .. } => Mark::Odd,
        Kind::RunStarted { .. }
        | Kind::StepSkipped { .. }
        | Kind::StepStarted { .. }
        | Kind::StepFollowed { .. }
        | Kind::StepOutput { .. }
        | Kind::Note { .. } => Mark::Plain,
    }
}

fn sentence(kind: &Kind) -> String {
    match kind {
        Kind::RunStarted { steps, holding, profile, name } => {
            format!("{name}: profile {profile}, {}, {holding} of them hold already", count(*steps, "step"))
        }
        Kind::StepSkipped { step, adopted: false } => format!("{step}: holds"),
        Kind::StepSkipped { step, adopted: true } => format!("{step}: holds, and is recorded as done"),
        Kind::StepDrifted { step, why } => format!("{step}: was done, but does not hold any more: {why}"),
        Kind::StepStarted { step, attempt, title } => format!("{step}: {title}{}", again(*attempt)),
        Kind::StepFollowed { step, attempt, title } => {
            format!("{step}: runs already: {title}{}", again(*attempt))
        }
        Kind::StepOutput { step, text, .. } => format!("{step}| {text}"),
        Kind::StepSlow { step, after, .. } => {
            format!("{step}: takes longer than the {} expected, and goes on", seconds(*after))
        }
        Kind::StepInDoubt { step, attempt, why, then } => {
            format!("{step}: attempt {attempt} is in doubt: {why}; {then}")
        }
        Kind::StepRetry { step, attempt, error, delay } => {
            format!("{step}: attempt {attempt} failed: {error}; again in {}", seconds(*delay))
        }
        Kind::StepDone { step, millis, .. } => {
            format!("{step}: done in {}", took(Duration::from_millis(*millis)))
        }
        Kind::StepFailed { step, attempt, error, .. } => {
            format!("{step}: FAILED{}: {error}", again(*attempt))
        }
        Kind::GuardArmed { step, seconds: limit } => {
            format!("{step}: is taken back in {} unless a new connection confirms it", seconds(*limit))
        }
        Kind::GuardConfirmed { step } => format!("{step}: confirmed over a new connection"),
        Kind::ConnectionLost { why } => format!("connection lost: {why}; what runs on the box goes on"),
        Kind::ConnectionBack { after_millis } => {
            format!("connected again after {}", took(Duration::from_millis(*after_millis)))
        }
        Kind::Note { text } => text.clone(),
        Kind::LeftOnBox { steps } => format!("left on the box by an earlier run: {}", steps.join(", ")),
        Kind::Proof { id, what, measured, pass } => {
            format!("proof {id}: {}: {what}: {measured}", if *pass { "pass" } else { "FAIL" })
        }
        Kind::RunFinished { outcome } => match outcome {
            Outcome::Done { ran, held } => format!("done: {} ran, {held} held", count(*ran, "step")),
            Outcome::Failed { step } => format!("failed at step {step}"),
            Outcome::Interrupted => "interrupted; what runs on the box goes on".into(),
            Outcome::Locked { holder } => format!("locked by {holder}"),
            Outcome::Lost { why } => format!("the box is lost: {why}"),
        },
    }
}

fn again(attempt: u32) -> String {
    if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() }
}

fn seconds(seconds: u32) -> String {
    whole(Duration::from_secs(seconds.into()))
}
