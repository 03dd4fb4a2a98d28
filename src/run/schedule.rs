//! Runs what is ready, side by side where nothing is held twice, until all is done, something failed, or the
//! connection is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{interval, sleep},
};

use super::{
    Hint, Next, Request, Teller, Wish, decide,
    drive::{Drive, Ended},
    keeper::Keeper,
    link_up::leaving,
};
use crate::{
    agent::{
        client::{AskError, Client},
        wire::{self, Cancel, Reply, Standing},
    },
    event::{Kind, Outcome},
    link::Link,
    step::{InDoubt, Step, StepId},
};

/// How often the helper hears from its engine, well within its lease; also how soon a `cancel` is seen.
const PING: Duration = Duration::from_secs(2);
/// The longest pause between two tries of a step.
const LONGEST_RETRY: u32 = 300;

/// A step whose end is never written is not begun for ever: a helper that cannot be executed ends that way.
const MOST_DOUBTS: u32 = 3;

/// What is known of the steps: made anew from the record at each connection, except what only this process knows.
#[derive(Default)]
pub(super) struct Memory {
    standings: BTreeMap<StepId, Standing>,
    done: BTreeSet<StepId>,
    ran: BTreeSet<StepId>,
    /// Failures of each step in this process, for its retries.
    tries: BTreeMap<StepId, u32>,
    /// How often the end of a step was not written while this process looked on.
    doubts: BTreeMap<StepId, u32>,
    told: BTreeSet<StepId>,
    started: bool,
}

/// How a pass over one connection ended.
pub(super) enum Pass {
    Over(Outcome),
    Lost(String),
}

impl Memory {
    /// Takes in a survey, and tells what it shows.
    pub(super) fn look(
        &mut self,
        request: &Request,
        standings: &[Standing],
        teller: &mut Teller<'_>,
        keeper: &Keeper,
    ) {
        self.standings = standings.iter().map(|s| (s.step.clone(), s.clone())).collect();
        self.done.clear();
        let on_demand = on_demand(&request.graph.steps);
        let mut skipped = Vec::new();
        for step in request.graph.steps.iter().filter(|step| !on_demand.contains(&step.id)) {
            let Some(standing) = self.standings.get(&step.id) else { continue };
            let again = request.again.contains(&step.id) && !self.ran.contains(&step.id);
            if decide::next(step, standing, again) == Next::Skip {
                self.done.insert(step.id.clone());
                if self.told.insert(step.id.clone()) && !self.ran.contains(&step.id) {
                    skipped.push(step.id.to_string());
                }
            }
        }
        let mut lines = Vec::new();
        if !self.started {
            self.started = true;
            let steps = request.graph.steps.len() - on_demand.len();
            let (profile, name) = (request.profile.clone(), request.name.clone());
            lines.push(teller.tell(Kind::RunStarted { steps, holding: skipped.len(), profile, name }));
            if !request.left.is_empty() {
                lines.push(teller.tell(Kind::LeftOnBox { steps: request.left.clone() }));
            }
        }
        lines.extend(skipped.into_iter().map(|step| teller.tell(Kind::StepSkipped { step, adopted: false })));
        for line in lines {
            keeper.keep(line);
        }
    }
}

impl Memory {
    /// What to do with a step. A change that this run made and the box took back ends the run: begun anew, it would cut
    /// the box off for ever.
    fn next(&self, step: &Step, standing: &Standing, again: bool) -> Next {
        match &standing.state {
            wire::State::Failed { exit: exit @ wire::Exit::Reverted } if self.ran.contains(&step.id) => {
                Next::Stop { why: exit.to_string() }
            }
            _ => decide::next(step, standing, again),
        }
    }
}

/// Steps that only run to repair another.
fn on_demand(steps: &[Step]) -> BTreeSet<StepId> {
    let repair = |step: &Step| match &step.in_doubt {
        InDoubt::Repair(by) => Some(by.clone()),
        _ => None,
    };
    steps.iter().filter_map(repair).collect()
}

/// What one pass works with.
pub(super) struct Means<'a> {
    pub request: &'a Request,
    pub link: &'a Arc<Link>,
    pub hint: &'a Hint,
    pub client: &'a Client,
    pub keeper: &'a Keeper,
}

