//! The words between engine and helper: frames of a length (four bytes, big endian) and a JSON document. A request that says
//! so is followed by bytes that are no document.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use serde::{Deserialize, Serialize};

use super::bundle::{BundleReply, BundleRequest};
use crate::{
    facts::source::Recording,
    measure::{MeasureRequest, Measured},
    secrets::SecretSpec,
    step::{Answer, Graph, Probe, StepId},
};

/// A frame larger than this is refused on both sides: a tree of configuration is a few hundred KiB.
pub const LARGEST_FRAME: u32 = 64 << 20;

/// The version of these words; engine and helper are one binary, so any other version is an error.
pub const VERSION: u32 = 2;

/// What the engine asks, and the number its answer will carry.
#[derive(Debug, Serialize, Deserialize)]
pub struct Asked {
    pub id: u64,
    pub request: Request,
}

/// What the helper answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answered {
    pub id: u64,
    pub reply: Result<Reply, Fault>,
}

/// What may be asked. Those in the second half change the box and need the lock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    Hello {
        version: u32,
    },
    /// Keeps the lease alive.
    Ping,
    /// Everything the readers of facts ask for, as one recording.
    Facts,
    Measure {
        requests: Vec<MeasureRequest>,
    },
    /// Where every step stands: record, inputs, and what its probe says.
    Survey {
        graph: Graph,
    },
    /// The latest run's documents, and what runs now.
    Status,
    /// Who holds the lock; cheap enough to be asked all the time, where `Status` asks every step's probe.
    Holder,
    /// Output of an attempt from a byte on; waits a moment when there is none.
    Follow {
        step: StepId,
        attempt: u32,
        from: u64,
    },
    /// Events of the current run after a sequence number.
    Events {
        after: u64,
    },
    Probe {
        step: StepId,
    },
    /// Asks probes that belong to no step: the proofs of `verify`.
    Prove {
        probes: Vec<Probe>,
    },
    /// Texts of files as they are on the box, to be compared with a tree.
    Read {
        paths: Vec<String>,
    },
    /// What an earlier run decided, and the values of all secrets (the caller is root on the box already).
    Bound,
    /// Redacted record for a support bundle.
    Support,

    /// Takes the lock and makes sure of the record. `display` is shown to whoever comes second.
    Lock {
        display: String,
        name: String,
    },
    /// Gives the lock back before the connection ends.
    Unlock,
    /// Makes the named secrets that do not exist yet.
    Secrets {
        names: Vec<SecretSpec>,
    },
    SaveBound {
        bound: serde_json::Value,
    },
    /// Opens a run: its documents are kept, its number is given.
    Begin {
        boxfile: String,
        plan: serde_json::Value,
        graph: Graph,
    },
    /// Goes on with a run after the connection was lost; refused when another one has begun since.
    Resume {
        run: u64,
    },
    /// Writes the specification of an attempt and starts its unit.
    Start {
        step: StepId,
        attempt: u32,
    },
    /// Asks the probe of an ended attempt, and writes `done` if it holds.
    Finish {
        step: StepId,
        attempt: u32,
    },
    /// Writes `done` for a step that holds though no attempt of ours says so, where its probe compares inputs.
    Adopt {
        step: StepId,
    },
    /// Confirms a guarded change; only accepted over a connection that is younger than the change.
    Confirm {
        step: StepId,
        attempt: u32,
    },
    Stop {
        step: StepId,
        attempt: u32,
    },
    /// Asks a run that is going on elsewhere to begin nothing new (`now`: and to stop what runs).
    Cancel {
        now: bool,
    },
    /// A bundle comes to the box.
    Bundle(BundleRequest),
    /// Appends events, one a line, to the record, for later readers.
    Say {
        line: String,
    },
}

/// Answers, in the order of the requests.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Hello(Box<Hello>),
    Nothing,
    /// What another terminal asked of this run.
    Pong {
        cancel: Option<Cancel>,
    },
    Facts(Box<Recording>),
    Measured(Box<Measured>),
    Survey(Vec<Standing>),
    Status(Box<Status>),
    Holder(Option<String>),
    Output(Output),
    Events(Vec<String>),
    Answer(Answer),
    Answers(Vec<Answer>),
    Files(BTreeMap<String, FileState>),
    Bound(Box<Kept>),
    Support(BTreeMap<String, String>),
    Locked {
        box_id: String,
        last_event: u64,
    },
    Secrets(BTreeMap<String, String>),
    Bundle(BundleReply),
    Begun {
        run: u64,
    },
    Started,
    Finished(Answer),
}

/// What `ciab cancel` asks of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cancel {
    /// Begin nothing new; what runs may end.
    NoNewSteps,
    /// The units have been stopped as well.
    Now,
}

