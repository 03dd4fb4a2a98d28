//! An engine as a process of its own, and the places at which it and the box can be held.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use ciab::{
    event::{Event, Kind},
    step::Graph,
};

use crate::host::{Host, PLACES};

/// How often something that will come is looked for.
const LOOK: Duration = Duration::from_millis(15);

/// What a workstation is to these tests: a folder with its state, its engines' words, its armed places.
pub(crate) struct Station {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) side_by_side: usize,
    pub(crate) again: Vec<String>,
    /// The engine's binary, small enough to be sent often.
    binary: PathBuf,
    key: PathBuf,
    engines: usize,
}

/// A running engine.
pub(crate) struct Engine {
    child: Child,
    words: PathBuf,
}

impl Station {
    /// A new workstation for a host.
    pub(crate) fn new(folder: &Path, host: &Host, binary: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder.join("places"))?;
        fs::create_dir_all(folder.join("state"))?;
        Ok(Self {
            folder: folder.to_owned(),
            port: host.port,
            side_by_side: 4,
            again: vec![],
            binary: binary.to_owned(),
            key: host.key.clone(),
            engines: 0,
        })
    }

    /// Starts an engine with a graph.
    pub(crate) fn start(&mut self, graph: &Graph) -> Result<Engine> {
        self.engines += 1;
        let words = self.folder.join(format!("engine-{}.jsonl", self.engines));
        let plan = self.folder.join("graph.json");
        fs::write(&plan, serde_json::to_vec(graph)?)?;
        let mut command = Command::new(&self.binary);
        command.args(["drive", "run"]).arg(&plan).arg(self.folder.join("state"));
        command.args(["127.0.0.1", &self.port.to_string(), "debian"]).arg(&self.key);
        command.args(["--side-by-side", &self.side_by_side.to_string()]);
        command.args(self.again.iter().flat_map(|step| ["--again", step]));
        command.args(["--display", &self.folder.file_name().unwrap_or_default().to_string_lossy()]);
        command.env("CIAB_FAILPOINTS", self.folder.join("places"));
        Engine::start(command, words)
    }

    /// Runs a graph to its end.
    pub(crate) fn run(&mut self, graph: &Graph, limit: Duration) -> Result<i32> {
        self.start(graph)?.wait(limit)
    }

    /// What all engines of this workstation said.
    pub(crate) fn events(&self) -> Vec<Event> {
        (1..=self.engines).flat_map(|n| events(&self.folder.join(format!("engine-{n}.jsonl")))).collect()
    }

    /// What the latest engine wrote for people.
    pub(crate) fn complaint(&self) -> String {
        let text = fs::read_to_string(self.folder.join(format!("engine-{}.err", self.engines)));
        text.unwrap_or_default().trim().replace('\n', " / ")
    }
}

fn events(words: &Path) -> Vec<Event> {
    let text = fs::read_to_string(words).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

impl Engine {
    /// Starts a program whose events go to a file; what it writes for people goes beside it.
    pub(crate) fn start(mut command: Command, words: PathBuf) -> Result<Self> {
        let errors = File::create(words.with_extension("err"))?;
        command.stdin(Stdio::null()).stdout(File::create(&words)?).stderr(errors);
        Ok(Self { child: command.spawn().context("start the engine")?, words })
    }

    /// What it wrote for people.
    pub(crate) fn complaint(&self) -> String {
        let text = fs::read_to_string(self.words.with_extension("err")).unwrap_or_default();
        text.trim().replace('\n', " / ")
    }

    /// Its exit status, negative for a signal.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<i32> {
        let status = until(limit, || self.child.try_wait().ok().flatten());
        match status {
            Some(status) => Ok(number(status)),
            None => {
                self.kill();
                bail!("the engine did not end within {} s", limit.as_secs())
            }
        }
    }

    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().ok().flatten().map(number)
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { bail!("send {name} to the engine: {status}") }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        events(&self.words)
    }

    /// Waits until it has said something.
    pub(crate) fn says(&mut self, limit: Duration, word: impl Fn(&Kind) -> bool) -> bool {
        until(limit, || {
            let said = self.events().iter().any(|event| word(&event.kind));
            (said || self.ended().is_some()).then_some(said)
        })
        .unwrap_or(false)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}

fn number(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}

/// A place that is armed.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    folder: PathBuf,
}

/// Whose processes pass a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Engine,
    Box,
}

/// Where a place is, by the first word of its name.
pub(crate) fn side(place: &str) -> Side {
    if place.starts_with("engine-") { Side::Engine } else { Side::Box }
}

impl Place {
    /// Arms a place for whoever comes there first.
    pub(crate) fn arm(name: &'static str, station: &Station, host: &Host) -> Result<Self> {
        Self::arm_in(name, &station.folder.join("places"), host)
    }

    /// The same, with the folder that the engine looks into.
    pub(crate) fn arm_in(name: &'static str, folder: &Path, host: &Host) -> Result<Self> {
        match side(name) {
            Side::Engine => fs::write(folder.join(name), "")?,
            Side::Box => {
                host.exec(&format!("mkdir -p {PLACES}; : > {PLACES}/{name}"))?;
            }
        }
        Ok(Self { name, folder: folder.to_owned() })
    }

    /// The number of the process that is held there, `None` when nobody came before the engine ended.
    pub(crate) fn reached(&self, host: &Host, engine: &mut Engine, limit: Duration) -> Option<u32> {
        let name = self.name;
        until(limit, || {
            let ended = engine.ended().is_some();
            let text = match side(name) {
                Side::Engine => {
                    fs::read_to_string(self.folder.join(name).with_extension("hit")).unwrap_or_default()
                }
                Side::Box => host.said(&format!("cat {PLACES}/{name}.hit 2>/dev/null")),
            };
            match text.trim().parse() {
                Ok(pid) => Some(Some(pid)),
                Err(_) => ended.then_some(None),
            }
        })
        .flatten()
    }

    /// Lets go whoever is held, and arms it no more.
    pub(crate) fn release(&self, host: &Host) {
        match side(self.name) {
            Side::Engine => {
                let path = self.folder.join(self.name);
                let _ = (fs::remove_file(path.with_extension("hit")), fs::remove_file(path));
            }
            Side::Box => {
                host.said(&format!("rm -f {PLACES}/{0} {PLACES}/{0}.hit", self.name));
            }
        }
    }
}

/// Asks until there is an answer.
pub(crate) fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if began.elapsed() > limit {
            return None;
        }
        sleep(LOOK);
    }
}
