//! `ciab install`: on the medium, puts a system onto the disk that the box file names, and leaves one of three states.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    look::Look,
    running::{consent_to_wipe, display, file_text, hint, wishes},
};
use crate::{
    boxfile::{BoxFile, access::Target, args::BoxArgs},
    event::{Event, Kind, Outcome},
    facts::Facts,
    failure::{Exit, Failure},
    iso::{MOUNTED, area::kernel_words, live},
    plan::{
        self, ChosenDisk,
        install::{self, Install, Standing},
        wipe, wipe_page,
    },
    profile::layout,
    report::{Form, Manner, Report, Setup, out},
    run,
    step::StepId,
    steps::install::{Source, list},
};

/// Puts a system onto a disk of this machine, which was started from the medium.
///
/// The disk is the one that `disks.system` of the box file means. All that is on it is lost: it is shown first, and the
/// disk's serial number is typed, or stands below `disks.system.wipe`. What was cut off goes on where it was left.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The box file; ./box.yaml when left out, where the medium puts the one that is embedded in it.
    #[arg(value_name = "BOX")]
    pub file: Option<PathBuf>,
    /// Ask nothing. A wipe is never confirmed by this: it is named in the box file.
    #[arg(long)]
    pub yes: bool,
    /// Wipe a system too that was put there whole by an earlier installation.
    #[arg(long)]
    pub again: bool,
    /// Print the events of the run, one JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// What an installation leaves of a disk. There is nothing between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing was written to it.
    Untouched,
    /// It is ours, and no system yet.
    NotBootable,
    Finished,
}

impl End {
    fn says(self, disk: &ChosenDisk) -> String {
        match self {
            Self::Untouched => format!("{} is untouched: nothing was written to it", disk.id),
            Self::NotBootable => format!(
                "{} is not bootable: what was on it is lost, and the system is not whole; `ciab install` goes on",
                disk.id
            ),
            Self::Finished => {
                format!(
                    "{} is finished: restart, and the machine makes of itself what its box file says",
                    disk.id
                )
            }
        }
    }
}

/// How an installation ended.
pub struct Ended {
    pub exit: Exit,
    pub end: End,
    /// Whether anything was done: a disk that is finished is left alone.
    pub began: bool,
    disk: ChosenDisk,
}

impl Ended {
    pub fn says(&self) -> String {
        self.end.says(&self.disk)
    }
}

pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let ended = install(args).await?;
    out::note(&ended.says());
    if !ended.began {
        out::note("nothing was done; `ciab install --again` wipes it and begins anew");
    }
    Ok(ended.exit)
}

/// Installs, or says why not and what the disk is then.
pub(super) async fn install(args: &Args) -> Result<Ended, Failure> {
    let found = Found::here(args).await?;
    let disk = found.plan.disk.clone();
    if found.standing == Standing::Finished && !args.again {
        return Ok(Ended { exit: Exit::Done, end: End::Finished, began: false, disk });
    }
    if !args.json {
        let wiped = wipe::one(&found.facts, install::ROLE, &disk);
        out::note(&wipe_page(&[wiped], "`install`"));
    }
    let about = |failure: Failure, end: End| failure.hint(format!("The disk {}.", end.says(&disk)));
    consent_to_wipe(install::ROLE, &disk, args.yes).map_err(|failure| about(failure, found.before()))?;
    let (outcome, end) = found.install(args).await?;
    if let Outcome::Locked { holder } = &outcome {
        return Err(run::locked(holder));
    }
    Ok(Ended { exit: run::exit_of(&outcome), end, began: true, disk })
}

/// A machine that was started from the medium, and what is to be done to it.
struct Found {
    boxfile: BoxFile,
    facts: Facts,
    plan: Install,
    standing: Standing,
    source: Source,
    look: Look,
}

