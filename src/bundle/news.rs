//! What long work says while it goes on; `cmd` gives it to the printer.

/// Takes news; several threads of the work may speak at once.
pub trait Listener: Sync {
    fn hear(&self, news: News<'_>);
}

/// One thing that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// A stage of so many units begins.
    Stage { title: &'a str, units: Units, total: u64 },
    /// So many more units are done.
    Advanced(u64),
    /// A sentence about the object at hand, for the log.
    Said(&'a str),
    /// The stage has ended.
    Ended,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    Bytes,
    Things,
}

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Listener for Nobody {
    fn hear(&self, _: News<'_>) {}
}
