//! What to do with a step, from its record and its probe: the second table of `protocol.md`, as a pure function.

use crate::{
    agent::{
        survey,
        wire::{Standing, State},
    },
    step::{Action, Answer, InDoubt, Step, StepId},
};

/// The next thing to do with a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Record and probe agree that it is done.
    Skip,
    /// No record, but the probe compares the exact inputs and holds: write it down.
    /// What it is written down as; should it no longer hold, it acts as this attempt.
    Adopt { attempt: u32 },
    /// Act, as this attempt.
    Run { attempt: u32, because: Because },
    /// Its job runs already.
    Follow { attempt: u32 },
    /// Its job has ended well: ask the probe.
    Finish { attempt: u32 },
    /// Another step puts right what half an action left; then act.
    Repair { by: StepId, attempt: u32, why: String },
    /// Only the operator can tell.
    Stop { why: String },
}

/// Why a step acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// It never did.
    First,
    /// Its inputs are other ones now.
    Changed,
    /// It failed before, and failure is no obstacle to trying again.
    Failed,
    /// It was done, and its effect is gone.
    Drifted { why: String },
    /// Nobody knows how it ended.
    InDoubt { why: String },
}

/// Decides. `again` is the operator's word that this step may act whatever its record says.
pub fn next(step: &Step, standing: &Standing, again: bool) -> Next {
    let new = standing.attempt + 1;
    let run = |because| Next::Run { attempt: new, because };
    if matches!(step.action, Action::Wait { .. }) {
        return match standing.answer {
            Answer::Holds => Next::Skip,
            _ => run(Because::First),
        };
    }
    match (&standing.state, &standing.answer) {
        (State::Active, _) => Next::Follow { attempt: standing.attempt },
        _ if again => run(Because::Failed),
        (State::Waiting, Answer::Holds) if survey::adoptable(step) => Next::Adopt { attempt: new },
        (State::Waiting, _) => run(Because::First),
        (State::Prepared, _) if standing.same_inputs => {
            Next::Run { attempt: standing.attempt, because: Because::First }
        }
        (State::Prepared, _) => run(Because::Changed),
        (State::Done, _) if !standing.same_inputs => run(Because::Changed),
        (State::Done, Answer::Holds) => Next::Skip,
        (State::Done, Answer::Missing(why)) => run(Because::Drifted { why: why.clone() }),
        (State::Done, Answer::CannotTell(why)) => Next::Stop {
            why: format!("it was done, and its probe cannot tell whether it still holds: {why}"),
        },
        // A restart that is under way must not be begun a second time.
        (State::Ended, _) if matches!(step.action, Action::Reboot) => {
            Next::Finish { attempt: standing.attempt }
        }
        // It would be judged by what was asked of it then, and a newer version may know better; it acts again in any case.
        (State::Ended, _) if !standing.same_inputs && step.guard.is_none() => run(Because::Changed),
        (State::Ended, Answer::Missing(why)) if step.guard.is_none() => {
            run(Because::Drifted { why: why.clone() })
        }
        (State::Ended, _) => Next::Finish { attempt: standing.attempt },
        (State::Failed { exit }, _) => match &step.in_doubt {
            InDoubt::RunAgain | InDoubt::TrustProbe => run(Because::Failed),
            InDoubt::Repair(by) => {
                Next::Repair { by: by.clone(), attempt: new, why: format!("it failed before: {exit}") }
            }
            InDoubt::Stop => {
                Next::Stop { why: format!("it failed before ({exit}), and may not simply be repeated") }
            }
        },
        (State::InDoubt { why }, answer) => match (&step.in_doubt, answer) {
            (InDoubt::RunAgain, _) | (InDoubt::TrustProbe, Answer::Missing(_)) => {
                run(Because::InDoubt { why: why.clone() })
            }
            (InDoubt::TrustProbe, Answer::Holds) => Next::Finish { attempt: standing.attempt },
            (InDoubt::TrustProbe, Answer::CannotTell(doubt)) => {
                Next::Stop { why: format!("{why}, and its probe cannot tell: {doubt}") }
            }
            (InDoubt::Repair(by), _) => Next::Repair { by: by.clone(), attempt: new, why: why.clone() },
            (InDoubt::Stop, _) => Next::Stop { why: why.clone() },
        },
    }
}

/// What to do with a step that repairs another: it acts for each doubt, whatever it did for earlier ones. One that
/// runs already was begun for this doubt, by an engine or a connection that is gone.
pub(super) fn repair(step: &Step, standing: &Standing) -> Next {
    let run = |attempt| Next::Run { attempt, because: Because::First };
    match (&standing.state, &step.in_doubt) {
        (State::Active, _) => Next::Follow { attempt: standing.attempt },
        (State::Prepared, _) if standing.same_inputs => run(standing.attempt),
        (State::InDoubt { why }, InDoubt::Stop | InDoubt::Repair(_)) => Next::Stop { why: why.clone() },
        _ => run(standing.attempt + 1),
    }
}