impl Found {
    /// Reads everything and changes nothing.
    async fn here(args: &Args) -> Result<Self, Failure> {
        let medium = live::Medium::read(Path::new(MOUNTED)).map_err(|why| {
            Failure::new(Exit::Usage, format!("this machine was not started from a medium of ciab: {why:#}"))
                .hint("`ciab iso build` makes one; `ciab deploy` sets up a machine that has a system.")
        })?;
        let file = BoxArgs { file: args.file.clone(), set: Vec::new() };
        let mut boxfile = file.load()?.boxfile;
        boxfile.access.target = Target::Local;
        let look = Look::at(&boxfile).await?;
        let facts = Facts::read(&look.recording().await?);
        let plan = install::make(&facts, &boxfile, layout())
            .map_err(|errors| plan::refused(&errors).hint("No disk was written to."))?;
        let line = fs::read_to_string("/proc/cmdline").map_err(anyhow::Error::from)?;
        let (words, odd) = words(&line);
        if !odd.is_empty() {
            out::note(&format!("not carried over to the installed system's kernel: {}", odd.join(" ")));
        }
        let source = Source {
            image: medium.image.display().to_string(),
            sha256: medium.sha256,
            boxfile: file_text(&file)?,
            words,
            marker: medium.marker,
        };
        let standing = plan.standing(&facts);
        Ok(Self { boxfile, facts, plan, standing, source, look })
    }

    /// What the disk is before anything is done.
    fn before(&self) -> End {
        match self.standing {
            Standing::Other => End::Untouched,
            Standing::Begun => End::NotBootable,
            Standing::Finished => End::Finished,
        }
    }

    async fn install(&self, args: &Args) -> Result<(Outcome, End), Failure> {
        let form = if args.json { Form::Json } else { Form::Human };
        let estimates = layout()
            .estimates
            .iter()
            .filter_map(|(name, seconds)| Some((StepId::new(name.as_str()).ok()?, *seconds)));
        let request = run::Request {
            graph: list(&self.plan, &self.source),
            boxfile: self.source.boxfile.clone(),
            plan: serde_json::to_value(&self.plan).map_err(anyhow::Error::from)?,
            name: self.boxfile.name.to_string(),
            profile: self.boxfile.profile.to_string(),
            display: display(),
            expect_box: None,
            reconnect: Duration::from_secs(60),
            again: BTreeSet::new(),
            side_by_side: 1,
            left: Vec::new(),
        };
        let report = Report::start(Setup {
            manner: Manner::suited(form),
            estimates: estimates.collect(),
            again: "ciab install".to_owned(),
            watch: "ciab logs -f --set access.target=local".to_owned(),
        });
        let mut end = self.before();
        let mut say = |event: &Event| {
            if matches!(event.kind, Kind::StepStarted { .. }) {
                end = End::NotBootable;
            }
            report.event(event);
        };
        let outcome = run::run(&request, &self.look.link, &hint(), wishes()?, &mut say).await;
        report.close();
        let outcome = outcome?;
        if let Outcome::Done { .. } = outcome {
            end = End::Finished;
        }
        Ok((outcome, end))
    }
}

/// Words for the kernel of the installed system: all that this start had, but those that only mean the medium; and those that
/// cannot be carried over, as a boot loader would take them for something else.
fn words(line: &str) -> (Vec<String>, Vec<String>) {
    const MEDIUM: [&str; 6] = ["BOOT_IMAGE=", "boot=", "ciab.box=", "ciab.box.sha256=", "initrd=", "root="];
    let kept =
        |word: &&str| !MEDIUM.iter().any(|begin| word.starts_with(begin)) && !["ro", "rw"].contains(word);
    let all = line.split_ascii_whitespace().filter(kept).map(str::to_owned);
    all.partition(|word| kernel_words(word).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_medium_stay_on_it() {
        let line = "BOOT_IMAGE=/live/vmlinuz boot=ciab root=LABEL=CIAB_1 console=tty0 ciab.name=box1 ciab.box=https://a/b a\"b\n";
        let (kept, odd) = words(line);
        assert_eq!(kept, ["console=tty0", "ciab.name=box1"]);
        assert_eq!(odd, ["a\"b"]);
    }
}
