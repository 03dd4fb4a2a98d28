//! One combination: a place, a fault, a step; then recovery, and the judgement.

use std::{fmt, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use ciab::{
    agent::wire::Exit,
    event::{Event, Kind, Outcome},
    failpoint,
    step::{Action, Graph},
};
use serde::{Deserialize, Serialize};

use crate::{
    draw::Draw,
    end_state::{self, EndState},
    engine::{Engine, Place, Side, Station, side, until},
    graph,
    host::Host,
    relay::Relay,
    results,
};

/// How long an engine may take to a place, or to its end.
const LIMIT: Duration = Duration::from_secs(120);
/// Engines started before a combination counts as stuck.
const MOST_ENGINES: usize = 6;
/// The most bytes that pass after a place before the connection is cut.
const MOST_BYTES: usize = 6000;

/// What befalls a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// SIGKILL of the engine.
    KillEngine,
    /// SIGKILL of the helper that serves it.
    KillHelper,
    /// SIGKILL of whoever is at the place: the job, or the process that writes its end.
    KillThere,
    /// All connections end at once.
    CutNet,
    /// The connection ends after so many bytes more.
    CutBytes,
    /// The box restarts in good order.
    Reboot,
    /// The box loses its power, and what was not synced.
    PowerCut,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KillEngine => "SIGKILL of the engine",
            Self::KillHelper => "SIGKILL of the helper",
            Self::KillThere => "SIGKILL of who is there",
            Self::CutNet => "connection cut",
            Self::CutBytes => "connection cut at byte N",
            Self::Reboot => "reboot",
            Self::PowerCut => "power cut",
        })
    }
}

/// A place and a fault, at a step.
#[derive(Clone, Debug)]
pub(crate) struct Combination {
    pub(crate) place: &'static str,
    pub(crate) fault: Fault,
    pub(crate) step: String,
    pub(crate) side_by_side: usize,
    /// For `CutBytes`.
    pub(crate) bytes: usize,
}

/// How it came out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Struck {
    pub(crate) place: String,
    pub(crate) fault: String,
    pub(crate) step: String,
    pub(crate) outcome: Verdict,
    /// Ends at the step that only the operator may repeat.
    pub(crate) stops: usize,
    /// Ends at a guarded change that the box took back, as a fault hit it before anybody had confirmed it.
    #[serde(default)]
    pub(crate) taken_back: usize,
    /// Exit statuses of the engines after the fault, negative for a signal.
    pub(crate) exits: Vec<i32>,
    pub(crate) recoveries: usize,
    pub(crate) seconds: f64,
    pub(crate) notes: Vec<String>,
    /// What was tested: a run may be done in pieces.
    pub(crate) commit: String,
}

/// Whether all was as it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// Nobody came to the place, so nothing was tested.
    NotReached,
}

/// Every combination, each at a step drawn for it.
pub(crate) fn all(seed: &str) -> Vec<Combination> {
    use Fault::{CutBytes, CutNet, KillEngine, KillHelper, KillThere, PowerCut, Reboot};
    let mut all = Vec::new();
    for place in failpoint::PLACES.iter().copied().chain([graph::MIDDLE]) {
        for fault in [KillEngine, KillHelper, KillThere, CutNet, CutBytes, Reboot, PowerCut] {
            let in_unit = ["job", "ended", "action"].iter().any(|start| place.starts_with(start));
            if fault == KillThere && !in_unit {
                continue;
            }
            let mut draw = Draw::of(&[seed, place, &fault.to_string()]);
            let steps = steps_for(place);
            let step = steps[draw.below(steps.len())].clone();
            let side_by_side = [1, 4][draw.below(2)];
            all.push(Combination { place, fault, step, side_by_side, bytes: 1 + draw.below(MOST_BYTES) });
        }
    }
    all
}

/// Steps whose attempts pass a place.
fn steps_for(place: &str) -> Vec<String> {
    let passes = |action: &Action, id: &str| match place {
        // The box may be gone before anybody comes there.
        "serve-started" | "engine-started" if matches!(action, Action::Reboot) => false,
        "job-acted" => matches!(action, Action::Ensure(_) | Action::Put { .. }),
        _ if id == graph::ON_DEMAND => {
            place != "engine-surveyed" && place != "engine-begun" && place != "serve-begun"
        }
        "engine-surveyed" | "engine-begun" | "serve-begun" => true,
        graph::MIDDLE => matches!(action, Action::Job { .. }) || id == "base" || id == "network",
        // The probe of a restart is answered after it, by a helper that finds nothing armed.
        "serve-done" | "serve-probed" if matches!(action, Action::Reboot) => false,
        _ => !matches!(action, Action::Wait { .. }),
    };
    let steps = graph::graph().steps.into_iter();
    steps.filter(|step| passes(&step.action, step.id.as_str())).map(|step| step.id.to_string()).collect()
}

