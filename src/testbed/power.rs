//! Power: on, off, and cut; snapshots of a machine that is on.

use std::{
    fs, io,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    disk::Bus,
    machine::{Machine, Place},
    process::{self, Process},
    qemu,
    qmp::Qmp,
};
use crate::{
    agent::durable::{self, Meta},
    failure::{Exit, Failure},
};

/// What was started for a machine.
const RUNS: &str = "runs.json";
const LOOK: Duration = Duration::from_millis(50);
/// A server of blocks answers, QEMU has its sockets.
const STARTS: Duration = Duration::from_secs(20);
/// A killed process is gone.
const ENDS: Duration = Duration::from_secs(10);

/// The processes of a machine: the servers of its disks in their order, and QEMU. The first one leads the group of all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    servers: Vec<Process>,
    qemu: Option<Process>,
}

impl Runs {
    fn read(place: &Place) -> Result<Self> {
        match fs::read(place.path(RUNS)) {
            Ok(bytes) => serde_json::from_slice(&bytes).context("read what runs of the machine"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).context("read what runs of the machine"),
        }
    }

    fn write(&self, place: &Place) -> Result<()> {
        durable::write(&place.path(RUNS), &serde_json::to_vec(self)?, Meta::READABLE)
    }

    fn all(&self) -> impl Iterator<Item = Process> {
        self.servers.iter().copied().chain(self.qemu)
    }

    fn leader(&self) -> Option<Process> {
        self.all().next()
    }

    /// All at once; what has lost its leader, one by one.
    fn kill(&self) -> Result<()> {
        if let Some(leader) = self.leader() {
            leader.kill_group();
        }
        self.all().for_each(|process| process.kill(Signal::SIGKILL));
        wait(ENDS, || !self.all().any(Process::runs)).context("a killed process goes on")
    }
}

/// Whether a machine is on.
pub fn is_on(place: &Place) -> Result<bool> {
    Ok(Runs::read(place)?.qemu.is_some_and(Process::runs))
}

/// Switches it on; `snapshot` names a state to go on from.
pub fn on(machine: &Machine, place: &Place, snapshot: Option<&str>) -> Result<(), Failure> {
    let old = Runs::read(place)?;
    if old.qemu.is_some_and(Process::runs) {
        return Err(Failure::new(Exit::Usage, format!("machine {} is on", machine.name)));
    }
    // Servers of a machine that has switched itself off: QEMU has flushed when it closed its disks.
    old.kill()?;
    let mut runs = Runs::default();
    let started = start(machine, place, snapshot, &mut runs);
    if started.is_err() {
        let _ = runs.kill();
    }
    started.map_err(Failure::from)
}

fn start(machine: &Machine, place: &Place, snapshot: Option<&str>, runs: &mut Runs) -> Result<()> {
    for number in 0..machine.disks.len() {
        let socket = place.path(&qemu::disk_socket(number));
        remove(&socket)?;
        let log = place.path(&format!("log/disk{number}"));
        // The cache is a file of its own that has no name.
        let env = [("TMPDIR", place.path("."))];
        let env: Vec<(&str, &Path)> = env.iter().map(|(name, path)| (*name, path.as_path())).collect();
        runs.servers.push(process::start(&qemu::disk_server(place, number), &log, &env, runs.leader())?);
        runs.write(place)?;
        wait(STARTS, || socket.exists()).with_context(|| said("no server of the disk", &log))?;
    }
    let socket = place.path("qmp.sock");
    remove(&socket)?;
    remove(&place.path("console.sock"))?;
    let log = place.path("log/qemu");
    let qemu = process::start(&qemu::argv(machine, place, snapshot), &log, &[], runs.leader())?;
    runs.qemu = Some(qemu);
    runs.write(place)?;
    wait(STARTS, || !qemu.runs() || Qmp::open(&socket).is_ok())
        .with_context(|| said("no answer of QEMU", &log))?;
    if !qemu.runs() {
        bail!(said("QEMU has ended", &log));
    }
    Ok(())
}

/// What happened, and the end of what the program said.
fn said(what: &str, log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    format!("{what}\n{}", lines[lines.len().saturating_sub(5)..].join("\n"))
}

