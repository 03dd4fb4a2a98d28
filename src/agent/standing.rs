//! What a record means: the table of `protocol.md`, "What the record means on return", as one pure function.

use super::{
    record::{Attempt, Began, Block, Done, End, Spec},
    wire::{Exit, State},
};
use anyhow::Result;

/// All words of one attempt, as they were found.
#[derive(Debug)]
pub struct Words {
    pub spec: Block<Spec>,
    pub began: Block<Began>,
    pub end: Block<End>,
    pub done: Block<Done>,
}

impl Words {
    pub fn read(attempt: &Attempt) -> Result<Self> {
        Ok(Self {
            spec: attempt.spec()?,
            began: attempt.began()?,
            end: attempt.end()?,
            done: attempt.done()?,
        })
    }
}

/// The state of an attempt, given whether its unit is loaded now.
///
/// `end` of another boot than `began` is doubt, as is one written while the box was going down: a job that is
/// killed by a clean reboot reports success or an exit status of its own.
pub fn state(words: &Words, unit_loaded: bool) -> State {
    let doubt = |why: &str| State::InDoubt { why: why.to_owned() };
    match (&words.spec, &words.began, &words.end, &words.done) {
        (Block::Blank, ..) => State::Waiting,
        // A written end is the unit's last word, even while systemd still has the unit.
        (_, _, Block::Blank, _) if unit_loaded => State::Active,
        (Block::Damaged, ..) => doubt("its specification is damaged"),
        (_, _, _, Block::Damaged) => doubt("the word that it is done is damaged"),
        // Written after the probe held; a reboot or an adoption has no end of its own.
        (_, _, _, Block::Written(_)) => State::Done,
        (_, Block::Blank, Block::Blank, _) => State::Prepared,
        (_, Block::Damaged, ..) => doubt("the word that it began is damaged"),
        (_, _, Block::Damaged, _) => doubt("the word of its end is damaged"),
        (_, Block::Written(_), Block::Blank, _) => doubt("it began, and nobody saw it end"),
        (_, Block::Written(_), Block::Written(end), _) if end.stopping => doubt("the box was shutting down"),
        (_, Block::Written(began), Block::Written(end), _) if began.boot != end.boot => {
            doubt("it ended in another boot than it began in")
        }
        (_, Block::Written(_), Block::Written(end), _) => match &end.exit {
            Exit::Code(0) => State::Ended,
            exit => State::Failed { exit: exit.clone() },
        },
        // The box went down before it began: nothing was done, and nobody needs to be asked.
        (_, Block::Blank, Block::Written(end), _) if end.stopping => State::Waiting,
        // systemd could not execute the helper, or the helper could not write that it began: nothing was done.
        (_, Block::Blank, Block::Written(end), _) => match &end.exit {
            Exit::Code(0) => doubt("it ended without having begun"),
            exit => State::Failed { exit: exit.clone() },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::wire::Boot,
        step::{Action, Answer, InDoubt, Limit, Probe, Retry, Step, StepId},
    };

    fn boot(id: &str) -> Boot {
        Boot { id: id.into(), pid1: 1 }
    }

    fn spec() -> Block<Spec> {
        let step = Step {
            id: StepId::new("one").unwrap(),
            title: String::new(),
            needs: vec![],
            uses: vec![],
            holds: vec![],
            action: Action::Reboot,
            probe: Probe::Rebooted,
            limit: Limit { soft: 1, hard: 1 },
            retry: Retry::default(),
            in_doubt: InDoubt::TrustProbe,
            guard: None,
            mend: None,
        };
        Block::Written(Spec { run: 1, step, inputs: String::new() })
    }

    fn began() -> Block<Began> {
        Block::Written(Began { boot: boot("a"), pid: 1, invocation: String::new(), at: 0 })
    }

    fn end(exit: Exit, stopping: bool, in_boot: &str) -> Block<End> {
        Block::Written(End { exit, stopping, boot: boot(in_boot), at: 1 })
    }

    fn done() -> Block<Done> {
        Block::Written(Done { inputs: String::new(), proof: Answer::Holds })
    }

    #[test]
    fn the_table_of_the_protocol() {
        let said = |spec, began, end, done, loaded| match state(&Words { spec, began, end, done }, loaded) {
            State::InDoubt { .. } => "in doubt".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        use Block::{Blank, Damaged};
        assert_eq!(said(Blank, Blank, Blank, Blank, false), "waiting");
        assert_eq!(said(spec(), Blank, Blank, Blank, false), "prepared");
        assert_eq!(said(spec(), Blank, Blank, Blank, true), "active");
        assert_eq!(said(spec(), began(), Blank, Blank, true), "active");
        assert_eq!(said(spec(), began(), Blank, Blank, false), "in doubt");
        assert_eq!(said(spec(), began(), end(Exit::Code(0), false, "a"), Blank, true), "ended");
        assert_eq!(said(spec(), began(), end(Exit::Code(0), false, "a"), Blank, false), "ended");
        assert_eq!(said(spec(), began(), end(Exit::Code(0), true, "a"), Blank, false), "in doubt");
        assert_eq!(said(spec(), began(), end(Exit::Code(0), false, "b"), Blank, false), "in doubt");
        assert_eq!(said(spec(), began(), end(Exit::Code(3), true, "a"), Blank, false), "in doubt");
        assert_eq!(
            said(spec(), began(), end(Exit::Code(3), false, "a"), Blank, false),
            "failed { exit: code(3) }"
        );
        assert_eq!(said(spec(), began(), end(Exit::Code(0), false, "a"), done(), false), "done");
        assert_eq!(said(spec(), began(), Blank, done(), false), "done");
        assert_eq!(
            said(spec(), Blank, end(Exit::Code(96), false, "a"), Blank, false),
            "failed { exit: code(96) }"
        );
        assert_eq!(
            said(spec(), Blank, end(Exit::Signal("SIGTERM".into()), true, "a"), Blank, false),
            "waiting"
        );
        for damaged in [
            said(Damaged, Blank, Blank, Blank, false),
            said(spec(), Damaged, Blank, Blank, false),
            said(spec(), began(), Damaged, Blank, false),
            said(spec(), began(), end(Exit::Code(0), false, "a"), Damaged, false),
        ] {
            assert_eq!(damaged, "in doubt");
        }
    }
}