/// Runs one combination on a host that has been reset.
pub(crate) fn strike(
    combination: &Combination,
    host: &Host,
    folder: &Path,
    binary: &Path,
    whole: &EndState,
) -> Result<Struck> {
    let began = std::time::Instant::now();
    let mut station = Station::new(folder, host, binary)?;
    station.side_by_side = combination.side_by_side;
    let relay = Relay::to(host.port)?;
    if combination.fault == Fault::CutBytes {
        station.port = relay.port;
    }
    prepare(combination, &mut station, host)?;
    let mut result = Struck {
        place: combination.place.into(),
        fault: combination.fault.to_string(),
        step: combination.step.clone(),
        outcome: Verdict::Passed,
        stops: 0,
        taken_back: 0,
        exits: vec![],
        recoveries: 0,
        seconds: 0.0,
        notes: vec![],
        commit: results::commit(),
    };
    let place = Place::arm(combination.place, &station, host)?;
    let mut engine = station.start(&graph::graph())?;
    match place.reached(host, &mut engine, LIMIT) {
        None => {
            result.outcome = Verdict::NotReached;
            place.release(host);
        }
        Some(pid) => {
            let again = befall(combination, &mut station, host, &place, &relay, &mut engine, pid)?;
            if let Some(next) = again {
                result.exits.push(-9);
                engine = next;
            }
        }
    }
    recover(&mut station, host, engine, &mut result)?;
    result.notes.extend(judge(&mut station, host, whole)?);
    let allowed = allowed(combination.fault) + result.stops + result.taken_back;
    if result.recoveries > allowed {
        result.notes.push(format!("took {} engines more, {allowed} allowed", result.recoveries));
    }
    if result.stops > 1 {
        result.notes.push(format!("the operator was asked {} times", result.stops));
    }
    // One fault hits one change; what is taken back without a fault would be a defect.
    if result.taken_back > 1 {
        result.notes.push(format!("a guarded change was taken back {} times", result.taken_back));
    }
    if combination.fault == Fault::CutBytes && !relay.has_cut() {
        result.notes.push(format!("the connection ended before byte {}", combination.bytes));
        result.outcome = Verdict::NotReached;
    } else if !result.notes.is_empty() {
        result.outcome = Verdict::Failed;
    }
    result.seconds = began.elapsed().as_secs_f64();
    Ok(result)
}

/// Brings the box to where the step is the next one to act.
fn prepare(combination: &Combination, station: &mut Station, host: &Host) -> Result<()> {
    let step = combination.step.as_str();
    let (first, doubt) = if step == graph::ON_DEMAND { ("bootstrap", true) } else { (step, false) };
    let before = graph::before(first);
    if !before.steps.is_empty() {
        let exit = station.run(&before, LIMIT)?;
        if exit != 0 {
            bail!("what comes before `{step}` ended with {exit}: {}", station.complaint());
        }
    }
    if doubt {
        // The step that repairs acts only when there is something to repair.
        let mut broken = graph::before("network");
        broken.steps.retain(|step| step.id.as_str() != "once");
        let place = Place::arm(graph::MIDDLE, station, host)?;
        let mut engine = station.start(&broken)?;
        let pid = place.reached(host, &mut engine, LIMIT).context("nobody began the bootstrap")?;
        host.exec(&format!("kill -KILL {pid}"))?;
        place.release(host);
        let exit = engine.wait(LIMIT)?;
        if exit != 4 {
            bail!("a killed bootstrap ended with {exit} and not 4: {}", station.complaint());
        }
    }
    Ok(())
}

/// Does it. Returns the next engine where the first is gone.
fn befall(
    combination: &Combination,
    station: &mut Station,
    host: &Host,
    place: &Place,
    relay: &Relay,
    engine: &mut Engine,
    pid: u32,
) -> Result<Option<Engine>> {
    match combination.fault {
        Fault::KillEngine => {
            engine.kill();
            if side(place.name) == Side::Engine {
                place.release(host);
                return station.start(&graph::graph()).map(Some);
            }
            // What the box does goes on meanwhile, so that the next engine finds it at work.
            let mut next = station.start(&graph::graph())?;
            next.says(Duration::from_secs(5), |kind| matches!(kind, Kind::RunStarted { .. }));
            place.release(host);
            return Ok(Some(next));
        }
        Fault::KillHelper => {
            kill_helpers(host);
            place.release(host);
        }
        Fault::KillThere => {
            host.exec(&format!("kill -KILL {pid}"))?;
            place.release(host);
        }
        Fault::CutNet => {
            host.verb("cut-net")?;
            place.release(host);
        }
        Fault::CutBytes => {
            relay.cut_after(combination.bytes);
            place.release(host);
        }
        Fault::Reboot => restart(host, place, LIMIT)?,
        Fault::PowerCut => cut_power(host, place)?,
    }
    Ok(None)
}