/// Who the helper is and where it runs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {
    pub version: u32,
    /// None before the first run.
    pub box_id: Option<String>,
    /// The name its first box file gave it.
    pub name: Option<String>,
    /// The number of the latest run, 0 before the first.
    pub run: u64,
    pub boot: Boot,
    pub hostname: String,
    /// Whether the helper runs as root; else facts are missing and nothing can be changed.
    pub root: bool,
}

/// One start of the box: the kernel's boot id and the start time of process 1 in clock ticks since boot.
///
/// Both, because a container keeps the kernel's id over its own restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    pub id: String,
    pub pid1: u64,
}

/// Where one step stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub step: StepId,
    /// The latest attempt, 0 when there is none.
    pub attempt: u32,
    pub state: State,
    /// Whether the latest attempt had the inputs that the graph has now.
    pub same_inputs: bool,
    pub answer: Answer,
}

/// What the record of the latest attempt means (`protocol.md`, "What the record means on return").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// No attempt.
    Waiting,
    /// A specification whose unit never began: the attempt is used again.
    Prepared,
    /// Its unit is loaded.
    Active,
    InDoubt {
        why: String,
    },
    Failed {
        exit: Exit,
    },
    /// Ended well; the probe has the next word.
    Ended,
    Done,
}

/// How a unit's main process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    Code(i32),
    Signal(String),
    /// systemd ended it at its hard limit.
    TimedOut,
    /// The change was taken back because nobody confirmed it.
    Reverted,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(name) => write!(f, "killed by {name}"),
            Self::TimedOut => f.write_str("stopped at its hard time limit"),
            Self::Reverted => f.write_str("taken back: nobody confirmed it over a new connection"),
        }
    }
}

/// A piece of an attempt's output, whole lines wherever there are any, secrets taken out.
#[derive(Debug, Serialize, Deserialize)]
pub struct Output {
    pub text: String,
    /// The byte to ask for next.
    pub next: u64,
    pub state: State,
}

/// The run as a second viewer sees it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Status {
    pub run: u64,
    pub box_id: Option<String>,
    /// Who holds the lock now, if somebody does.
    pub holder: Option<String>,
    pub graph: Option<Graph>,
    pub standings: Vec<Standing>,
    pub last_event: u64,
}

/// What the box keeps of earlier runs.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    /// What the first run decided.
    pub bound: Option<serde_json::Value>,
    /// The box file and the plan of the latest run.
    pub boxfile: Option<String>,
    pub plan: Option<serde_json::Value>,
    /// Every step that ever had an attempt.
    pub steps: Vec<StepId>,
    /// All secrets that go into files: whoever asks is root on the box already.
    pub secrets: BTreeMap<String, String>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept {{ secrets: {} }}", self.secrets.len())
    }
}

/// A file as it is on the box.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    Absent,
    Present {
        mode: u32,
        owner: String,
        group: String,
        text: String,
    },
    /// Larger than a MiB, no text, or not a file.
    Odd {
        why: String,
    },
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    #[error("another run holds the lock: {holder}")]
    Locked { holder: String },
    #[error("this connection does not hold the lock")]
    NotLocked,
    /// Nothing is begun now, and no probe is believed: services are being stopped.
    #[error("the box is going down")]
    GoingDown,
    /// The record cannot be kept on the box as it is now: its disk is full or read-only, or is memory.
    #[error("{message}")]
    NoRoom { message: String },
    #[error("{message}")]
    Damaged { message: String },
    #[error("{message}")]
    Failed { message: String },
}

impl Fault {
    /// What the box cannot do as it is now, and what went wrong otherwise.
    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        let message = format!("{error:#}");
        if no_room(error) { Self::NoRoom { message } } else { Self::Failed { message } }
    }

    /// The same of the record's first words, which are damaged if they cannot be read.
    pub(crate) fn damaged(error: &anyhow::Error) -> Self {
        let message = format!("{error:#}");
        if no_room(error) { Self::NoRoom { message } } else { Self::Damaged { message } }
    }
}

fn no_room(error: &anyhow::Error) -> bool {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::ReadOnlyFilesystem];
    let is_full = |cause: &io::Error| full.contains(&cause.kind());
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_full)) || error.is::<InMemory>()
}

/// A record in memory is gone when it is needed most.
#[derive(Debug, thiserror::Error)]
#[error("{0} is in memory (tmpfs), and the record must survive a restart: mount a disk there")]
pub(crate) struct InMemory(pub(crate) String);

/// Reads one frame; `None` at a clean end.
pub(crate) fn read_frame<T: serde::de::DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    let mut got = 0;
    while got < 4 {
        match from.read(&mut length[got..])? {
            0 if got == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => got += n,
        }
    }
    let length = checked_length(length)?;
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    decode(&body).map(Some)
}

