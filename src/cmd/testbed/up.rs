//! `ciab testbed up`: makes a machine and switches it on; or switches on one that is there.

use std::{path::PathBuf, time::Duration};

use super::{base, cache, show};
use crate::{
    failure::{Exit, Failure},
    report::out,
    testbed::{
        self,
        accelerator::{self, Accelerator},
        debian,
        disk::{Bus, Content, Disk, Serial},
        machine::{self, Boot, Firmware, Machine, Place},
        power,
    },
    tool::call,
    units::Bytes,
};

/// Makes a machine and switches it on; one that is there is switched on as it is. Without a disk, medium or kernel it is a
/// bare Debian 12 that is made for it once.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The machine's name.
    pub name: String,
    /// A disk: BUS:SIZE or BUS:FILE (virtio, sata, nvme, usb), and `,serial=TEXT|none`, `,block=512|4096`; a file is not
    /// changed. May be given several times.
    #[arg(long = "disk", value_name = "DISK")]
    pub disks: Vec<Disk>,
    /// Start from this medium (an ISO).
    #[arg(long, value_name = "FILE", conflicts_with = "kernel")]
    pub medium: Option<PathBuf>,
    /// Start this kernel.
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// With this initial root.
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub initrd: Option<PathBuf>,
    /// And these words.
    #[arg(long, value_name = "WORDS", requires = "kernel", default_value = "console=ttyS0")]
    pub append: String,
    /// The firmware.
    #[arg(long, value_enum, default_value_t)]
    pub firmware: Firmware,
    /// Processors.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub processors: u32,
    /// Memory.
    #[arg(long, value_name = "SIZE", default_value = "2560MiB")]
    pub memory: Bytes,
    /// Network cards.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub cards: u8,
    /// What runs its processors. Left out, it is tried whether a kernel starts under KVM.
    #[arg(long, value_enum)]
    pub accelerator: Option<Accelerator>,
    /// Seconds until it answers by SSH; 0 waits for nothing. Left out, 600 for the bare Debian and 0 for others.
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Long enough for an emulated machine on a busy one.
const PATIENCE: u64 = 600;

impl Args {
    fn is_debian(&self) -> bool {
        let file = |disk: &Disk| matches!(disk.content, Content::File(_));
        self.medium.is_none() && self.kernel.is_none() && !self.disks.iter().any(file)
    }

    /// Whether it says what the machine shall be.
    fn describes(&self) -> bool {
        !self.disks.is_empty() || self.medium.is_some() || self.kernel.is_some()
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    call::need(&testbed::TOOLS)?;
    let place = Place::of(&base()?, &args.name)?;
    let machine = if place.exists() {
        if args.describes() {
            let failure = Failure::new(Exit::Usage, format!("machine {} is there already", args.name));
            return Err(failure.hint(format!("`ciab testbed down {}` takes it away.", args.name)));
        }
        place.machine()?
    } else {
        let machine = describe(args)?;
        machine::refuse(&machine)?;
        place.make(&machine)?;
        machine
    };
    power::on(&machine, &place, None)?;
    let patience = args.wait.unwrap_or(if machine.keys { PATIENCE } else { 0 });
    if patience > 0 {
        out::note("Waiting until it answers by SSH");
        power::reached(&machine, &place, Duration::from_secs(patience))?;
    }
    let shown = show::one(&machine, &place)?;
    if args.json { out::json(&shown) } else { out::page(&show::text(&shown)) }?;
    Ok(Exit::Done)
}

/// The machine that the words ask for; what it starts from is made where it has to be.
fn describe(args: &Args) -> Result<Machine, Failure> {
    let cache = cache()?;
    let mut disks = args.disks.clone();
    let (boot, tried) = if let Some(medium) = &args.medium {
        (Boot::Medium(absolute(medium)?), None)
    } else if let Some(kernel) = &args.kernel {
        let initrd = args.initrd.as_ref().map(absolute).transpose()?;
        let kernel = absolute(kernel)?;
        (Boot::Kernel { kernel: kernel.clone(), initrd, append: args.append.clone() }, Some(kernel))
    } else if args.is_debian() {
        let base = match debian::made(&cache) {
            Some(base) => base,
            None => {
                out::note("Making a bare Debian, once: about two minutes");
                debian::make(&cache)?
            }
        };
        // Before those that were asked for, which are blank.
        let disk =
            Disk { bus: Bus::Virtio, content: Content::File(base.disk()), serial: Serial::Own, block: 512 };
        disks.insert(0, disk);
        (base.boot(), Some(base.kernel()))
    } else {
        (Boot::Disk, None)
    };
    let accelerator = match args.accelerator {
        Some(said) => said,
        None => accelerator::found(&cache, tried.as_deref())?,
    };
    Ok(Machine {
        schema: Machine::schema(),
        name: args.name.clone(),
        processors: args.processors,
        memory: args.memory,
        firmware: args.firmware,
        boot,
        disks,
        cards: args.cards,
        port: machine::free_port()?,
        keys: args.is_debian(),
        accelerator,
    })
}

fn absolute(path: &PathBuf) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))
}