/// One pass: everything that can be done over this connection.
pub(super) async fn steps(
    means: Means<'_>,
    memory: &mut Memory,
    teller: &mut Teller<'_>,
    mut wish: watch::Receiver<Wish>,
) -> Pass {
    let Means { request, link, hint, client, keeper } = means;
    let on_demand = on_demand(&request.graph.steps);
    let wanted: Vec<&Step> =
        request.graph.steps.iter().filter(|step| !on_demand.contains(&step.id)).collect();
    let (events, mut told) = mpsc::unbounded_channel();
    let mut running: BTreeMap<StepId, Step> = BTreeMap::new();
    let mut tasks: JoinSet<(StepId, Ended)> = JoinSet::new();
    let mut failed: Option<StepId> = None;
    let mut cancelled: Option<Cancel> = None;
    let mut ping = interval(PING);
    loop {
        if failed.is_none() && cancelled.is_none() {
            for step in &wanted {
                if running.len() >= request.side_by_side {
                    break;
                }
                let free = |id: &StepId| !memory.done.contains(id) && !running.contains_key(id);
                let ready = free(&step.id)
                    && step.before().all(|before| memory.done.contains(before))
                    && !running.values().any(|other| step.excludes(other));
                if !ready {
                    continue;
                }
                let Some(standing) = memory.standings.get(&step.id) else { continue };
                let again = request.again.contains(&step.id) && !memory.ran.contains(&step.id);
                match memory.next(step, standing, again) {
                    Next::Skip => {
                        memory.done.insert(step.id.clone());
                    }
                    Next::Stop { why } => {
                        let hint =
                            format!("look at the box; then `ciab deploy --again {}` lets it act", step.id);
                        let attempt = standing.attempt;
                        let kind = failure(step, attempt, why, vec![], Some(hint));
                        keeper.keep(teller.tell(kind));
                        failed = Some(step.id.clone());
                        break;
                    }
                    next => {
                        let mend = match &next {
                            Next::Repair { by, .. } => request.graph.get(by.as_str()),
                            _ => None,
                        };
                        if let Some(mend) = mend {
                            let busy = running.contains_key(&mend.id);
                            if busy || running.values().any(|other| mend.excludes(other)) {
                                continue;
                            }
                            running.insert(mend.id.clone(), mend.clone());
                        }
                        running.insert(step.id.clone(), (*step).clone());
                        memory.ran.insert(step.id.clone());
                        let drive = |step: &Step, same_inputs| Drive {
                            client: client.clone(),
                            link: Arc::clone(link),
                            step: step.clone(),
                            events: events.clone(),
                            same_inputs,
                        };
                        let main = drive(step, standing.same_inputs);
                        let repair = mend.zip(mend.and_then(|mend| memory.standings.get_mut(&mend.id)));
                        let repair = repair.map(|(mend, standing)| {
                            let next = decide::repair(mend, standing);
                            let drive = drive(mend, standing.same_inputs);
                            // What repairs another doubt of this run is another attempt.
                            standing.attempt = next.attempt().unwrap_or(standing.attempt);
                            standing.state = wire::State::Failed { exit: wire::Exit::Code(1) };
                            (drive, next)
                        });
                        let id = step.id.clone();
                        tasks.spawn(async move { (id, go(main, next, repair).await) });
                    }
                }
            }
        }
        if tasks.is_empty() {
            while let Ok(kind) = told.try_recv() {
                keeper.keep(teller.tell(kind));
            }
            if let Some(step) = failed {
                return Pass::Over(Outcome::Failed { step: step.to_string() });
            }
            if cancelled.is_some() {
                return Pass::Over(Outcome::Interrupted);
            }
            if wanted.iter().all(|step| memory.done.contains(&step.id)) {
                let ran = memory.ran.len();
                return Pass::Over(Outcome::Done { ran, held: wanted.len() - ran.min(wanted.len()) });
            }
            // Nothing runs, nothing failed, something is left: the graph has a cycle, which its check excludes.
            return Pass::Over(Outcome::Failed { step: "none is ready".into() });
        }
        tokio::select! {
            biased;
            () = leaving(&mut wish) => return Pass::Over(Outcome::Interrupted),
            Some(kind) = told.recv() => keeper.keep(teller.tell(kind)),
            Some(joined) = tasks.join_next() => {
                let Ok((id, ended)) = joined else { continue };
                let Some(step) = running.remove(&id) else { continue };
                if let InDoubt::Repair(by) = &step.in_doubt {
                    running.remove(by);
                }
                // What the step said comes before how it ended.
                while let Ok(kind) = told.try_recv() {
                    keeper.keep(teller.tell(kind));
                }
                match ended {
                    Ended::Done => { memory.done.insert(id); }
                    Ended::Rested => {}
                    Ended::Doubt { attempt, why } => {
                        let doubts = memory.doubts.entry(id.clone()).or_default();
                        *doubts += 1;
                        if *doubts < MOST_DOUBTS {
                            return Pass::Lost(why);
                        }
                        let error = format!("nobody could say how it ended, {doubts} times: {why}");
                        keeper.keep(teller.tell(failure(&step, attempt, error, vec![], None)));
                        failed.get_or_insert(id);
                    }
                    Ended::Outdated { attempt } => {
                        if let Some(standing) = memory.standings.get_mut(&id) {
                            standing.attempt = standing.attempt.max(attempt);
                            standing.state = wire::State::Done;
                            standing.same_inputs = false;
                        }
                    }
                    Ended::Lost { why } => return Pass::Lost(client.lost().unwrap_or(why)),
                    Ended::Failed { attempt, error, tail } => {
                        // Whoever cancelled may have stopped it: that is asked before it is called a failure.
                        if cancelled.is_none()
                            && let Ok(Reply::Pong { cancel: Some(how) }) = client.ask(wire::Request::Ping).await
                        {
                            cancelled = Some(how);
                            keeper.keep(teller.tell(cancel_note(how)));
                        }
                        let tries = memory.tries.entry(id.clone()).or_default();
                        *tries += 1;
                        if *tries <= step.retry.times && cancelled.is_none() {
                            let delay = (step.retry.delay << (*tries - 1).min(16)).min(LONGEST_RETRY);
                            let text = tail.last().map_or(error.clone(), |line| format!("{error}: {line}"));
                            let kind = Kind::StepRetry { step: id.to_string(), attempt, error: text, delay };
                            keeper.keep(teller.tell(kind));
                            if let Some(standing) = memory.standings.get_mut(&id) {
                                standing.attempt = standing.attempt.max(attempt);
                                standing.state = wire::State::Failed { exit: wire::Exit::Code(1) };
                            }
                            running.insert(id.clone(), step);
                            tasks.spawn(async move {
                                sleep(Duration::from_secs(delay.into())).await;
                                (id, Ended::Rested)
                            });
                        } else {
                            let cause = hint(&format!("{error}\n{}", tail.join("\n")));
                            keeper.keep(teller.tell(failure(&step, attempt, error, tail, cause)));
                            if cancelled != Some(Cancel::Now) {
                                failed.get_or_insert(id);
                            }
                        }
                    }
                }
            }
            _ = ping.tick() => match client.ask(wire::Request::Ping).await {
                Ok(Reply::Pong { cancel: Some(how) }) if cancelled.is_none() => {
                    cancelled = Some(how);
                    keeper.keep(teller.tell(cancel_note(how)));
                }
                Err(AskError::Lost(why)) => return Pass::Lost(why),
                _ => {}
            },
        }
    }
}

