//! What a run says: one versioned type for the screen, for JSON lines and for the record on the box.

use serde::{Deserialize, Serialize};

use crate::step::Answer;

/// The `schema` of every event line.
pub const SCHEMA: &str = "ciab/event/v1";

/// One line of `deploy --json` and of `events.jsonl`.
///
/// `seq` orders the events of a run; `at` is wall time (RFC 3339) and only for display.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    pub schema: String,
    pub seq: u64,
    pub at: String,
    /// The run's number on the box.
    pub run: u64,
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The run begins or goes on: how many steps there are, how many of them already hold.
    RunStarted {
        steps: usize,
        holding: usize,
        profile: String,
        name: String,
    },
    /// A step was looked at and will not run; `adopted` when no record but the probe said so.
    StepSkipped {
        step: String,
        adopted: bool,
    },
    /// What was done once is gone, and is done again.
    StepDrifted {
        step: String,
        why: String,
    },
    StepStarted {
        step: String,
        attempt: u32,
        title: String,
    },
    /// The step was running already, from this or an earlier connection.
    StepFollowed {
        step: String,
        attempt: u32,
        title: String,
    },
    /// Whole lines of the step's output, redacted on the box.
    StepOutput {
        step: String,
        attempt: u32,
        text: String,
    },
    /// Past its soft limit, in seconds.
    StepSlow {
        step: String,
        attempt: u32,
        after: u32,
    },
    /// An attempt began and its end was never written; what is done about it.
    StepInDoubt {
        step: String,
        attempt: u32,
        why: String,
        then: String,
    },
    /// Will be tried again in so many seconds.
    StepRetry {
        step: String,
        attempt: u32,
        error: String,
        delay: u32,
    },
    StepDone {
        step: String,
        attempt: u32,
        millis: u64,
    },
    StepFailed {
        step: String,
        attempt: u32,
        error: String,
        tail: Vec<String>,
        log: String,
        hint: Option<String>,
    },
    /// A change that may cut the box off has been made and waits to be confirmed over a new connection.
    GuardArmed {
        step: String,
        seconds: u32,
    },
    GuardConfirmed {
        step: String,
    },
    /// The connection was lost; jobs on the box go on.
    ConnectionLost {
        why: String,
    },
    ConnectionBack {
        after_millis: u64,
    },
    /// Something worth knowing that changes nothing.
    Note {
        text: String,
    },
    /// Steps of an earlier run that the present graph does not have.
    LeftOnBox {
        steps: Vec<String>,
    },
    Proof {
        id: String,
        what: String,
        measured: String,
        pass: bool,
    },
    RunFinished {
        outcome: Outcome,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done { ran: usize, held: usize },
    Failed { step: String },
    Interrupted,
    Locked { holder: String },
    Lost { why: String },
}

/// One line of the table that `verify` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProofResult {
    pub id: String,
    pub what: String,
    pub measured: String,
    pub pass: bool,
}

impl ProofResult {
    /// A proof from a probe's answer; one that cannot tell does not pass.
    pub fn from_answer(id: &str, what: &str, answer: &Answer) -> Self {
        let (measured, pass) = match answer {
            Answer::Holds => ("holds".to_owned(), true),
            Answer::Missing(why) => (why.clone(), false),
            Answer::CannotTell(why) => (format!("could not be proven: {why}"), false),
        };
        Self { id: id.to_owned(), what: what.to_owned(), measured, pass }
    }
}