/// The power cord: machine and write caches end at once.
pub fn cut(machine: &Machine, place: &Place) -> Result<(), Failure> {
    if !is_on(place)? {
        return Err(Failure::new(Exit::Usage, format!("machine {} is off", machine.name)));
    }
    Runs::read(place)?.kill().map_err(Failure::from)
}

/// Ends whatever runs of it.
pub fn end(place: &Place) -> Result<()> {
    Runs::read(place)?.kill()
}

/// Keeps the whole state of a machine under a name, in its disks; it goes on.
pub fn save(machine: &Machine, place: &Place, name: &str) -> Result<(), Failure> {
    if !is_on(place)? {
        return Err(Failure::new(Exit::Usage, format!("machine {} is off", machine.name)));
    }
    if machine.disks.iter().any(|disk| disk.bus == Bus::Nvme) {
        let failure = Failure::new(Exit::Usage, "QEMU keeps no state of a machine with an NVMe disk");
        return Err(failure.hint("Make the machine with disks on other buses."));
    }
    let said = Qmp::open(&place.path("qmp.sock"))?.human(&format!("savevm {name}"))?;
    match plain(&said) {
        "" => Ok(()),
        said => Err(Failure::new(Exit::Unexpected, format!("keep the state of {}: {said}", machine.name))),
    }
}

/// Goes back to a state, from whatever the machine is in now.
pub fn back(machine: &Machine, place: &Place, name: &str) -> Result<(), Failure> {
    if !is_on(place)? {
        return on(machine, place, Some(name));
    }
    let mut qmp = Qmp::open(&place.path("qmp.sock"))?;
    let said = qmp.human(&format!("loadvm {name}"))?;
    // What failed half-way has stopped the machine.
    if !said.is_empty() {
        let _ = qmp.call("cont", &Value::Null);
        let failure = Failure::new(Exit::Usage, format!("go back to {name}: {}", plain(&said)));
        return Err(failure.hint(format!("`ciab testbed snapshot {} NAME` keeps one.", machine.name)));
    }
    Ok(())
}

/// What the monitor says of an error.
fn plain(said: &str) -> &str {
    said.trim_start_matches("Error: ")
}

/// Presses the button, and waits until the system has switched the machine off.
pub fn off(machine: &Machine, place: &Place, patience: Duration) -> Result<(), Failure> {
    if !is_on(place)? {
        return Err(Failure::new(Exit::Usage, format!("machine {} is off", machine.name)));
    }
    Qmp::open(&place.path("qmp.sock"))?.call("system_powerdown", &Value::Null)?;
    let runs = Runs::read(place)?;
    if wait(patience, || !runs.qemu.is_some_and(Process::runs)).is_err() {
        let message =
            format!("machine {} has not switched itself off in {} s", machine.name, patience.as_secs());
        let failure = Failure::new(Exit::Unreachable, message);
        return Err(failure.hint(format!("`ciab testbed cut {}` takes the power away.", machine.name)));
    }
    runs.kill().map_err(Failure::from)
}

/// Waits until somebody speaks SSH on its port; an error where the machine goes off or the time is over.
pub fn reached(machine: &Machine, place: &Place, patience: Duration) -> Result<(), Failure> {
    let runs = Runs::read(place)?;
    let on = || runs.qemu.is_some_and(Process::runs);
    let answered = wait(patience, || !on() || banner(machine.port));
    if answered.is_ok() && on() {
        return Ok(());
    }
    let what =
        if on() { format!("does not answer in {} s", patience.as_secs()) } else { "has gone off".to_owned() };
    let failure = Failure::new(
        Exit::Unreachable,
        said(&format!("machine {} {what}", machine.name), &place.path("console.log")),
    );
    Err(failure.hint(format!("`ciab testbed console {}` shows its console.", machine.name)))
}

fn banner(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(2)) else { return false };
    let mut bytes = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read_exact(&mut bytes).is_ok()
        && &bytes == b"SSH-"
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Until it holds; an error where it does not in time.
fn wait(patience: Duration, mut holds: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() >= patience {
            bail!("not in {} s", patience.as_secs());
        }
        sleep(LOOK);
    }
    Ok(())
}
