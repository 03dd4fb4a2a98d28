//! The loop: connects, looks where every step stands, runs what is ready, and goes on after anything was lost.
//!
//! The record on the box is the only memory. When the connection is gone, everything here is thrown away and made
//! again from the record over a new connection; so a lost connection, a killed engine and a new workstation are
//! one case, not three.

mod decide;
mod drive;
mod keeper;
mod link_up;
mod schedule;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::watch;

pub use decide::{Because, Next, next};
pub(crate) use link_up::no_room;

use crate::{
    event::{self, Event, Kind, Outcome},
    failure::{Exit, Failure},
    link::Link,
    step::{Graph, StepId},
};

/// What a run is given.
#[derive(Clone)]
pub struct Request {
    pub graph: Graph,
    /// The box file's text and the plan, kept on the box with the run.
    pub boxfile: String,
    pub plan: serde_json::Value,
    /// The box's name, and its profile, as events tell them.
    pub name: String,
    pub profile: String,
    /// Shown to a second run that finds the lock taken.
    pub display: String,
    /// The identity this workstation knows the box by; another one is another box.
    pub expect_box: Option<String>,
    /// How long a box may be away before the run gives up.
    pub reconnect: Duration,
    /// Steps that the operator lets act again, whatever their record says.
    pub again: BTreeSet<StepId>,
    /// Steps that may run side by side.
    pub side_by_side: usize,
    /// Steps of earlier runs that the graph does not have: told, never silent.
    pub left: Vec<String>,
}

/// What a person or a signal wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    GoOn,
    /// Begin nothing new and let go; jobs on the box go on.
    Detach,
}

/// The likely cause of a failure, from its last lines.
pub type Hint = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Tells events to whoever listens, numbered and dated.
pub(crate) struct Teller<'a> {
    say: &'a mut dyn FnMut(&Event),
    seq: u64,
    run: u64,
}

impl Teller<'_> {
    /// Numbers the event, shows it, and returns its line for the record.
    fn tell(&mut self, kind: Kind) -> String {
        self.seq += 1;
        let at = jiff::Timestamp::now().to_string();
        let event = Event { schema: event::SCHEMA.into(), seq: self.seq, at, run: self.run, kind };
        (self.say)(&event);
        serde_json::to_string(&event).unwrap_or_default()
    }
}

/// Runs a graph to its end, or to the first failure.
///
/// Errors are those that came before the first step: an unreachable box, a refused key, another box. What happens
/// to the steps is the outcome.
pub async fn run(
    request: &Request,
    link: &Arc<Link>,
    hint: &Hint,
    wish: watch::Receiver<Wish>,
    say: &mut dyn FnMut(&Event),
) -> Result<Outcome, Failure> {
    let mut teller = Teller { say, seq: 0, run: 0 };
    let mut session = link_up::Session::new(request, link);
    let mut memory = schedule::Memory::default();
    loop {
        let (client, standings) = match session.open(&mut teller, &wish).await? {
            link_up::Opened::Ready(client, standings) => (client, standings),
            link_up::Opened::Over(outcome) => return Ok(finish(outcome, &mut teller)),
        };
        let keeper = keeper::Keeper::new(client.clone());
        memory.look(request, &standings, &mut teller, &keeper);
        let means = schedule::Means { request, link, hint, client: &client, keeper: &keeper };
        match schedule::steps(means, &mut memory, &mut teller, wish.clone()).await {
            schedule::Pass::Over(outcome) => {
                keeper.keep(teller.tell(Kind::RunFinished { outcome: outcome.clone() }));
                keeper.close().await;
                return Ok(outcome);
            }
            schedule::Pass::Lost(why) => session.lost(why, &mut teller),
        }
    }
}

fn finish(outcome: Outcome, teller: &mut Teller<'_>) -> Outcome {
    teller.tell(Kind::RunFinished { outcome: outcome.clone() });
    outcome
}

/// The failure of a run that finds another one at work.
pub fn locked(holder: &str) -> Failure {
    Failure::new(Exit::Locked, format!("another run holds the lock: {holder}"))
        .hint("`ciab status` shows what it does, `ciab logs -f` follows it, `ciab cancel` ends it")
}

/// The exit code of an outcome.
pub fn exit_of(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Done { .. } => Exit::Done,
        Outcome::Failed { .. } => Exit::Step,
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::Locked { .. } => Exit::Locked,
        Outcome::Lost { .. } => Exit::Unreachable,
    }
}
