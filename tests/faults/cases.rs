//! Faults that have a name of their own.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use ciab::event::Kind;

use crate::{
    Ground, damage, end_state,
    engine::{Engine, Place, Station, until},
    graph,
    relay::Relay,
    results::Case,
    show_case,
    strike::{self, Combination, Fault, Verdict},
};

/// How long an engine may take, on an emulated machine as well.
const LIMIT: Duration = Duration::from_secs(600);

/// One case at work: its host, and the workstations it needs.
pub(crate) struct At<'a> {
    pub(crate) ground: &'a mut Ground,
    work: &'a Path,
    binary: &'a Path,
    pub(crate) exits: Vec<i32>,
    pub(crate) notes: Vec<String>,
}

const CLOCK: &str = "the box's clock moved by a day in the middle";

type Run = fn(&mut At<'_>) -> Result<()>;

const CASES: &[(&str, Run)] = &[
    ("the workstation's state is deleted in the middle", state_deleted),
    ("two runs at once", two_at_once),
    ("an engine stopped past its lease, taken over, and woken", stopped_engine),
    ("every file of the record dated a day ahead in the middle", other_times),
    (CLOCK, clock_moved),
    ("the disk is full before anything began", full_at_first),
    ("the disk is full when an attempt is prepared", full_at_prepare),
    ("the disk is full when an attempt ends", full_at_end),
    ("the helper's binary is lost while its unit runs", binary_lost),
    ("the end is killed each time before it is written", never_ends),
    ("the end is killed and the same unit is started twice", started_twice),
    ("a guarded change that nobody confirms", unconfirmed),
    ("a restart before a guarded change is confirmed", restart_unconfirmed),
    ("the connection cut at any byte from the first on", cut_from_the_first),
    ("box.json damaged", box_damaged),
    ("the record damaged at every byte", damage::every_byte),
];

/// Runs the cases that are wanted, on a host of their own.
pub(crate) fn run_all(
    work: &Path,
    binary: &Path,
    wanted: impl Fn(&str) -> bool,
    leave_up: bool,
    kept: &dyn Fn(&Case) -> Result<()>,
) -> Result<()> {
    let chosen: Vec<_> = CASES.iter().filter(|(name, _)| wanted(name)).collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let mut ground = Ground::new("f-cases", work, binary)?;
    for (name, run) in chosen {
        let began = Instant::now();
        let mut at = At { ground: &mut ground, work, binary, exits: vec![], notes: vec![] };
        if let Err(error) = run(&mut at) {
            at.notes.push(format!("{error:#}"));
        }
        let verdict = match at.notes.as_slice() {
            [] => Verdict::Passed,
            [only] if only.starts_with(NOT_HERE) => Verdict::NotReached,
            _ => Verdict::Failed,
        };
        let (exits, notes) = (at.exits, at.notes);
        let case = Case {
            name: (*name).into(),
            outcome: verdict,
            exits,
            seconds: began.elapsed().as_secs_f64(),
            notes,
        };
        show_case(&case);
        if verdict == Verdict::Failed {
            let short: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
            crate::keep(&ground.host, &work.join("case"), &work.join(format!("failed-{short}")));
        }
        kept(&case)?;
        ground.reset(work, binary)?;
    }
    if !leave_up {
        ground.host.down();
    }
    Ok(())
}

impl At<'_> {
    /// A workstation; the name is what a second run is told of who holds the lock.
    pub(crate) fn station(&self, name: &str) -> Result<Station> {
        Station::new(&self.work.join("case").join(name), &self.ground.host, self.binary)
    }

    /// Everything before a step is done.
    pub(crate) fn until_before(&mut self, station: &mut Station, step: &str) -> Result<()> {
        let exit = station.run(&graph::before(step), LIMIT)?;
        ensure!(exit == 0, "what comes before {step} ended with {exit}: {}", station.complaint());
        Ok(())
    }

    /// An engine that is held, or whose job is, at this place.
    fn held(&mut self, station: &mut Station, place: &'static str) -> Result<(Engine, Place, u32)> {
        let place = Place::arm(place, station, &self.ground.host)?;
        let mut engine = station.start(&graph::graph())?;
        let pid = place.reached(&self.ground.host, &mut engine, LIMIT).context("nobody came to the place")?;
        Ok((engine, place, pid))
    }

    pub(crate) fn expect(&mut self, what: &str, exit: i32, wanted: i32) {
        self.exits.push(exit);
        if exit != wanted {
            self.notes.push(format!("{what} ended with {exit}, not {wanted}"));
        }
    }

    fn note_unless(&mut self, good: bool, note: impl Into<String>) {
        if !good {
            self.notes.push(note.into());
        }
    }

    /// The run goes to its end, and the box is as one that met no fault.
    fn ends_well(&mut self, station: &mut Station) -> Result<()> {
        let exit = station.run(&graph::graph(), LIMIT)?;
        self.expect("the run", exit, 0);
        self.is_whole(station)
    }

    fn is_whole(&mut self, station: &mut Station) -> Result<()> {
        self.notes.extend(strike::judge(station, &self.ground.host, &self.ground.whole)?);
        Ok(())
    }

    /// How often a counted step acted.
    fn acted(&self, step: &str) -> usize {
        self.ground
            .host
            .said(&format!("cat /srv/count/{step} 2>/dev/null | wc -l"))
            .trim()
            .parse()
            .unwrap_or(0)
    }
}

