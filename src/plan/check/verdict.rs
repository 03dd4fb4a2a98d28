//! What a check says, before it is given its id and the operator's leave.

use std::fmt::Display;

use super::Status;
use crate::{
    facts::Facts,
    profile::{AtLeast, AtMost},
};

/// One judgement; the check's own id and hint are added by `judge`.
pub(super) struct Verdict {
    pub(super) subject: Option<String>,
    pub(super) status: Status,
    pub(super) needs: Option<String>,
    pub(super) measured: Option<String>,
    pub(super) message: String,
    /// In place of the check's own.
    pub(super) hint: Option<String>,
}

impl Verdict {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self { subject: None, status, needs: None, measured: None, message: message.into(), hint: None }
    }

    pub(super) fn pass(message: impl Into<String>) -> Self {
        Self::new(Status::Pass, message)
    }

    pub(super) fn warn(message: impl Into<String>) -> Self {
        Self::new(Status::Warn, message)
    }

    pub(super) fn fail(message: impl Into<String>) -> Self {
        Self::new(Status::Fail, message)
    }

    pub(super) fn skipped(message: impl Into<String>) -> Self {
        Self::new(Status::Skipped, message)
    }

    /// A fact that could not be told, with the reason that the facts give.
    pub(super) fn unknown(facts: &Facts, fact: &str) -> Self {
        Self::skipped(format!("unknown: {}", facts.why_unknown(fact).unwrap_or("the box does not tell")))
    }

    pub(super) fn measured(mut self, measured: impl Display) -> Self {
        self.measured = Some(measured.to_string());
        self
    }

    pub(super) fn needs(mut self, needs: impl Display) -> Self {
        self.needs = Some(needs.to_string());
        self
    }

    pub(super) fn about(mut self, subject: impl Display) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// More is better; `show` writes a value for people.
pub(super) fn at_least<T: PartialOrd + Copy>(
    value: T,
    need: &AtLeast<T>,
    show: impl Fn(T) -> String,
) -> Verdict {
    let verdict = if value < need.minimum {
        Verdict::fail("too little")
    } else if value < need.recommended {
        Verdict::warn(format!("works, but {} or more is recommended", show(need.recommended)))
    } else {
        Verdict::pass("enough")
    };
    verdict.measured(show(value)).needs(format!("{} or more", show(need.minimum)))
}

/// Less is better; `show` writes a value for people.
pub(super) fn at_most<T: PartialOrd + Copy>(
    value: T,
    need: &AtMost<T>,
    show: impl Fn(T) -> String,
) -> Verdict {
    let verdict = if value > need.maximum {
        Verdict::fail("too much")
    } else if value > need.recommended {
        Verdict::warn(format!("works, but {} or less is recommended", show(need.recommended)))
    } else {
        Verdict::pass("good")
    };
    verdict.measured(show(value)).needs(format!("{} or less", show(need.maximum)))
}