impl Next {
    /// The attempt it is about.
    pub(super) fn attempt(&self) -> Option<u32> {
        match self {
            Self::Run { attempt, .. }
            | Self::Follow { attempt }
            | Self::Finish { attempt }
            | Self::Repair { attempt, .. } => Some(*attempt),
            Self::Skip | Self::Adopt { .. } | Self::Stop { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::wire::Exit,
        step::{Limit, Probe, Retry},
    };

    fn step(action: Action, in_doubt: InDoubt) -> Step {
        Step {
            id: StepId::new("one").unwrap(),
            title: String::new(),
            needs: vec![],
            uses: vec![],
            holds: vec![],
            action,
            probe: Probe::Action,
            limit: Limit { soft: 1, hard: 1 },
            retry: Retry::default(),
            in_doubt,
            guard: None,
            mend: None,
        }
    }

    fn standing(state: State, same_inputs: bool, answer: Answer) -> Standing {
        let attempt = u32::from(state != State::Waiting);
        Standing { step: StepId::new("one").unwrap(), attempt, state, same_inputs, answer }
    }

    fn missing() -> Answer {
        Answer::Missing("gone".into())
    }

    fn unclear() -> Answer {
        Answer::CannotTell("unclear".into())
    }

    #[test]
    fn record_and_probe_together_decide() {
        let ensure = step(Action::Ensure(vec![]), InDoubt::RunAgain);
        let decide = |state, same, answer| next(&ensure, &standing(state, same, answer), false);
        assert_eq!(decide(State::Done, true, Answer::Holds), Next::Skip);
        assert!(matches!(
            decide(State::Done, true, missing()),
            Next::Run { attempt: 2, because: Because::Drifted { .. } }
        ));
        assert!(matches!(decide(State::Done, true, unclear()), Next::Stop { .. }));
        assert!(matches!(
            decide(State::Done, false, Answer::Holds),
            Next::Run { attempt: 2, because: Because::Changed }
        ));
        assert_eq!(decide(State::Waiting, false, Answer::Holds), Next::Adopt { attempt: 1 });
        assert!(matches!(decide(State::Waiting, false, unclear()), Next::Run { attempt: 1, .. }));
        assert!(matches!(decide(State::Prepared, true, missing()), Next::Run { attempt: 1, .. }));
        assert!(matches!(decide(State::Prepared, false, missing()), Next::Run { attempt: 2, .. }));
        assert_eq!(decide(State::Active, true, unclear()), Next::Follow { attempt: 1 });
        assert_eq!(decide(State::Ended, true, Answer::Holds), Next::Finish { attempt: 1 });
        assert!(matches!(
            decide(State::Ended, false, Answer::Holds),
            Next::Run { attempt: 2, because: Because::Changed }
        ));
    }

    #[test]
    fn only_a_trusted_probe_turns_doubt_into_done() {
        let doubt = || State::InDoubt { why: "cut".into() };
        let decide = |in_doubt, answer| {
            next(&step(Action::Ensure(vec![]), in_doubt), &standing(doubt(), true, answer), false)
        };
        assert!(matches!(decide(InDoubt::RunAgain, Answer::Holds), Next::Run { .. }));
        assert_eq!(decide(InDoubt::TrustProbe, Answer::Holds), Next::Finish { attempt: 1 });
        assert!(matches!(decide(InDoubt::TrustProbe, missing()), Next::Run { .. }));
        assert!(matches!(decide(InDoubt::TrustProbe, unclear()), Next::Stop { .. }));
        let repair = InDoubt::Repair(StepId::new("mend").unwrap());
        assert!(matches!(decide(repair, Answer::Holds), Next::Repair { .. }));
        assert!(matches!(decide(InDoubt::Stop, Answer::Holds), Next::Stop { .. }));
    }

    #[test]
    fn a_job_is_not_adopted_from_a_probe_that_compares_no_inputs() {
        let job = step(Action::Job { argv: vec!["true".into()], env: Default::default() }, InDoubt::Stop);
        assert!(matches!(
            next(&job, &standing(State::Waiting, false, Answer::Holds), false),
            Next::Run { attempt: 1, .. }
        ));
        let failed = standing(State::Failed { exit: Exit::Code(1) }, true, Answer::Holds);
        assert!(matches!(next(&job, &failed, false), Next::Stop { .. }));
        assert!(matches!(next(&job, &failed, true), Next::Run { attempt: 2, .. }));
    }

    #[test]
    fn what_repairs_acts_for_each_doubt_and_never_beside_itself() {
        let mend = step(Action::Ensure(vec![]), InDoubt::RunAgain);
        let decide = |state| repair(&mend, &standing(state, true, Answer::Holds));
        assert!(matches!(decide(State::Waiting), Next::Run { attempt: 1, .. }));
        assert!(matches!(decide(State::Done), Next::Run { attempt: 2, .. }));
        assert!(matches!(decide(State::Prepared), Next::Run { attempt: 1, .. }));
        assert_eq!(decide(State::Active), Next::Follow { attempt: 1 });
        let once = step(Action::Ensure(vec![]), InDoubt::Stop);
        let doubt = standing(State::InDoubt { why: "cut".into() }, true, Answer::Holds);
        assert!(matches!(repair(&once, &doubt), Next::Stop { .. }));
    }

    #[test]
    fn a_restart_under_way_is_waited_for() {
        let reboot = step(Action::Reboot, InDoubt::TrustProbe);
        assert_eq!(
            next(&reboot, &standing(State::Ended, true, missing()), false),
            Next::Finish { attempt: 1 }
        );
    }
}
