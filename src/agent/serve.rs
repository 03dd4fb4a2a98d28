//! The helper's conversation with its engine: reads requests, answers each from a thread of its own.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context, Result};

use super::{
    boot, bundle, documents, guard, install,
    keep::Keep,
    lock::{self, Lease, Lock},
    news::News,
    probe,
    record::{Attempt, Block, Done, Record, Spec, read_json, write_whole},
    redact::Redactor,
    survey, tail, unit,
    want::Host,
    wire::{self, Answered, Asked, Cancel, Fault, Hello, Kept, Reply, Request, Standing, Status},
};
use crate::{
    facts::{
        Facts,
        source::{Recorder, ThisBox},
    },
    failpoint, measure,
    step::{Answer, Graph, Step, StepId},
};

/// Where another terminal leaves its wish to cancel: in memory, since it concerns only what runs now.
const CANCEL: &str = "/run/ciab-cancel";

/// What all threads of one helper share.
struct Helper {
    record: Record,
    /// The digest of this binary, which names its place among the record's helpers.
    digest: String,
    /// When this connection was made: only a younger one may confirm a guarded change.
    connected: u64,
    locked: Mutex<Option<Locked>>,
    graph: Mutex<Option<Arc<Graph>>>,
    redactor: Mutex<Redactor>,
    news: News,
}

/// What the one writer has.
struct Locked {
    _lock: Lock,
    lease: Lease,
    binary: PathBuf,
    run: u64,
}

/// Answers requests from `from` on `to` until the other side closes.
pub fn serve(
    root: &Path,
    digest: &str,
    mut from: impl Read,
    to: impl Write + Send + 'static,
) -> io::Result<()> {
    let helper = Arc::new(Helper {
        record: Record::at(root),
        digest: digest.to_owned(),
        connected: boot::clock(),
        locked: Mutex::new(None),
        graph: Mutex::new(None),
        redactor: Mutex::new(Redactor::default()),
        news: News::listen(),
    });
    helper.learn_secrets();
    let to = Arc::new(Mutex::new(to));
    while let Some(Asked { id, request }) = wire::read_asked(&mut from)? {
        if let Some(locked) = &*hold(&helper.locked) {
            locked.lease.renew();
        }
        let (helper, to) = (Arc::clone(&helper), Arc::clone(&to));
        thread::spawn(move || {
            let reply = helper.answer(request);
            // Nobody listens any more: the reading side ends this helper.
            let _ = wire::write_frame(&mut *hold(&to), &Answered { id, reply });
        });
    }
    Ok(())
}