pub(crate) fn kill_helpers(host: &Host) {
    for helper in host.processes("serve") {
        host.said(&format!("kill -KILL {helper}"));
    }
}

/// Restarts the box, and lets go of who is held at the place once that has begun.
pub(crate) fn restart(host: &Host, place: &Place, within: Duration) -> Result<()> {
    let before = host.boot();
    host.begin_reboot();
    place.release(host);
    // An engine that had nothing left to do may end before the box is gone.
    until(within, || Some(host.boot()).filter(|now| !now.is_empty() && *now != before))
        .context("the box did not restart")
        .map(drop)
}

/// Takes the power away and gives it back; an engine that is held at the place is let go of while the box is dark.
pub(crate) fn cut_power(host: &Host, place: &Place) -> Result<()> {
    // The disk goes a moment before the processes: nobody may hear what they say of that.
    host.verb("pause-net")?;
    host.verb("cut")?;
    host.verb("cut-net")?;
    host.verb("resume-net")?;
    if side(place.name) == Side::Engine {
        place.release(host);
    }
    host.verb("start")
}

/// Lets the engine end, and starts another as often as the operator would.
fn recover(station: &mut Station, host: &Host, mut engine: Engine, result: &mut Struck) -> Result<()> {
    loop {
        let exit = engine.wait(LIMIT)?;
        result.exits.push(exit);
        if exit == 0 {
            result.recoveries = result.exits.len() - 1;
            return Ok(());
        }
        if result.exits.len() >= MOST_ENGINES {
            bail!("no end after engines with {:?}: {}", result.exits, station.complaint());
        }
        let events = engine.events();
        result.taken_back += usize::from(taken_back(&events));
        let way_out = stopped(&events);
        if way_out {
            result.stops += 1;
            // The operator has looked at the box.
            station.again = vec![graph::STOPS.into()];
        }
        if host.said("echo on").trim() != "on" {
            host.verb("wait")?;
        }
        engine = station.start(&graph::graph())?;
    }
}

/// Whether the run ended at the step that only the operator may repeat, with the words to type.
fn stopped(events: &[Event]) -> bool {
    let way = format!("--again {}", graph::STOPS);
    events.iter().any(|event| {
        matches!(&event.kind, Kind::StepFailed { step, hint: Some(hint), .. } if step == graph::STOPS && hint.contains(&way))
    })
}

/// Whether the run ended at a guarded change that was taken back: the box went down, or nobody reached it, between the
/// arming of the guard and the word that confirms it.
fn taken_back(events: &[Event]) -> bool {
    let said = Exit::Reverted.to_string();
    events.iter().any(|event| matches!(&event.kind, Kind::StepFailed { error, .. } if *error == said))
}

/// Engines more than the first that a fault may cost: none where the engine lives and nothing failed.
fn allowed(fault: Fault) -> usize {
    match fault {
        // A job that is killed has failed, and the next run tries again.
        Fault::KillEngine | Fault::KillThere => 1,
        Fault::KillHelper | Fault::CutNet | Fault::CutBytes | Fault::Reboot | Fault::PowerCut => 0,
    }
}

/// Compares what is there with what an undisturbed run left.
pub(crate) fn judge(station: &mut Station, host: &Host, whole: &EndState) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    notes.extend(end_state::misdeeds(host, &station.events())?);
    station.again.clear();
    notes.extend(nothing_to_do(station, &graph::graph())?);
    let quiet = until(Duration::from_secs(3), || host.processes("anything").is_empty().then_some(()));
    if quiet.is_none() {
        notes.push(format!("processes of ours are left: {:?}", host.processes("anything")));
    }
    notes.extend(whole.differences(&EndState::read(host)?));
    Ok(notes)
}

/// Another run finds every step done.
fn nothing_to_do(station: &mut Station, graph: &Graph) -> Result<Option<String>> {
    let mut engine = station.start(graph)?;
    let exit = engine.wait(LIMIT)?;
    let held = engine.events().iter().find_map(|event| match event.kind {
        Kind::RunFinished { outcome: Outcome::Done { ran: 0, held } } => Some(held),
        _ => None,
    });
    let wanted = graph.steps.len() - 1;
    Ok((exit != 0 || held != Some(wanted))
        .then(|| format!("a run with nothing to do ended with {exit} and {held:?} of {wanted} held")))
}
