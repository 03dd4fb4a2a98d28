//! What a machine is, and the folder that holds all of it.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    accelerator::Accelerator,
    disk::{Bus, Content, Disk},
    qemu,
};
use crate::{
    agent::durable::{self, Meta},
    failure::{Exit, Failure},
    tool::call::Call,
    units::Bytes,
};

/// The form of `machine.json`.
const SCHEMA: &str = "ciab/testbed/v1";
/// Cards that QEMU's chipset has places for, the disks beside them.
pub const CARDS: u8 = 8;
pub const DISKS: usize = 8;

/// A machine as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    pub schema: String,
    pub name: String,
    pub processors: u32,
    pub memory: Bytes,
    pub firmware: Firmware,
    pub boot: Boot,
    pub disks: Vec<Disk>,
    /// Network cards, each on a network of its own behind QEMU's address translation.
    pub cards: u8,
    /// Port of 127.0.0.1 that leads to port 22 of the first card.
    pub port: u16,
    /// Whether it makes itself known by the keys of its folder.
    pub keys: bool,
    pub accelerator: Accelerator,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    #[default]
    Bios,
    Uefi,
}

/// What it starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Boot {
    /// The first disk.
    Disk,
    /// A medium in its drive; the disks come after it.
    Medium(PathBuf),
    /// A kernel that QEMU itself lays into memory.
    Kernel { kernel: PathBuf, initrd: Option<PathBuf>, append: String },
}

impl Machine {
    /// The form that is written today.
    pub fn schema() -> String {
        SCHEMA.to_owned()
    }
}

/// The folder of a machine.
#[derive(Clone, Debug)]
pub struct Place(PathBuf);

impl Place {
    /// `$XDG_STATE_HOME/ciab/testbed/NAME` and its like. A name is a word of a host's name.
    pub fn of(base: &Path, name: &str) -> Result<Self, Failure> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let word = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(good);
        if !word || name.len() > 32 {
            let message = format!("`{name}` is no name of a machine");
            return Err(Failure::new(Exit::Usage, message).hint("Write it like this: box-1"));
        }
        let folder = base.join(name);
        // The path of a socket ends up in 108 bytes (unix(7)).
        if folder.as_os_str().len() > 80 {
            let message = format!("{} is too long a path for the sockets of a machine", folder.display());
            return Err(Failure::new(Exit::Usage, message).hint("Set XDG_STATE_HOME to a shorter one."));
        }
        Ok(Self(folder))
    }

    /// The names of all machines, in order.
    pub fn all(base: &Path) -> Result<Vec<String>> {
        let entries = match fs::read_dir(base) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| format!("read {}", base.display()))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.path().join("machine.json").exists() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort();
        Ok(names)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn exists(&self) -> bool {
        self.path("machine.json").exists()
    }

    /// The machine, which has to be there.
    pub fn machine(&self) -> Result<Machine, Failure> {
        let path = self.path("machine.json");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = self.0.file_name().unwrap_or_default().to_string_lossy();
                let failure = Failure::new(Exit::Usage, format!("there is no machine {name}"));
                return Err(failure.hint("`ciab testbed list` lists those there are."));
            }
            bytes => bytes.with_context(|| format!("read {}", path.display()))?,
        };
        let machine: Machine =
            serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))?;
        Ok(machine)
    }

    /// Makes the folder with keys and disks; what fails leaves nothing behind.
    pub fn make(&self, machine: &Machine) -> Result<()> {
        let made = self.fill(machine);
        if made.is_err() {
            let _ = fs::remove_dir_all(&self.0);
        }
        made
    }

    fn fill(&self, machine: &Machine) -> Result<()> {
        fs::create_dir_all(&self.0).with_context(|| format!("make {}", self.0.display()))?;
        if machine.keys {
            for name in ["key", "host_key"] {
                let comment = format!("{name} of {}", machine.name);
                let words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"];
                let words = words.map(str::to_owned).into_iter().chain([self.text(name)]);
                Call::new(&self.path("log/keys"), words).run()?;
            }
            let public = fs::read_to_string(self.path("host_key.pub"))?;
            let key: Vec<&str> = public.split(' ').take(2).collect();
            let known = format!("[127.0.0.1]:{} {}\n", machine.port, key.join(" "));
            durable::write(&self.path("known_hosts"), known.as_bytes(), Meta::READABLE)?;
        }
        for (number, disk) in machine.disks.iter().enumerate() {
            self.disk(machine, number, disk)?;
        }
        if machine.firmware == Firmware::Uefi {
            // Of a kind that snapshots are kept in.
            let words = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", qemu::OVMF_VARS];
            let words = words.map(str::to_owned).into_iter().chain([self.text("firmware.qcow2")]);
            Call::new(&self.path("log/firmware"), words).run()?;
        }
        // Last: a folder without it is no machine.
        let text = serde_json::to_string_pretty(machine)? + "\n";
        durable::write(&self.path("machine.json"), text.as_bytes(), Meta::READABLE)
    }

    /// A file with room for all blocks and for snapshots: behind a server of blocks a file does not grow.
    fn disk(&self, machine: &Machine, number: usize, disk: &Disk) -> Result<()> {
        let path = self.path(&image(number));
        let mut words = ["qemu-img", "create", "-q", "-f", "qcow2"].map(str::to_owned).to_vec();
        match &disk.content {
            Content::Blank(size) => words.extend([path.display().to_string(), size.0.to_string()]),
            Content::File(file) => {
                let file = std::path::absolute(file)?;
                let format = format_of(&file)?;
                words.extend(["-b".to_owned(), file.display().to_string(), "-F".to_owned(), format]);
                words.push(path.display().to_string());
            }
        }
        Call::new(&self.path(&format!("log/disk{number}")), words).run()?;
        let size = size_of(&path)?;
        let room = size + size / 100 + 4 * machine.memory.0 + Bytes::mib(64).0;
        let room = room.next_multiple_of(Bytes::mib(1).0);
        let file = fs::File::options().write(true).open(&path)?;
        file.set_len(room).with_context(|| format!("make room in {}", path.display()))
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Takes the folder away.
    pub fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.0).with_context(|| format!("remove {}", self.0.display()))
    }
}

