//! Somebody who answers questions: a person at a terminal, or a test.

use std::future::Future;

use crate::failure::Failure;

/// What typing this means at any question.
pub(super) const BACK: &str = "<";

/// Answers questions one after the other. A failure ends the questions: the person left, or interrupted them.
pub trait Person {
    /// Tells something, in whole lines.
    fn say(&mut self, text: &str) -> Result<(), Failure>;

    /// One of several; the answer is its number, from zero.
    fn choose(&mut self, choice: &Choice) -> impl Future<Output = Result<Answer<usize>, Failure>>;

    /// Any of several; the answer holds their numbers in rising order.
    fn pick(&mut self, picks: &Picks) -> impl Future<Output = Result<Answer<Vec<usize>>, Failure>>;

    /// A line, without blanks at its ends.
    fn fill(&mut self, blank: &Blank) -> impl Future<Output = Result<Answer<String>, Failure>>;
}

/// An answer, or the wish to see the question before it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    Given(T),
    Back,
}

/// A question with one answer out of several.
#[derive(Clone, Debug)]
pub struct Choice {
    pub question: String,
    /// At least one.
    pub items: Vec<String>,
    /// The number of the one that is taken with an empty answer.
    pub default: usize,
}

/// A question with any number of answers out of several.
#[derive(Clone, Debug)]
pub struct Picks {
    pub question: String,
    /// Each with whether it is taken with an empty answer; at least one.
    pub items: Vec<(String, bool)>,
}

/// A question that is answered with a line.
#[derive(Clone, Debug)]
pub struct Blank {
    pub question: String,
    /// What an empty line means; without it a line must be typed.
    pub default: Option<String>,
}