/// Reads one request, with the bytes that follow it; `None` at a clean end.
pub(crate) fn read_asked(from: &mut impl Read) -> io::Result<Option<Asked>> {
    let mut asked = read_frame::<Asked>(from)?;
    if let Some(Asked { request: Request::Bundle(BundleRequest::Piece { size, bytes, .. }), .. }) = &mut asked
    {
        *bytes = vec![0; checked_length(size.to_be_bytes())?];
        from.read_exact(bytes)?;
    }
    Ok(asked)
}

/// A request's frame, with the bytes that follow it.
pub(crate) fn encode_asked(asked: &Asked) -> io::Result<Vec<u8>> {
    let mut frame = encode(asked)?;
    if let Request::Bundle(BundleRequest::Piece { bytes, .. }) = &asked.request {
        frame.extend(bytes);
    }
    Ok(frame)
}

/// Writes one frame with a single call, so that frames of several threads do not mix under a lock.
pub(crate) fn write_frame(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(value)?)?;
    to.flush()
}

/// A frame's bytes.
pub(crate) fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, value)?;
    let length = u32::try_from(frame.len() - 4).ok().filter(|n| *n <= LARGEST_FRAME);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "frame too large"))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// The length a frame announces, refused when it is beyond the budget.
pub(crate) fn checked_length(bytes: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(bytes);
    if length > LARGEST_FRAME {
        let text = format!("a frame of {length} bytes: the other side is no helper of ours");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(length as usize)
}

/// The document in a frame's body.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_each_other_and_end_cleanly() {
        let mut bytes = Vec::new();
        for id in 0..3 {
            write_frame(&mut bytes, &Asked { id, request: Request::Ping }).unwrap();
        }
        let mut from = bytes.as_slice();
        for id in 0..3 {
            assert_eq!(read_frame::<Asked>(&mut from).unwrap().unwrap().id, id);
        }
        assert!(read_frame::<Asked>(&mut from).unwrap().is_none());
    }

    #[test]
    fn bytes_follow_the_request_that_announces_them() {
        let file: crate::bundle::store::Wanted = serde_json::from_value(serde_json::json!(
            { "path": "a", "size": 3, "sha256": "0f".repeat(32) }
        ))
        .unwrap();
        let piece = |bytes: &[u8], size| BundleRequest::Piece {
            file: file.clone(),
            at: 0,
            size,
            bytes: bytes.to_vec(),
        };
        let mut bytes = encode_asked(&Asked { id: 1, request: Request::Bundle(piece(b"\0{\n", 3)) }).unwrap();
        bytes.extend(encode_asked(&Asked { id: 2, request: Request::Ping }).unwrap());
        let mut from = bytes.as_slice();
        let first = read_asked(&mut from).unwrap().unwrap();
        let Request::Bundle(BundleRequest::Piece { bytes, .. }) = first.request else { panic!("{first:?}") };
        assert_eq!(bytes, b"\0{\n");
        assert_eq!(read_asked(&mut from).unwrap().unwrap().id, 2);
        assert!(read_asked(&mut from).unwrap().is_none());
        for (sent, size) in [(&b"ab"[..], 3), (b"", u32::MAX)] {
            let cut = encode_asked(&Asked { id: 1, request: Request::Bundle(piece(sent, size)) }).unwrap();
            assert!(read_asked(&mut cut.as_slice()).is_err(), "{size}");
        }
    }

    #[test]
    fn a_cut_at_any_byte_is_an_error_and_never_a_frame() {
        let whole = encode(&Asked { id: 7, request: Request::Hello { version: 1 } }).unwrap();
        for cut in 1..whole.len() {
            assert!(read_frame::<Asked>(&mut &whole[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_full_disk_is_no_damage() {
        let full =
            || anyhow::Error::from(io::Error::from_raw_os_error(28)).context("write /var/lib/ciab/lock");
        assert!(matches!(Fault::damaged(&full()), Fault::NoRoom { .. }));
        assert!(matches!(Fault::failed(&full()), Fault::NoRoom { .. }));
        assert!(matches!(Fault::failed(&InMemory("/run".into()).into()), Fault::NoRoom { .. }));
        let odd = || anyhow::anyhow!("read box.json: the file is damaged");
        assert!(matches!(Fault::damaged(&odd()), Fault::Damaged { .. }));
        assert!(matches!(Fault::failed(&odd()), Fault::Failed { .. }));
    }

    #[test]
    fn a_length_beyond_the_budget_is_refused_before_it_is_allocated() {
        assert!(read_frame::<Asked>(&mut [0xff; 16].as_slice()).is_err());
    }
}
