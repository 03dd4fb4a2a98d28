//! Faults that befall `ciab deploy` itself with profile `base`: real packages, services, firewall and SSH server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use ciab::{
    event::{Event, Kind, Outcome},
    failpoint,
};

use crate::{
    draw::Draw,
    end_state,
    engine::{Engine, Place},
    host::Host,
    results::Case,
    show_case,
    strike::{self, Fault, Verdict},
};

/// How long one deployment may take; packages come from a cache beside the host.
const LIMIT: Duration = Duration::from_secs(600);
/// Deployments after the fault before it counts as stuck.
const MOST: usize = 3;
/// Files of the record that are damaged, one after the other.
const DAMAGES: usize = 6;

/// Steps at which a fault may begin: each has others after it, so that a place comes.
const STEPS: &[&str] = &[
    "before",
    "packages",
    "names",
    "kernel",
    "clock",
    "operator",
    "sudo",
    "ssh-server",
    "internal-network",
    "firewall",
    "container-engine",
];

/// A fault, and where it is done: at the first who comes to the place once the step has begun.
struct Blow {
    step: &'static str,
    place: &'static str,
    fault: Fault,
}

/// So many blows drawn by a seed, no fault twice; on hosts of their own, side by side.
pub(crate) fn run_all(
    count: usize,
    seed: &str,
    work: &Path,
    kept: &(dyn Fn(&Case) -> Result<()> + Sync),
) -> Result<()> {
    let binary = work.join(format!("ciab-{}", std::process::id()));
    fs::copy(env!("CARGO_BIN_EXE_ciab"), &binary).context("copy ciab")?;
    // As quick to send as what is shipped.
    let _ = Command::new("strip").arg(&binary).status();
    let ended: Vec<Result<()>> = thread::scope(|scope| {
        let run = |(n, blow): (usize, Blow)| {
            let binary = &binary;
            scope.spawn(move || one(n, &blow, seed, work, binary, kept))
        };
        let running: Vec<_> = blows(count, seed).into_iter().enumerate().map(run).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(|_| bail!("a worker panicked"))).collect()
    });
    fs::remove_file(&binary)?;
    ended.into_iter().collect()
}

fn blows(count: usize, seed: &str) -> Vec<Blow> {
    use Fault::{CutNet, KillEngine, KillHelper, KillThere, PowerCut, Reboot};
    let mut draw = Draw::of(&[seed, "base"]);
    let faults = [KillEngine, KillHelper, KillThere, CutNet, PowerCut, Reboot];
    let chosen = draw.sample(&faults, count).into_iter();
    chosen
        .map(|fault| {
            // Places before the first step have passed by when a step has begun.
            let fits = |place: &&&str| match fault {
                KillThere => place.starts_with("job-") || place.starts_with("ended-"),
                _ => !["engine-surveyed", "engine-begun", "serve-begun"].contains(*place),
            };
            let places: Vec<&str> = failpoint::PLACES.iter().filter(fits).copied().collect();
            let (step, place) = (STEPS[draw.below(STEPS.len())], places[draw.below(places.len())]);
            Blow { step, place, fault }
        })
        .collect()
}

/// One workstation and its host.
struct Site {
    host: Host,
    folder: PathBuf,
    binary: PathBuf,
    deployments: usize,
    /// What every deployment said.
    events: Vec<Event>,
}

fn one(
    n: usize,
    blow: &Blow,
    seed: &str,
    work: &Path,
    binary: &Path,
    kept: &(dyn Fn(&Case) -> Result<()> + Sync),
) -> Result<()> {
    let name = format!("f-base-{n}");
    let folder = work.join(&name);
    let mut site = Site::new(&name, &folder, binary)?;
    let began = Instant::now();
    let (mut exits, mut notes) = (vec![], vec![]);
    let mut outcome = Verdict::Passed;
    match site.strike(blow, &mut exits) {
        Ok(true) => notes.extend(site.judge().unwrap_or_else(|error| vec![format!("{error:#}")])),
        Ok(false) => {
            outcome = Verdict::NotReached;
            notes.push(format!("nobody came to {} after {} had begun", blow.place, blow.step));
        }
        Err(error) => notes.push(format!("{error:#}")),
    }
    if outcome == Verdict::Passed && !notes.is_empty() {
        outcome = Verdict::Failed;
    }
    let what = format!("base: {} at {} once {} has begun", blow.fault, blow.place, blow.step);
    let struck = outcome;
    let case = Case { name: what, outcome, exits, seconds: began.elapsed().as_secs_f64(), notes };
    show_case(&case);
    kept(&case)?;
    // The first host is whole now: its record is what chance may damage.
    if n == 0 && struck == Verdict::Passed {
        let began = Instant::now();
        let (mut exits, mut notes) = (vec![], vec![]);
        if let Err(error) = site.damage(seed, &mut exits) {
            notes.push(format!("{error:#}"));
        }
        let outcome = if notes.is_empty() { Verdict::Passed } else { Verdict::Failed };
        let name = "base: the record damaged at random".to_owned();
        let case = Case { name, outcome, exits, seconds: began.elapsed().as_secs_f64(), notes };
        show_case(&case);
        kept(&case)?;
    }
    site.host.down();
    Ok(())
}