fn state_deleted(at: &mut At<'_>) -> Result<()> {
    let mut one = at.station("one")?;
    let (mut engine, place, _) = at.held(&mut one, graph::MIDDLE)?;
    engine.kill();
    fs::remove_dir_all(&one.folder)?;
    place.release(&at.ground.host);
    let mut two = at.station("two")?;
    at.ends_well(&mut two)
}

fn two_at_once(at: &mut At<'_>) -> Result<()> {
    let (mut first, mut second) = (at.station("the-first")?, at.station("the-second")?);
    let (mut engine, place, _) = at.held(&mut first, graph::MIDDLE)?;
    let before = end_state::attempts(&at.ground.host)?;
    let mut late = second.start(&graph::graph())?;
    let exit = late.wait(LIMIT)?;
    at.expect("the second run", exit, 6);
    let named = late.events().iter().any(|event| format!("{:?}", event.kind).contains("the-first"));
    at.note_unless(named, "the second run was not told who holds the lock");
    at.note_unless(before == end_state::attempts(&at.ground.host)?, "the second run changed the record");
    place.release(&at.ground.host);
    let exit = engine.wait(LIMIT)?;
    at.expect("the first run", exit, 0);
    at.is_whole(&mut first)
}

fn stopped_engine(at: &mut At<'_>) -> Result<()> {
    let (mut first, mut second) = (at.station("the-first")?, at.station("the-second")?);
    let (mut engine, place, _) = at.held(&mut first, graph::MIDDLE)?;
    engine.signal("STOP")?;
    let exit = second.run(&graph::graph(), LIMIT)?;
    at.expect("a run within the lease", exit, 6);
    let host = at.ground.host.clone();
    let began = Instant::now();
    until(Duration::from_secs(45), || host.processes("serve").is_empty().then_some(()))
        .context("the helper of a stopped engine did not end in 45 s")?;
    at.note_unless(began.elapsed() > Duration::from_secs(20), "the lease ended early");
    let mut taker = second.start(&graph::graph())?;
    let followed = taker.says(LIMIT, |kind| matches!(kind, Kind::StepFollowed { .. }));
    at.note_unless(followed, "the run that took over did not find the job at work");
    place.release(&host);
    let exit = taker.wait(LIMIT)?;
    at.expect("the run that took over", exit, 0);
    let before = end_state::attempts(&host)?;
    engine.signal("CONT")?;
    let exit = engine.wait(LIMIT)?;
    at.expect("the woken engine", exit, 6);
    at.note_unless(before == end_state::attempts(&host)?, "the woken engine changed the record");
    at.is_whole(&mut second)
}

/// How a note begins that says why a case cannot be run on this kind of host.
const NOT_HERE: &str = "not on this kind of host: ";

/// Never tried on a host in a container: its clock is this machine's, and whoever comes in from outside, as `exec`
/// does, has the right to set it. `CIAB_HOST=tests/vm/vm` has the tests use virtual machines.
fn clock_moved(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    if !host.has_own_clock()? {
        at.notes.push(format!("{NOT_HERE}a container's clock is this machine's; it needs a virtual machine"));
        return Ok(());
    }
    let mut one = at.station("one")?;
    one.side_by_side = 1;
    let clock = || host.exec("date +%s").and_then(|said| Ok(said.trim().parse::<i64>()?));
    let (mut engine, place, _) = at.held(&mut one, graph::MIDDLE)?;
    let before = clock()?;
    host.exec("date --set '+1 day'")?;
    at.note_unless(clock()? - before > 86_000, "the clock was not set ahead");
    place.release(&host);
    let exit = engine.wait(LIMIT)?;
    at.expect("the run whose clock was set ahead", exit, 0);
    at.is_whole(&mut one)?;
    // And back, in the middle of another run.
    end_state::reset(&host)?;
    let mut two = at.station("two")?;
    two.side_by_side = 1;
    let (mut engine, place, _) = at.held(&mut two, graph::MIDDLE)?;
    host.exec("date --set '-1 day'")?;
    place.release(&host);
    let exit = engine.wait(LIMIT)?;
    at.expect("the run whose clock was set back", exit, 0);
    at.is_whole(&mut two)
}

