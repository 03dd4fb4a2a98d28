//! Drives one step to its end: starts its job or finds it running, follows it, confirms it, asks its probe.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc::UnboundedSender, time::sleep};

use super::{Because, Next};
use crate::{
    agent::{
        client::{AskError, Client},
        wire::{Fault, Reply, Request, State},
    },
    event::Kind,
    failpoint,
    link::Link,
    step::{Action, Answer, Probe, Step},
};

/// Lines of output kept for the message when a step fails.
const TAIL: usize = 20;
/// How often a restart that has been begun is asked after.
const REBOOT_LOOK: Duration = Duration::from_millis(500);
/// How often a service that was just started is asked again.
const SETTLE_LOOK: Duration = Duration::from_secs(1);
/// How often a new connection is tried that shall confirm a guarded change.
const CONFIRM_AGAIN: Duration = Duration::from_secs(2);

/// How a step came out.
#[derive(Debug)]
pub(super) enum Ended {
    Done,
    /// Its effect is there, but it had other inputs than it has now: it must act once more.
    Outdated {
        attempt: u32,
    },
    Failed {
        attempt: u32,
        error: String,
        tail: Vec<String>,
    },
    /// It began, and its end was not written though the connection lives: the record decides anew.
    Doubt {
        attempt: u32,
        why: String,
    },
    /// The pause after a failure is over: it may be decided anew.
    Rested,
    /// The connection is gone; the record knows the rest.
    Lost {
        why: String,
    },
}

impl From<AskError> for Ended {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Lost(why) => Self::Lost { why },
            // The connection will be gone in a moment, and the box comes back or does not.
            going @ AskError::Fault(Fault::GoingDown) => Self::Lost { why: going.to_string() },
            other => Self::Failed { attempt: 0, error: other.to_string(), tail: vec![] },
        }
    }
}

/// One step on its way.
pub(super) struct Drive {
    pub client: Client,
    pub link: Arc<Link>,
    pub step: Step,
    pub events: UnboundedSender<Kind>,
    /// Whether the latest attempt had the inputs that the graph has now.
    pub same_inputs: bool,
}

impl Drive {
    /// Goes on from what was decided. `Skip`, `Stop` and `Repair` are the caller's.
    pub(super) async fn go(self, next: Next) -> Ended {
        let result = match next {
            Next::Adopt { attempt } => self.adopt(attempt).await,
            Next::Run { .. } if matches!(self.step.action, Action::Wait { .. }) => self.wait().await,
            Next::Run { attempt, because } => self.start(attempt, because).await,
            Next::Follow { attempt } => {
                self.say(Kind::StepFollowed { step: self.name(), attempt, title: self.step.title.clone() });
                self.follow(attempt, Instant::now(), self.same_inputs).await
            }
            Next::Finish { attempt } => self.finish(attempt, Instant::now(), vec![], self.same_inputs).await,
            Next::Skip | Next::Stop { .. } | Next::Repair { .. } => Ok(Ended::Done),
        };
        result.unwrap_or_else(Ended::from)
    }

    fn name(&self) -> String {
        self.step.id.to_string()
    }

    fn say(&self, kind: Kind) {
        // The loop that prints may have left already; the step's record does not depend on it.
        let _ = self.events.send(kind);
    }

    async fn adopt(&self, attempt: u32) -> Result<Ended, AskError> {
        match self.client.ask(Request::Adopt { step: self.step.id.clone() }).await? {
            Reply::Finished(Answer::Holds) => {
                self.say(Kind::StepSkipped { step: self.name(), adopted: true });
                Ok(Ended::Done)
            }
            Reply::Finished(_) => self.start(attempt, Because::First).await,
            _ => Err(AskError::Odd),
        }
    }

    async fn start(&self, attempt: u32, because: Because) -> Result<Ended, AskError> {
        let (step, title) = (self.name(), self.step.title.clone());
        match because {
            Because::Drifted { why } => self.say(Kind::StepDrifted { step: step.clone(), why }),
            Because::InDoubt { why } => {
                let then = "it may be repeated: it acts again".to_owned();
                self.say(Kind::StepInDoubt { step: step.clone(), attempt: attempt - 1, why, then });
            }
            Because::First | Because::Changed | Because::Failed => {}
        }
        self.say(Kind::StepStarted { step, attempt, title });
        let began = Instant::now();
        match self.client.ask(Request::Start { step: self.step.id.clone(), attempt }).await? {
            Reply::Started => {}
            _ => return Err(AskError::Odd),
        }
        failpoint::hit("engine-started");
        self.follow(attempt, began, true).await
    }