/// The file of a disk.
pub(super) fn image(number: usize) -> String {
    format!("disk{number}.qcow2")
}

/// What qemu-img says of a file.
fn asked(path: &Path) -> Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let words = ["qemu-img", "info", "--output=json"].map(str::to_owned);
    let words = words.into_iter().chain([path.display().to_string()]);
    let said = Call::new(&folder.path().join("log"), words).output()?;
    serde_json::from_str(&said).context("read what qemu-img says")
}

fn format_of(path: &Path) -> Result<String> {
    let info = asked(path).map_err(|error| {
        let message = format!("{} is no disk image that can be read: {error:#}", path.display());
        Failure::new(Exit::Usage, message)
    })?;
    Ok(info["format"].as_str().context("qemu-img tells no format")?.to_owned())
}

fn size_of(path: &Path) -> Result<u64> {
    asked(path)?["virtual-size"].as_u64().context("qemu-img tells no size")
}

/// A port of 127.0.0.1 that nobody has now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

/// What cannot be, of the machine as a whole.
pub fn refuse(machine: &Machine) -> Result<(), Failure> {
    let mut faults = Vec::new();
    if machine.disks.len() > DISKS {
        faults.push(format!("{} disks: at most {DISKS}", machine.disks.len()));
    }
    if machine.cards > CARDS {
        faults.push(format!("{} network cards: at most {CARDS}", machine.cards));
    }
    if machine.memory < Bytes::mib(64) {
        faults.push(format!("{} of memory: at least 64 MiB", machine.memory.human()));
    }
    if machine.processors == 0 {
        faults.push("no processor: at least one".to_owned());
    }
    if machine.boot == Boot::Disk && machine.disks.is_empty() {
        faults.push("nothing to start from: name a disk, a medium or a kernel".to_owned());
    }
    let sata = machine.disks.iter().filter(|disk| disk.bus == Bus::Sata).count();
    if sata > qemu::sata_places(machine) {
        faults.push(format!("{sata} SATA disks: at most {}", qemu::sata_places(machine)));
    }
    for file in qemu::files(machine) {
        if let Err(error) = fs::File::open(&file) {
            faults.push(format!("read {}: {error}", file.display()));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, faults.join("; ")))
}