fn other_times(at: &mut At<'_>) -> Result<()> {
    let mut one = at.station("one")?;
    let (mut engine, place, _) = at.held(&mut one, graph::MIDDLE)?;
    engine.kill();
    let touch = "find /var/lib/ciab /srv /opt/tree /etc/fault* -exec touch -h -d 'now + 1 day' {} + 2>/dev/null; true";
    at.ground.host.exec(touch)?;
    place.release(&at.ground.host);
    at.ends_well(&mut one)
}

/// Takes all the space there is, to the last block.
const FILL: &str = "for size in 64M 1M 64k 4k; do n=0; while fallocate -l $size /filler.$size.$n 2>/dev/null; do n=$((n+1)); done; rm -f /filler.$size.$n; done; dd if=/dev/zero of=/filler.rest bs=512 2>/dev/null; sync; df -k --output=avail / | tail -1";
const FREE: &str = "rm -f /filler.*; sync";

fn full_at_first(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    host.exec(FILL)?;
    let exit = one.run(&graph::graph(), LIMIT)?;
    let told = one.complaint().contains("No space") || one.complaint().contains("os error 28");
    at.expect("a run on a full disk", exit, 3);
    at.note_unless(told, format!("the full disk is not named: {}", one.complaint()));
    at.note_unless(end_state::attempts(&host)?.is_empty(), "something was begun on a full disk");
    host.exec(FREE)?;
    at.ends_well(&mut one)
}

fn full_at_prepare(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    one.side_by_side = 1;
    at.until_before(&mut one, "exact")?;
    let (mut engine, place, _) = at.held(&mut one, "engine-begun")?;
    host.exec(FILL)?;
    let before = end_state::attempts(&host)?;
    place.release(&host);
    let exit = engine.wait(LIMIT)?;
    at.expect("a run whose disk is full", exit, 4);
    let told = engine.events().iter().any(|event| {
        matches!(&event.kind, Kind::StepFailed { step, error, .. } if step == "exact" && error.contains("No space"))
    });
    at.note_unless(told, "the failed step does not name the full disk");
    let began = |all: Vec<end_state::Attempt>| all.into_iter().filter(|a| a.began).count();
    at.note_unless(began(end_state::attempts(&host)?) == began(before), "something was begun on a full disk");
    host.exec(FREE)?;
    at.ends_well(&mut one)
}

fn full_at_end(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    one.side_by_side = 1;
    at.until_before(&mut one, graph::STOPS)?;
    let (mut engine, place, _) = at.held(&mut one, "ended-unsynced")?;
    host.exec(FILL)?;
    place.release(&host);
    let exit = engine.wait(LIMIT)?;
    // That step ends and is done; the next one finds no space to be prepared.
    at.expect("a run whose disk is full", exit, 4);
    let done = end_state::attempts(&host)?.iter().any(|a| a.step == graph::STOPS && a.done);
    at.note_unless(done, "the end could not be written on a full disk");
    host.exec(FREE)?;
    at.ends_well(&mut one)?;
    let acted = at.acted(graph::STOPS);
    at.note_unless(acted == 1, format!("the step acted {acted} times"));
    Ok(())
}

fn binary_lost(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    let (mut engine, place, _) = at.held(&mut one, graph::MIDDLE)?;
    engine.kill();
    host.exec("rm -rf /var/lib/ciab/bin/*")?;
    place.release(&host);
    at.ends_well(&mut one)
}

fn never_ends(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    one.side_by_side = 1;
    at.until_before(&mut one, "again")?;
    let (mut engine, place, mut pid) = at.held(&mut one, "ended-unwritten")?;
    for _ in 0..2 {
        // Armed before this one is gone: the next comes at once.
        host.exec(&format!(
            ": > {0}/{1}; kill -KILL {pid}; rm -f {0}/{1}.hit",
            crate::host::PLACES,
            place.name
        ))?;
        pid = place.reached(&host, &mut engine, LIMIT).context("the step did not act again")?;
    }
    host.exec(&format!("kill -KILL {pid}"))?;
    place.release(&host);
    let exit = engine.wait(LIMIT)?;
    at.expect("a run of a step that never ends", exit, 4);
    let acted = at.acted("again");
    at.note_unless(acted == 3, format!("the step acted {acted} times before the run gave up, not 3"));
    at.ends_well(&mut one)
}