/// A poisoned lock means a thread panicked while it held it; the data are still the best there are.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Helper {
    fn answer(&self, request: Request) -> Result<Reply, Fault> {
        let fault = |error: anyhow::Error| Fault::failed(&error);
        match request {
            // What it reads are the record's first words: without them nothing can be done here.
            Request::Hello { version } => self.hello(version).map_err(|error| Fault::damaged(&error)),
            Request::Ping => Ok(Reply::Pong { cancel: self.cancelled() }),
            Request::Facts => facts().map_err(fault),
            Request::Measure { requests } => Ok(Reply::Measured(Box::new(measure::take(&requests)))),
            Request::Survey { graph } => self.survey(graph).map_err(fault).and_then(unless_going_down),
            Request::Status => self.status().map_err(fault),
            Request::Holder => Ok(Reply::Holder(lock::holder(&self.record))),
            Request::Follow { step, attempt, from } => self.follow(&step, attempt, from).map_err(fault),
            Request::Events { after } => {
                documents::events(&self.record, after).map(Reply::Events).map_err(fault)
            }
            Request::Probe { step } => Ok(Reply::Answer(self.probe(&step)?)),
            Request::Prove { probes } => Ok(Reply::Answers(probe::ask_all(&probes))),
            Request::Read { paths } => Ok(Reply::Files(documents::files(&paths))),
            // Like the first words: what a plan and a tree are made from is whole, or nothing is made.
            Request::Bound => self.bound().map_err(|error| Fault::damaged(&error)),
            Request::Support => {
                documents::support(&self.record, &hold(&self.redactor)).map(Reply::Support).map_err(fault)
            }
            Request::Confirm { step, attempt } => self.confirm(&step, attempt).map_err(fault),
            Request::Cancel { now } => self.cancel(now).map_err(fault),
            Request::Lock { display, name } => self.lock(&display, &name),
            writing => {
                let Some((binary, run)) = hold(&self.locked).as_ref().map(|l| (l.binary.clone(), l.run))
                else {
                    return Err(Fault::NotLocked);
                };
                let secrets = matches!(writing, Request::Secrets { .. });
                match self.write(writing, &binary, run) {
                    // What was not found or not started may only have been stopped before.
                    Ok(Reply::Finished(answer)) if answer != Answer::Holds => {
                        unless_going_down(Reply::Finished(answer))
                    }
                    Err(_) if boot::stopping() => Err(Fault::GoingDown),
                    Err(error) if secrets => Err(Fault::damaged(&error.context("secrets.yaml of the box"))),
                    other => other.map_err(fault),
                }
            }
        }
    }

    /// The requests that only the holder of the lock may make.
    fn write(&self, request: Request, binary: &Path, run: u64) -> Result<Reply> {
        match request {
            Request::Unlock => {
                *hold(&self.locked) = None;
                Ok(Reply::Nothing)
            }
            Request::Secrets { names } => {
                let mut keep = Keep::open(&self.record)?;
                keep.ensure(&names)?;
                self.learn_secrets();
                Ok(Reply::Secrets(keep.for_render()))
            }
            Request::SaveBound { bound } => {
                write_whole(&self.record.path("bound.json"), &serde_json::to_vec_pretty(&bound)?)?;
                Ok(Reply::Nothing)
            }
            Request::Begin { boxfile, plan, graph } => self.begin(&boxfile, &plan, graph),
            Request::Resume { run } => {
                let current = self.record.run()?;
                anyhow::ensure!(current == run, "run {current} has begun since: this one is over");
                if let Some(locked) = hold(&self.locked).as_mut() {
                    locked.run = run;
                }
                Ok(Reply::Begun { run })
            }
            Request::Start { step, attempt } => self.start(&step, attempt, binary, run),
            Request::Finish { step, attempt } => self.finish(&step, attempt),
            Request::Adopt { step } => self.adopt(&step, run),
            Request::Stop { step, attempt } => unit::stop(&step, attempt).map(|()| Reply::Nothing),
            Request::Bundle(request) => bundle::answer(request).map(Reply::Bundle),
            Request::Say { line } => documents::say(&self.record, &line).map(|()| Reply::Nothing),
            other => anyhow::bail!("this is no request that writes: {other:?}"),
        }
    }

    fn hello(&self, version: u32) -> Result<Reply> {
        if version != wire::VERSION {
            anyhow::bail!("engine and helper speak different versions ({version} and {})", wire::VERSION);
        }
        let identity = self.record.identity()?;
        Ok(Reply::Hello(Box::new(Hello {
            version: wire::VERSION,
            name: identity.as_ref().map(|identity| identity.name.clone()),
            box_id: identity.map(|identity| identity.box_id),
            run: self.record.run()?,
            boot: boot::current()?,
            hostname: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            root: nix::unistd::geteuid().is_root(),
        })))
    }

    fn lock(&self, display: &str, name: &str) -> Result<Reply, Fault> {
        let mut locked = hold(&self.locked);
        let identity = self
            .record
            .create(name, || crate::secrets::random_hex(16))
            .map_err(|error| Fault::damaged(&error))?;
        if locked.is_none() {
            let lock = Lock::take(&self.record, display)?;
            let binary = install::keep_helper(&self.record, &self.digest).map_err(|e| Fault::failed(&e))?;
            // A wish to cancel an earlier run is none for this one.
            let _ = std::fs::remove_file(CANCEL);
            *locked = Some(Locked { _lock: lock, lease: Lease::start(), binary, run: 0 });
        }
        Keep::open(&self.record).and_then(|mut keep| keep.box_key()).map_err(|e| Fault::damaged(&e))?;
        let last_event = documents::last_event(&self.record);
        Ok(Reply::Locked { box_id: identity.box_id, last_event })
    }

    fn survey(&self, graph: Graph) -> Result<Reply> {
        let faults = graph.faults();
        anyhow::ensure!(faults.is_empty(), "the graph is not sound: {}", faults.join("; "));
        let key = Keep::open(&self.record)?.known_box_key();
        let standings = survey::survey(&self.record, &graph, key.as_deref())?;
        *hold(&self.graph) = Some(Arc::new(graph));
        Ok(Reply::Survey(standings))
    }

    fn begin(&self, boxfile: &str, plan: &serde_json::Value, graph: Graph) -> Result<Reply> {
        let documents = [
            ("box.yaml", boxfile.as_bytes().to_vec()),
            ("plan.json", serde_json::to_vec_pretty(plan)?),
            ("graph.json", serde_json::to_vec(&graph)?),
        ];
        let documents: Vec<(&str, &[u8])> =
            documents.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let run = self.record.begin(&documents)?;
        if let Some(locked) = hold(&self.locked).as_mut() {
            locked.run = run;
        }
        *hold(&self.graph) = Some(Arc::new(graph));
        failpoint::hit("serve-begun");
        Ok(Reply::Begun { run })
    }

    fn start(&self, step: &StepId, attempt: u32, binary: &Path, run: u64) -> Result<Reply> {
        let attempt = self.record.attempt(step, attempt);
        let spec = self.spec(step, run)?;
        attempt.prepare(&spec)?;
        failpoint::hit("serve-prepared");
        // A reply that was lost: the attempt has been started, and its state tells the rest. While its unit is
        // loaded, systemd refuses the name.
        let fresh = attempt.began()? == Block::Blank && attempt.end()? == Block::Blank;
        if fresh
            && let Err(error) = unit::start(binary, self.record.root(), &spec.step, &attempt)
            && !unit::is_loaded(step, attempt.number)?
        {
            return Err(error);
        }
        failpoint::hit("serve-started");
        Ok(Reply::Started)
    }

    fn finish(&self, step: &StepId, number: u32) -> Result<Reply> {
        let attempt = self.record.attempt(step, number);
        // What was begun is judged by its own specification, not by what the graph says today.
        let spec = attempt.spec()?.written().context("the specification is missing or damaged")?;
        if spec.step.guard.is_some() {
            let of = guard::Attempt { step, attempt: number };
            let state = guard::state(of, &Host::here(BTreeMap::new()))?;
            if state != guard::GuardState::Confirmed {
                return Ok(Reply::Finished(Answer::CannotTell("nobody has confirmed the change yet".into())));
            }
        }
        let answer = probe::ask(&spec.step, Some(&attempt));
        failpoint::hit("serve-probed");
        if answer == Answer::Holds {
            attempt.write_done(&Done { inputs: spec.inputs, proof: answer.clone() })?;
        }
        failpoint::hit("serve-done");
        Ok(Reply::Finished(answer))
    }

    fn adopt(&self, step: &StepId, run: u64) -> Result<Reply> {
        let spec = self.spec(step, run)?;
        anyhow::ensure!(
            survey::adoptable(&spec.step),
            "the probe of step `{step}` does not compare its inputs"
        );
        let answer = probe::ask(&spec.step, None);
        if answer == Answer::Holds {
            let number = self.record.latest(step)?.map_or(0, |attempt| attempt.number) + 1;
            let attempt = self.record.attempt(step, number);
            attempt.prepare(&spec)?;
            attempt.write_done(&Done { inputs: spec.inputs, proof: answer.clone() })?;
        }
        Ok(Reply::Finished(answer))
    }

    fn spec(&self, step: &StepId, run: u64) -> Result<Spec> {
        let graph = self.graph()?;
        let key = Keep::open(&self.record)?.known_box_key().context("the box has no key yet")?;
        let inputs = survey::inputs(&graph, &key)?.remove(step.as_str()).context("no such step")?;
        Ok(Spec { run, step: self.step(step)?, inputs })
    }

    fn graph(&self) -> Result<Arc<Graph>> {
        hold(&self.graph).clone().context("no graph was sent yet")
    }

    fn step(&self, id: &StepId) -> Result<Step> {
        self.graph()?.get(id.as_str()).cloned().with_context(|| format!("the graph has no step `{id}`"))
    }

    fn probe(&self, id: &StepId) -> Result<Answer, Fault> {
        let ask = || -> Result<Answer> {
            let attempt = self.record.latest(id)?;
            Ok(probe::ask(&self.step(id)?, attempt.as_ref()))
        };
        ask().map_err(|error| Fault::failed(&error))
    }

    fn follow(&self, step: &StepId, attempt: u32, from: u64) -> Result<Reply> {
        let attempt: Attempt = self.record.attempt(step, attempt);
        let redactor = hold(&self.redactor).clone();
        Ok(Reply::Output(tail::follow(step, &attempt, from, &redactor, &self.news)?))
    }

    fn status(&self) -> Result<Reply> {
        let identity = self.record.identity()?;
        let graph: Option<Graph> = self.record.document("graph.json")?;
        let standings: Vec<Standing> = match &graph {
            Some(graph) => {
                let key = Keep::open(&self.record)?.known_box_key();
                survey::survey(&self.record, graph, key.as_deref())?
            }
            None => Vec::new(),
        };
        Ok(Reply::Status(Box::new(Status {
            run: self.record.run()?,
            box_id: identity.map(|identity| identity.box_id),
            holder: lock::holder(&self.record),
            graph,
            standings,
            last_event: documents::last_event(&self.record),
        })))
    }

    fn bound(&self) -> Result<Reply> {
        let bound = read_json(&self.record.path("bound.json"))?;
        let boxfile = documents::current_box_file(&self.record)?;
        let plan = self.record.document("plan.json")?;
        let secrets = Keep::open(&self.record)?.for_render();
        Ok(Reply::Bound(Box::new(Kept { bound, boxfile, plan, steps: self.record.steps()?, secrets })))
    }

    fn confirm(&self, step: &StepId, number: u32) -> Result<Reply> {
        let attempt = self.record.attempt(step, number);
        let end = attempt.end()?.written().context("the change has not ended")?;
        anyhow::ensure!(
            end.boot != boot::current()? || self.connected > end.at,
            "this connection is older than the change: only a new one proves that the box can be reached"
        );
        guard::confirm(guard::Attempt { step, attempt: number }, &Host::here(BTreeMap::new()))?;
        Ok(Reply::Nothing)
    }

    fn cancelled(&self) -> Option<Cancel> {
        match std::fs::read_to_string(CANCEL).ok()?.trim() {
            "now" => Some(Cancel::Now),
            _ => Some(Cancel::NoNewSteps),
        }
    }

    fn cancel(&self, now: bool) -> Result<Reply> {
        anyhow::ensure!(
            lock::holder(&self.record).is_some() || !unit::loaded()?.is_empty(),
            "nothing is running on this box"
        );
        std::fs::write(CANCEL, if now { "now\n" } else { "no-new-steps\n" })
            .context("leave the wish to cancel")?;
        if now {
            unit::stop_all()?;
        }
        Ok(Reply::Nothing)
    }

    fn learn_secrets(&self) {
        if let Ok(keep) = Keep::open(&self.record) {
            *hold(&self.redactor) = Redactor::new(keep.confidential());
        }
    }
}

/// The reply, if the box was not going down while it was made.
fn unless_going_down(reply: Reply) -> Result<Reply, Fault> {
    if boot::stopping() { Err(Fault::GoingDown) } else { Ok(reply) }
}

/// Reads the facts once through a recorder: the other side reads them again from what was recorded.
fn facts() -> Result<Reply> {
    let recorder = Recorder::new(ThisBox::default());
    let _ = Facts::read(&recorder);
    Ok(Reply::Facts(Box::new(recorder.into_recording())))
}