/// Drives a step, after the step that repairs it where that is needed.
async fn go(main: Drive, next: Next, repair: Option<(Drive, Next)>) -> Ended {
    let Next::Repair { attempt, why, by } = next else { return main.go(next).await };
    let failed = |error| Ended::Failed { attempt: attempt - 1, error, tail: vec![] };
    let Some((mend, first)) = repair else { return failed("the step that repairs it does not exist".into()) };
    if let Next::Stop { why } = first {
        return failed(format!("`{by}`, which puts it right, may not simply be repeated: {why}"));
    }
    let step = main.step.id.to_string();
    let then = format!("`{by}` puts it right first");
    let _ = main.events.send(Kind::StepInDoubt { step, attempt: attempt - 1, why, then });
    match mend.go(first).await {
        Ended::Done | Ended::Outdated { .. } => {
            main.go(Next::Run { attempt, because: decide::Because::First }).await
        }
        other => other,
    }
}

fn cancel_note(how: Cancel) -> Kind {
    let text = match how {
        Cancel::NoNewSteps => "cancelled from another terminal: nothing new is begun",
        Cancel::Now => "cancelled from another terminal: what ran was stopped",
    };
    Kind::Note { text: text.into() }
}

fn failure(step: &Step, attempt: u32, error: String, tail: Vec<String>, hint: Option<String>) -> Kind {
    let log = format!("{}/steps/{}/{attempt}/out", crate::agent::record::ROOT, step.id);
    Kind::StepFailed { step: step.id.to_string(), attempt, error, tail, log, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{Action, Answer, Limit, Probe, Retry};

    #[test]
    fn a_change_that_was_taken_back_is_not_begun_again_by_the_same_run() {
        let id = StepId::new("uplink").unwrap();
        let step = Step {
            id: id.clone(),
            title: String::new(),
            needs: vec![],
            uses: vec![],
            holds: vec![],
            action: Action::Ensure(vec![]),
            probe: Probe::Action,
            limit: Limit { soft: 1, hard: 2 },
            retry: Retry::default(),
            in_doubt: InDoubt::RunAgain,
            guard: None,
            mend: None,
        };
        let state = wire::State::Failed { exit: wire::Exit::Reverted };
        let answer = Answer::Missing("gone".into());
        let standing = Standing { step: id.clone(), attempt: 1, state, same_inputs: true, answer };
        let mut memory = Memory::default();
        assert!(
            matches!(memory.next(&step, &standing, false), Next::Run { attempt: 2, .. }),
            "another run may"
        );
        memory.ran.insert(id);
        let Next::Stop { why } = memory.next(&step, &standing, false) else { panic!("it acts again") };
        assert!(why.contains("taken back"), "{why}");
    }
}