fn started_twice(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    one.side_by_side = 1;
    at.until_before(&mut one, "exact")?;
    let (mut engine, place, pid) = at.held(&mut one, "ended-unwritten")?;
    engine.kill();
    host.exec(&format!("kill -KILL {pid}"))?;
    place.release(&host);
    // The same attempt, started once more: it has begun, so its unit does nothing and ends with 97.
    host.exec(
        "words='--record /var/lib/ciab exact 1'; helper=$(echo /var/lib/ciab/bin/*)
        for n in $(seq 100); do
          systemctl reset-failed ciab-exact-1 2>/dev/null
          [ -n \"$(systemctl list-units --all --plain --no-legend ciab-exact-1.service)\" ] || break
          sleep 0.1
        done
        systemd-run --quiet --collect --wait --unit=ciab-exact-1 \
          --property=\"ExecStopPost=$helper agent ended $words\" -- $helper agent job $words
        test $? = 97",
    )?;
    let end = host.said("tr -d '\\0' < /var/lib/ciab/steps/exact/1/end");
    at.note_unless(end.is_empty(), format!("the second start wrote the first one's end: {end}"));
    at.ends_well(&mut one)?;
    let acted = at.acted("exact");
    at.note_unless(acted == 1, format!("what only was in doubt acted {acted} times"));
    Ok(())
}

fn unconfirmed(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    one.side_by_side = 1;
    at.until_before(&mut one, "network")?;
    let (mut engine, place, _) = at.held(&mut one, "engine-ended")?;
    at.note_unless(!host.said("cat /etc/fault-network.conf").is_empty(), "the change was not made");
    engine.kill();
    place.release(&host);
    until(Duration::from_secs(60), || {
        (!host.said("cat /run/fault-reverted 2>/dev/null").is_empty()).then_some(())
    })
    .context("the change was not taken back in 60 s")?;
    at.note_unless(
        host.said("cat /etc/fault-network.conf 2>/dev/null").is_empty(),
        "the old file is not back",
    );
    at.ends_well(&mut one)
}

fn restart_unconfirmed(at: &mut At<'_>) -> Result<()> {
    let combination = Combination {
        place: "engine-ended",
        fault: Fault::Reboot,
        step: "network".into(),
        side_by_side: 1,
        bytes: 0,
    };
    let folder = at.work.join("case").join("one");
    let whole = at.ground.whole.clone();
    let struck = strike::strike(&combination, &at.ground.host, &folder, at.binary, &whole)?;
    at.exits = struck.exits;
    at.notes.extend(struck.notes);
    let attempts = end_state::attempts(&at.ground.host)?;
    let acted = attempts.iter().filter(|a| a.step == "network" && a.began).count();
    at.note_unless(
        acted == 2,
        format!("a change that was taken back was made {acted} times in all, not twice"),
    );
    Ok(())
}

fn cut_from_the_first(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let size = usize::try_from(fs::metadata(at.binary)?.len())?;
    for bytes in [1, 700, 2500, 4500, 7000, 200_000, size, size + 9000, size + 30_000] {
        end_state::reset(&host)?;
        host.exec("rm -rf /var/lib/ciab")?;
        let mut one = at.station(&format!("byte-{bytes}"))?;
        let relay = Relay::to(host.port)?;
        one.port = relay.port;
        relay.cut_after(bytes);
        let exit = one.run(&graph::before("exact"), LIMIT)?;
        at.expect(&format!("a run cut at byte {bytes}"), exit, 0);
        at.note_unless(relay.has_cut(), format!("byte {bytes} never came"));
        let left = host.said("find /run /var/tmp /tmp /home /root -maxdepth 2 -name 'ciab-????????'");
        at.note_unless(left.is_empty(), format!("cut at byte {bytes}, and a binary is left: {left}"));
    }
    let mut one = at.station("one")?;
    at.ends_well(&mut one)
}

fn box_damaged(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut one = at.station("one")?;
    at.until_before(&mut one, "exact")?;
    host.exec("cd /var/lib/ciab; cp box.json /root/box.json; head -c 20 /root/box.json > box.json")?;
    let before = end_state::attempts(&host)?;
    let exit = one.run(&graph::graph(), LIMIT)?;
    at.expect("a run with a damaged box.json", exit, 2);
    at.note_unless(
        one.complaint().contains("/var/lib/ciab/box.json"),
        format!("no place: {}", one.complaint()),
    );
    if before != end_state::attempts(&host)? {
        bail!("a run with a damaged box.json changed the record");
    }
    host.exec("mv /root/box.json /var/lib/ciab/box.json")?;
    at.ends_well(&mut one)
}
