//! Fault tests: a real engine, a real OpenSSH, a real systemd, and everything that may befall them.
//!
//! Without words it checks itself and `docs/faults.md`, and needs no host. This binary is harness, engine and
//! helper in one; the last two need the feature `failpoints`.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

mod base;
mod cases;
mod damage;
mod draw;
mod drive;
mod end_state;
mod engine;
mod graph;
mod host;
mod relay;
mod results;
mod strike;

use std::{
    collections::VecDeque,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

use crate::{
    draw::Draw,
    end_state::EndState,
    engine::Station,
    host::Host,
    results::{Case, Results},
    strike::{Combination, Struck, Verdict},
};

/// Strikes runs of a graph with faults, and judges what is left.
#[derive(Parser)]
struct Words {
    /// So many combinations, drawn by the seed.
    #[arg(long)]
    sample: Option<usize>,
    /// So many faults, drawn by the seed, while `ciab deploy` sets a host up with profile `base`.
    #[arg(long, default_value_t = 0)]
    base: usize,
    /// What chance is drawn from; the commit hash unless given.
    #[arg(long)]
    seed: Option<String>,
    /// Every combination and every case.
    #[arg(long)]
    full: bool,
    /// Only combinations whose `place/fault/step` contains one of these.
    #[arg(long)]
    only: Vec<String>,
    /// At this step, whatever the seed says.
    #[arg(long)]
    step: Option<String>,
    /// Only the cases whose name contains one of these.
    #[arg(long)]
    case: Vec<String>,
    /// Hosts that are used side by side.
    #[arg(long, default_value_t = 2)]
    hosts: usize,
    /// Leaves out what has passed in target/faults.json, and adds to it.
    #[arg(long)]
    resume: bool,
    /// Makes docs/faults.md from target/faults.json.
    #[arg(long)]
    table: bool,
    /// Leaves the hosts up.
    #[arg(long)]
    keep: bool,
    /// Words that `cargo test` hands to every test.
    #[arg(hide = true)]
    _filter: Vec<String>,
}

fn main() -> ExitCode {
    let mut words = env::args().skip(1);
    if words.next().is_some_and(|first| first == "agent") {
        return drive::main(env::args());
    }
    if env::args().nth(1).is_some_and(|first| first == "drive") {
        return drive::main(env::args().skip(1));
    }
    match test(&Words::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("{failed} failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test(words: &Words) -> Result<usize> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (json, page) = (top.join("target/faults.json"), top.join("docs/faults.md"));
    if words.table {
        fs::create_dir_all(top.join("docs"))?;
        fs::write(&page, Results::load(&json)?.page())?;
        return Ok(0);
    }
    self_tests(&page)?;
    let seed = words.seed.clone().unwrap_or_else(|| Results::new("", "").commit);
    let mut chosen = strike::all(&seed);
    chosen.retain(|c| {
        let name = format!("{}/{}/{}", c.place, c.fault, c.step);
        words.only.is_empty() || words.only.iter().any(|word| name.contains(word))
    });
    let mode = match (words.sample, words.full) {
        (Some(count), _) => {
            chosen = Draw::of(&[&seed]).sample(&chosen, count);
            format!("sample of {count}")
        }
        (None, true) => "full".into(),
        (None, false) if !words.only.is_empty() || !words.case.is_empty() => "chosen".into(),
        (None, false) if words.base > 0 => {
            chosen.clear();
            format!("{} over base", words.base)
        }
        (None, false) => {
            println!("faults: checked itself; --sample N, --full, --base N or --only WORD strike real hosts");
            return Ok(0);
        }
    };
    if words.only.is_empty() && !words.case.is_empty() {
        chosen.clear();
    }
    if let Some(step) = &words.step {
        chosen.iter_mut().for_each(|c| c.step.clone_from(step));
    }
    ensure!(cfg!(feature = "failpoints"), "build it with `--features failpoints`");
    println!("faults: {mode}, seed {seed}");
    let began = Instant::now();
    let mut results = Results::new(&mode, &seed);
    let work = top.join("target/faults");
    fs::create_dir_all(&work)?;
    let binary = engine_binary(&work)?;
    if words.resume && json.exists() {
        results = Results { mode, ..Results::load(&json)? };
        chosen.retain(|c| !results.has_passed(c.place, &c.fault.to_string()));
    }
    let before = results.seconds;
    let results = Mutex::new(results);
    let keep = |add: &dyn Fn(&mut Results)| {
        let mut results = results.lock().unwrap();
        add(&mut results);
        results.seconds = before + began.elapsed().as_secs_f64();
        results.save(&json)
    };
    strike_all(chosen, words, &work, &binary, &|struck| keep(&|results| results.add(struck.clone())))?;
    let by_name = |name: &str| {
        let wanted = words.full || words.case.iter().any(|word| name.contains(word));
        wanted && !(words.resume && results.lock().unwrap().case_passed(name))
    };
    if words.base > 0 {
        base::run_all(words.base, &seed, &work, &|case| keep(&|results| results.add_case(case.clone())))?;
    }
    cases::run_all(&work, &binary, by_name, words.keep, &|case| {
        keep(&|results| results.add_case(case.clone()))
    })?;
    fs::remove_file(&binary)?;
    let results = results.into_inner().unwrap();
    println!("faults: {} combinations, {:.0} s", results.combinations.len(), results.seconds);
    Ok(results.failed())
}

/// What needs no host.
fn self_tests(page: &Path) -> Result<()> {
    end_state::self_test().context("compare end states")?;
    let faults = graph::graph().faults();
    ensure!(faults.is_empty(), "the graph is not sound: {}", faults.join("; "));
    match fs::read_to_string(page) {
        Ok(text) => results::check_page(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).context("read docs/faults.md"),
    }
}

/// A copy of this binary that is quick to send.
fn engine_binary(work: &Path) -> Result<PathBuf> {
    let path = work.join(format!("engine-{}", std::process::id()));
    fs::copy(env::current_exe()?, &path).context("copy this binary")?;
    // Symbols are of no use on the box; without the tool it only takes longer.
    let _ = Command::new("strip").arg(&path).status();
    Ok(path)
}

/// Hosts side by side, each taking the next combination when it is free.
fn strike_all(
    chosen: Vec<Combination>,
    words: &Words,
    work: &Path,
    binary: &Path,
    keep: &(dyn Fn(&Struck) -> Result<()> + Sync),
) -> Result<()> {
    let total = chosen.len();
    let queue: Mutex<VecDeque<Combination>> = Mutex::new(chosen.into());
    thread::scope(|scope| {
        let worker = |n: usize| {
            let queue = &queue;
            scope.spawn(move || -> Result<()> {
                let mut ground = Ground::new(&format!("f-{n}"), work, binary)?;
                loop {
                    let Some(combination) = queue.lock().unwrap().pop_front() else { break };
                    let result = ground.strike(&combination, work, binary)?;
                    show(&result);
                    keep(&result)?;
                }
                if !words.keep {
                    ground.host.down();
                }
                Ok(())
            })
        };
        let workers: Vec<_> = (0..words.hosts.max(1).min(total)).map(worker).collect();
        let ended =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")));
        // Each is waited for, whatever another one met.
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
        Verdict::NotReached => "not reached",
    }
}

fn show(result: &Struck) {
    let outcome = word(result.outcome);
    println!(
        "{outcome:11} {:20} {:24} {:10} exits {:?} {:.1} s {}",
        result.place,
        result.fault,
        result.step,
        result.exits,
        result.seconds,
        result.notes.join("; ")
    );
}

/// A host, what an undisturbed run leaves on it, and what it is like before any.
pub(crate) struct Ground {
    pub(crate) host: Host,
    pub(crate) whole: EndState,
    bare: EndState,
    name: String,
}

impl Ground {
    pub(crate) fn new(name: &str, work: &Path, binary: &Path) -> Result<Self> {
        let host = Host::up(name)?;
        // Once made and unmade, so that traces which no reset removes are in both.
        let mut station = Station::new(&work.join(name), &host, binary)?;
        run_whole(&mut station)?;
        end_state::reset(&host)?;
        let bare = EndState::read(&host)?;
        run_whole(&mut station)?;
        let whole = EndState::read(&host)?;
        end_state::reset(&host)?;
        Ok(Self { host, whole, bare, name: name.into() })
    }

    /// As before the first run; a new host where that does not succeed.
    pub(crate) fn reset(&mut self, work: &Path, binary: &Path) -> Result<()> {
        let reset = end_state::reset(&self.host).and_then(|()| EndState::read(&self.host));
        let left = match reset {
            Ok(state) => self.bare.differences(&state),
            Err(error) => vec![format!("{error:#}")],
        };
        if !left.is_empty() {
            println!("faults: {} is made anew: {}", self.name, left.join("; "));
            *self = Self::new(&self.name.clone(), work, binary)?;
        }
        Ok(())
    }

    fn strike(&mut self, combination: &Combination, work: &Path, binary: &Path) -> Result<Struck> {
        let folder = work.join(&self.name);
        let began = Instant::now();
        let struck = strike::strike(combination, &self.host, &folder, binary, &self.whole);
        let failed = |error: anyhow::Error| Struck {
            place: combination.place.into(),
            fault: combination.fault.to_string(),
            step: combination.step.clone(),
            outcome: Verdict::Failed,
            stops: 0,
            taken_back: 0,
            exits: vec![],
            recoveries: 0,
            seconds: began.elapsed().as_secs_f64(),
            notes: vec![format!("{error:#}")],
            commit: results::commit(),
        };
        let result = struck.unwrap_or_else(failed);
        if result.outcome == Verdict::Failed {
            let name = format!("failed-{}-{}-{}", result.place, result.fault.replace(' ', "-"), result.step);
            keep(&self.host, &folder, &work.join(name));
        }
        if self.host.said("echo on").trim() != "on" {
            let _ = self.host.verb("start");
        }
        self.reset(work, binary)?;
        Ok(result)
    }
}

/// Keeps what explains a failure: the words of the engines, the record, the journal.
fn keep(host: &Host, folder: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let _ = fs::rename(folder, to);
    let _ = fs::create_dir_all(to);
    let record = host.said("cd /var/lib/ciab && for f in $(find . -type f ! -path './bin/*' ! -name secrets.yaml | sort); do echo \"== $f\"; tr -d '\\0' < $f | head -c 3000; echo; done");
    let _ = fs::write(to.join("record"), record);
    let _ = fs::write(to.join("journal"), host.said("journalctl --no-pager -o short-monotonic | tail -n 400; systemctl list-units --all 'ciab-*'; ps axf"));
}

fn run_whole(station: &mut Station) -> Result<()> {
    let exit = station.run(&graph::graph(), Duration::from_secs(600))?;
    ensure!(exit == 0, "an undisturbed run ended with {exit}: {}", station.complaint());
    Ok(())
}

/// One line for a case, as for a combination.
pub(crate) fn show_case(case: &Case) {
    let outcome = word(case.outcome);
    println!(
        "{outcome:11} {} exits {:?} {:.1} s {}",
        case.name,
        case.exits,
        case.seconds,
        case.notes.join("; ")
    );
}
