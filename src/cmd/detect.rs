//! `ciab detect`: what the box is, and what is there now.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::Value;

use super::look::Look;
use crate::{
    boxfile::args::{BoxArgs, USUAL},
    facts::{
        Facts,
        page::facts_page,
        source::{Recorder, Recording, Source, ThisBox, recording::MAX_RECORDING},
    },
    failure::{Exit, Failure},
};

/// Shows what the box is, and what is there now; changes nothing.
#[derive(Args, Clone, Debug)]
pub struct DetectArgs {
    /// The box file that says where the box is; ./box.yaml when left out, and this machine when there is none.
    #[arg(value_name = "BOX")]
    pub box_file: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Also write down everything that was read, to be replayed elsewhere.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Read the box in this recording instead.
    #[arg(long, value_name = "FILE", conflicts_with = "box_file")]
    pub replay: Option<PathBuf>,
}

/// The answer in both forms, and the recording that was asked for.
#[derive(Clone, Debug)]
pub struct Detected {
    pub text: String,
    pub json: Value,
    /// For the file of `--record`.
    pub recording: Option<String>,
}

/// Reads the box that is meant, or the recording that was named.
pub async fn run(args: &DetectArgs) -> Result<Detected, Failure> {
    let found = match (&args.replay, far(args.box_file.as_deref())?) {
        (Some(file), _) => detected(&load(file)?, None)?,
        (None, Some(file)) => {
            let look = Look::at(&file.load()?.boxfile).await?;
            of_recording(&look.recording().await?, args.record.is_some())?
        }
        (None, None) => here(args.record.is_some())?,
    };
    if let (Some(file), Some(text)) = (&args.record, &found.recording) {
        let failed =
            |error| Failure::new(Exit::Usage, format!("write the recording {}: {error}", file.display()));
        std::fs::write(file, text).map_err(failed)?;
    }
    Ok(found)
}

/// The box file that says where the box is: the one that is named, else `./box.yaml` where there is one; without
/// any, this machine is meant.
pub fn far(named: Option<&Path>) -> Result<Option<BoxArgs>, Failure> {
    let file = match named {
        Some(file) => Some(file.to_owned()),
        None => Path::new(USUAL).exists().then(|| USUAL.into()),
    };
    Ok(file.map(|file| BoxArgs { file: Some(file), set: Vec::new() }))
}

/// Reads this machine.
fn here(keep: bool) -> Result<Detected, Failure> {
    if !keep {
        return detected(&ThisBox::default(), None);
    }
    let recorder = Recorder::new(ThisBox::default());
    let facts = Facts::read(&recorder);
    let recording = recorder.into_recording().to_json()?;
    show(&facts, Some(recording))
}

/// What a box far away said: `recording` came from its helper.
pub fn of_recording(recording: &Recording, keep: bool) -> Result<Detected, Failure> {
    detected(recording, if keep { Some(recording.to_json()?) } else { None })
}

fn detected(source: &dyn Source, recording: Option<String>) -> Result<Detected, Failure> {
    show(&Facts::read(source), recording)
}

fn show(facts: &Facts, recording: Option<String>) -> Result<Detected, Failure> {
    let json = serde_json::to_value(facts).map_err(anyhow::Error::from)?;
    Ok(Detected { text: facts_page(facts), json, recording })
}

/// Reads a recording from a file, up to the size that any recording has: a device ends too.
pub fn load(file: &Path) -> Result<Recording, Failure> {
    let bytes = read_bounded(file).map_err(|error| {
        Failure::new(Exit::Usage, format!("read the recording {}: {error}", file.display()))
    })?;
    Recording::parse(&bytes)
        .map_err(|failure| Failure { message: format!("{}: {}", file.display(), failure.message), ..failure })
}

fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed, so that the parser sees that it is too large.
    File::open(file)?.take(MAX_RECORDING as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_replayed_or_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("box.json");
        let replay = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let args = DetectArgs { box_file: None, json: true, record: None, replay: Some(file.clone()) };
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(&args))
        };
        let found = replay(r#"{"schema":"ciab/recording/v1"}"#).unwrap();
        assert_eq!(found.json.as_object().unwrap().keys().next().unwrap(), "schema");
        let failure = replay("{\n nonsense").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.ends_with("line 2 column 2"), "{}", failure.message);
        assert!(load(Path::new("/no/such/file")).unwrap_err().message.contains("/no/such/file"));
    }

    #[test]
    fn what_is_recorded_gives_the_same_facts() {
        let recorder = Recorder::new(ThisBox::default());
        let facts = Facts::read(&recorder);
        assert_eq!(Facts::read(&recorder.into_recording()), facts);
    }
}