impl Site {
    fn new(name: &str, folder: &Path, binary: &Path) -> Result<Self> {
        let host = Host::bare(name)?;
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder.join("places"))?;
        fs::write(folder.join("box.yaml"), host.box_file()?)?;
        let (folder, binary) = (folder.to_owned(), binary.to_owned());
        Ok(Self { host, folder, binary, deployments: 0, events: vec![] })
    }

    fn start(&mut self) -> Result<Engine> {
        self.deployments += 1;
        let words = self.folder.join(format!("deploy-{}.jsonl", self.deployments));
        Engine::start(self.command(&["deploy", "--json"]), words)
    }

    /// `ciab WORDS box.yaml`, as from a shell that has no setting of its own.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"CIAB_"))
        {
            command.env_remove(name);
        }
        command.args(words).arg(self.folder.join("box.yaml"));
        command.env("XDG_STATE_HOME", self.folder.join("state"));
        command.env("CIAB_FAILPOINTS", self.folder.join("places"));
        command
    }

    fn deploy(&mut self) -> Result<i32> {
        let mut engine = self.start()?;
        let exit = engine.wait(LIMIT)?;
        self.events.extend(engine.events());
        Ok(exit)
    }

    /// Strikes the first deployment, and deploys again until one comes to its end. Whether the blow was struck.
    fn strike(&mut self, blow: &Blow, exits: &mut Vec<i32>) -> Result<bool> {
        let mut engine = self.start()?;
        let begun =
            |kind: &Kind| matches!(kind, Kind::StepStarted { step, .. } if step.as_str() == blow.step);
        if !engine.says(LIMIT, begun) {
            bail!("`{}` was never begun: {}", blow.step, engine.complaint());
        }
        let place = Place::arm_in(blow.place, &self.folder.join("places"), &self.host)?;
        let Some(pid) = place.reached(&self.host, &mut engine, LIMIT) else {
            place.release(&self.host);
            return Ok(false);
        };
        self.befall(blow, &place, &mut engine, pid)?;
        let exit = engine.wait(LIMIT)?;
        self.events.extend(engine.events());
        exits.push(exit);
        while exits.last() != Some(&0) {
            ensure!(exits.len() <= MOST, "no end after deployments with {exits:?}: {}", engine.complaint());
            if self.host.said("echo on").trim() != "on" {
                self.host.verb("wait")?;
            }
            exits.push(self.deploy()?);
        }
        Ok(true)
    }

    fn befall(&mut self, blow: &Blow, place: &Place, engine: &mut Engine, pid: u32) -> Result<()> {
        let host = &self.host;
        match blow.fault {
            Fault::KillEngine => engine.kill(),
            Fault::KillHelper => strike::kill_helpers(host),
            Fault::KillThere => drop(host.exec(&format!("kill -KILL {pid}"))?),
            Fault::CutNet | Fault::CutBytes => host.verb("cut-net")?,
            Fault::Reboot => strike::restart(host, place, LIMIT)?,
            Fault::PowerCut => strike::cut_power(host, place)?,
        }
        place.release(host);
        Ok(())
    }

    /// All that is wrong with the host and its record.
    fn judge(&mut self) -> Result<Vec<String>> {
        let mut notes = vec![];
        let attempts = end_state::attempts(&self.host)?;
        notes.extend(end_state::acted_again(&attempts, &self.events));
        let verify = self.command(&["verify", "--json"]).output()?;
        let open = String::from_utf8_lossy(&verify.stdout);
        if !verify.status.success() {
            notes.push(format!("verify ended with {}: {open}", verify.status));
        }
        let seen = self.events.len();
        let exit = self.deploy()?;
        let nothing = self.events[seen..].iter().any(|event| {
            matches!(event.kind, Kind::RunFinished { outcome: Outcome::Done { ran: 0, held } } if held > 0)
        });
        if exit != 0 || !nothing {
            notes.push(format!("another deployment ended with {exit} and found something to do"));
        }
        let left = self.host.exec(LEFT)?;
        if !left.trim().is_empty() {
            notes.push(format!("left: {}", left.trim().replace('\n', "; ")));
        }
        Ok(notes)
    }

    /// Changes one byte of a file of the record, deploys, and puts it back; again and again.
    fn damage(&mut self, seed: &str, exits: &mut Vec<i32>) -> Result<()> {
        let list = "cd /var/lib/ciab && find steps -type f ! -name out -size +0; echo box.json; echo current; echo secrets.yaml; echo bound.json";
        let files: Vec<String> = self.host.exec(list)?.lines().map(str::to_owned).collect();
        let mut draw = Draw::of(&[seed, "damage"]);
        for file in draw.sample(&files, DAMAGES) {
            let path = self.host.root()?.join("var/lib/ciab").join(&file);
            let whole = fs::read(&path).with_context(|| format!("read {file}"))?;
            let words = whole.iter().filter(|byte| **byte != 0).count().max(1);
            let at = draw.below(words);
            let mut damaged = whole.clone();
            damaged[at] ^= u8::try_from(1 + draw.below(255))?;
            fs::write(&path, &damaged)?;
            let exit = self.deploy()?;
            exits.push(exit);
            println!("            {file}, byte {at}: {exit}");
            // Done again in doubt, refused with the place, or read as another word of the same kind; never a defect.
            ensure!(
                [0, 2, 3, 4, 8].contains(&exit),
                "{file} damaged at byte {at}: a deployment ended with {exit}"
            );
            // What was done again has a record of its own since.
            fs::write(&path, &whole)?;
        }
        let exit = self.deploy()?;
        exits.push(exit);
        ensure!(exit == 0, "after all was mended a deployment ended with {exit}");
        Ok(())
    }
}

/// What no deployment may leave: units and processes of its own, files beside their place, helpers.
const LEFT: &str = r"
systemctl list-units --all --plain --no-legend 'ciab-*' | grep -v '^ciab-nftables.service'
find /etc /opt /usr/local -xdev -name '.*.ciab-new'
find /run /var/tmp /tmp /home /root -maxdepth 2 -name 'ciab-????????'
systemctl list-units --failed --plain --no-legend
dpkg --audit
true";