    async fn follow(&self, attempt: u32, began: Instant, same_inputs: bool) -> Result<Ended, AskError> {
        let mut from = 0;
        let mut tail: Vec<String> = Vec::new();
        let mut slow = false;
        loop {
            let question = Request::Follow { step: self.step.id.clone(), attempt, from };
            let Reply::Output(output) = self.client.ask(question).await? else { return Err(AskError::Odd) };
            from = output.next;
            if !output.text.is_empty() {
                tail.extend(output.text.lines().map(str::to_owned));
                let old = tail.len().saturating_sub(TAIL);
                tail.drain(..old);
                self.say(Kind::StepOutput { step: self.name(), attempt, text: output.text });
            }
            if !slow && began.elapsed() > self.step.limit.soft() {
                slow = true;
                self.say(Kind::StepSlow { step: self.name(), attempt, after: self.step.limit.soft });
            }
            match output.state {
                State::Active => {}
                State::Ended => {
                    failpoint::hit("engine-ended");
                    return self.finish(attempt, began, tail, same_inputs).await;
                }
                State::Done => return Ok(Ended::Done),
                State::Failed { exit } => {
                    return Ok(Ended::Failed { attempt, error: exit.to_string(), tail });
                }
                // The box is going down, or somebody stopped it: what follows shows in the record.
                State::InDoubt { why } => return Ok(Ended::Doubt { attempt, why }),
                State::Waiting => {
                    let why = "the box went down before it began".to_owned();
                    return Ok(Ended::Doubt { attempt, why });
                }
                State::Prepared => {
                    let error = "systemd did not start its unit".to_owned();
                    return Ok(Ended::Failed { attempt, error, tail });
                }
            }
        }
    }

    async fn finish(
        &self,
        attempt: u32,
        began: Instant,
        tail: Vec<String>,
        same_inputs: bool,
    ) -> Result<Ended, AskError> {
        if let Some(guard) = &self.step.guard {
            self.say(Kind::GuardArmed { step: self.name(), seconds: guard.seconds });
            if let Err(error) = self.confirm(attempt, Duration::from_secs(guard.seconds.into())).await {
                return Ok(Ended::Failed { attempt, error, tail });
            }
            self.say(Kind::GuardConfirmed { step: self.name() });
        }
        let ended = Instant::now();
        loop {
            let question = Request::Finish { step: self.step.id.clone(), attempt };
            let Reply::Finished(answer) = self.client.ask(question).await? else { return Err(AskError::Odd) };
            failpoint::hit("engine-finished");
            let error = match answer {
                Answer::Holds if same_inputs => {
                    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    self.say(Kind::StepDone { step: self.name(), attempt, millis });
                    return Ok(Ended::Done);
                }
                Answer::Holds => return Ok(Ended::Outdated { attempt }),
                Answer::Missing(_) if self.rebooting(began) => {
                    sleep(REBOOT_LOOK).await;
                    continue;
                }
                Answer::Missing(_) | Answer::CannotTell(_) if self.settling(ended) => {
                    sleep(SETTLE_LOOK).await;
                    continue;
                }
                Answer::Missing(why) => format!("it ended well, but its effect is not there: {why}"),
                Answer::CannotTell(why) => format!("it ended well, but its probe cannot tell: {why}"),
            };
            return Ok(Ended::Failed { attempt, error, tail });
        }
    }

    /// Whether a service may still become what is asked of it: it answers a while after it was started.
    fn settling(&self, ended: Instant) -> bool {
        match self.step.probe {
            Probe::Asks { within, .. } => ended.elapsed() < Duration::from_secs(within.into()),
            _ => false,
        }
    }

    fn rebooting(&self, began: Instant) -> bool {
        matches!(self.step.action, Action::Reboot) && began.elapsed() < self.step.limit.hard()
    }

    /// Confirms over a connection made after the change: only that proves that the box can still be reached.
    async fn confirm(&self, attempt: u32, patience: Duration) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let why = match self.link.connect().await {
                Ok(fresh) => {
                    let _ = fresh.ask(Request::Hello { version: crate::agent::wire::VERSION }).await;
                    match fresh.ask(Request::Confirm { step: self.step.id.clone(), attempt }).await {
                        Ok(_) => return Ok(()),
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.failure.message,
            };
            if began.elapsed() >= patience {
                return Err(format!(
                    "no new connection could confirm the change, so it is taken back: {why}"
                ));
            }
            sleep(CONFIRM_AGAIN).await;
        }
    }

    async fn wait(&self) -> Result<Ended, AskError> {
        let Action::Wait { every } = self.step.action else { return Ok(Ended::Done) };
        let (step, title) = (self.name(), self.step.title.clone());
        self.say(Kind::StepStarted { step: step.clone(), attempt: 0, title });
        let began = Instant::now();
        let mut slow = false;
        loop {
            let Reply::Answer(answer) =
                self.client.ask(Request::Probe { step: self.step.id.clone() }).await?
            else {
                return Err(AskError::Odd);
            };
            let why = match answer {
                Answer::Holds => {
                    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    self.say(Kind::StepDone { step, attempt: 0, millis });
                    return Ok(Ended::Done);
                }
                Answer::Missing(why) | Answer::CannotTell(why) => why,
            };
            if began.elapsed() >= self.step.limit.hard() {
                let error = format!("waited {} s in vain: {why}", self.step.limit.hard);
                return Ok(Ended::Failed { attempt: 0, error, tail: vec![] });
            }
            if !slow && began.elapsed() > self.step.limit.soft() {
                slow = true;
                self.say(Kind::StepSlow { step: self.name(), attempt: 0, after: self.step.limit.soft });
            }
            sleep(Duration::from_secs(every.into())).await;
        }
    }
}
