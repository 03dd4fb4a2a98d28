//! What must be tried to be known: clock, names, time servers, registries, addresses, the speed of a disk.
//!
//! Requests are data, so the helper takes them on the box, where the answer counts; the answers are data, so that a
//! check judges a recording as it judges a box. Nothing is changed and nothing stays: a file is written only without a
//! name, and what goes out to the network is a query.

use std::{
    net::IpAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    failure::{Exit, Failure},
    units::Mac,
};

mod address;
mod chrony;
mod fsync;
mod name;
mod ntp;
mod registry;
mod server;

pub use registry::Registry;

/// The version of the document; another one is refused.
pub const SCHEMA: &str = "ciab/measured/v1";

/// The largest document read.
const MAX_DOCUMENT: usize = 1 << 20;

/// The most requests taken at once, a thread each; further ones are answered with `Unknown`.
const MAX_REQUESTS: usize = 64;

/// No single measure may hold a run up longer than this, whatever its request says.
const MAX_DEADLINE: Duration = Duration::from_secs(60);

/// One thing to try, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureRequest {
    pub measure: Measure,
    pub deadline_ms: u64,
}

/// What can be tried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// Whether another host on the same network has this address.
    Address { address: IpAddr },
    /// How far the clock is off, as the running chrony knows it.
    Chrony,
    /// Which addresses a name has, by the box's own resolver.
    Dns { name: String },
    /// What one name server says of a name, whatever the others say.
    NameServer { server: IpAddr, name: String },
    /// How fast small writes reach the disk below a mounted folder.
    Fsync { folder: String },
    /// Whether a time server answers, and how far the clock is off. `host` or `host:port`.
    Ntp { server: String },
    /// Whether a registry can be reached. Without TLS: a connection for an `https` one, an answer for a plain one.
    Registry { registry: Registry },
}

/// Everything that was tried, in the order of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    pub schema: String,
    pub results: Vec<Measurement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    pub measure: Measure,
    pub took_ms: u64,
    pub outcome: Outcome,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    Address(Holder),
    /// It could not be tried, or not to its end; a lower-case fragment for people.
    Unknown {
        reason: String,
    },
    /// In alphabetical order.
    Dns {
        addresses: Vec<IpAddr>,
    },
    Fsync(Fsync),
    /// From a time server or from chrony; a positive offset means that this clock is behind.
    Clock {
        offset_us: i64,
        /// The way there and back; none for chrony.
        delay_us: Option<u64>,
        stratum: u8,
    },
    /// It was reached; the status is that of `GET /v2/`, where no TLS stands before it.
    Registry {
        status: Option<u16>,
    },
    /// It was tried and the answer is no: the name does not exist, the server refuses.
    Refused {
        reason: String,
    },
}

/// Who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    Nobody,
    Another { mac: Option<Mac> },
    ThisBox,
}

/// Times of `write` and `fdatasync` together, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fsync {
    pub writes: u32,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl MeasureRequest {
    /// With the deadline that suits what is measured.
    pub fn new(measure: Measure) -> Self {
        let deadline_ms = match measure {
            // The kernel makes three queries a second apart; for a neighbour it knew, it first waits five seconds.
            Measure::Address { .. } => 9_000,
            Measure::Chrony => 2_000,
            // glibc asks each server twice, five seconds each; one server's two turns are enough to judge.
            Measure::Dns { .. } => 10_000,
            Measure::NameServer { .. } => 4_000,
            // 10 000 writes of a good disk take 2 s; a slow one gets so long for the hundred that are needed.
            Measure::Fsync { .. } => 10_000,
            Measure::Ntp { .. } => 5_000,
            Measure::Registry { .. } => 10_000,
        };
        Self { measure, deadline_ms }
    }
}

impl Measured {
    /// Reads a document from an untrusted place; the failure names line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let refuse = |message: String| Failure::new(Exit::Usage, message);
        if bytes.len() > MAX_DOCUMENT {
            return Err(refuse("measures: larger than 1 MiB".into()));
        }
        let measured: Self =
            serde_json::from_slice(bytes).map_err(|error| refuse(format!("measures: {error}")))?;
        if measured.schema != SCHEMA {
            let found: String = measured.schema.chars().take(40).collect();
            return Err(refuse(format!("measures: schema is `{found}`, this program reads `{SCHEMA}`")));
        }
        Ok(measured)
    }

    /// What came of one measure, if it was asked for.
    pub fn outcome(&self, measure: &Measure) -> Option<&Outcome> {
        self.results.iter().find(|m| m.measure == *measure).map(|m| &m.outcome)
    }

    /// How far the clock is off, in microseconds, by the server with the shortest way; chrony's word comes last.
    pub fn clock_offset_us(&self) -> Option<i64> {
        let clock = |m: &Measurement| match m.outcome {
            Outcome::Clock { offset_us, delay_us, .. } => Some((delay_us.unwrap_or(u64::MAX), offset_us)),
            _ => None,
        };
        self.results.iter().filter_map(clock).min_by_key(|(delay, _)| *delay).map(|(_, offset)| offset)
    }
}

/// Takes all measures on this box, side by side; those of disks one after the other, lest they slow each other down.
pub fn take(requests: &[MeasureRequest]) -> Measured {
    let (send, receive) = mpsc::channel();
    let begun = Instant::now();
    let (disks, others): (Vec<_>, Vec<_>) = requests
        .iter()
        .cloned()
        .enumerate()
        .take(MAX_REQUESTS)
        .partition(|(_, request)| matches!(request.measure, Measure::Fsync { .. }));
    // The time left to everyone: disks in a row, the others at once.
    let longest = others.iter().map(|(_, r)| r.deadline()).max().unwrap_or_default();
    let end = begun + longest.max(disks.iter().map(|(_, r)| r.deadline()).sum()) + GRACE;
    for request in others {
        let send = send.clone();
        // Detached, since a resolver that hangs cannot be stopped; it ends with the process.
        thread::spawn(move || send.send((request.0, request.1.take())));
    }
    thread::spawn(move || disks.into_iter().try_for_each(|(at, request)| send.send((at, request.take()))));

    let mut answers: Vec<Option<(u64, Outcome)>> = vec![None; requests.len()];
    while let Ok((at, answer)) = receive.recv_timeout(end.saturating_duration_since(Instant::now())) {
        if let Some(place) = answers.get_mut(at) {
            *place = Some(answer);
        }
    }
    let late = || (millis(begun.elapsed()), unknown("no answer in time"));
    let results = requests.iter().zip(answers).map(|(request, answer)| {
        let (took_ms, outcome) = answer.unwrap_or_else(late);
        Measurement { measure: request.measure.clone(), took_ms, outcome }
    });
    Measured { schema: SCHEMA.to_owned(), results: results.collect() }
}

/// What a measure that keeps its deadline may take longer all the same.
const GRACE: Duration = Duration::from_millis(500);

impl MeasureRequest {
    fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms).min(MAX_DEADLINE)
    }

    fn take(&self) -> (u64, Outcome) {
        let begun = Instant::now();
        let end = begun + self.deadline();
        let outcome = match &self.measure {
            Measure::Address { address } => address::measure(*address, end),
            Measure::Chrony => chrony::measure(),
            Measure::Dns { name } => name::measure(name, end),
            Measure::NameServer { server, name } => server::measure(*server, name, end),
            Measure::Fsync { folder } => fsync::measure(folder.as_ref(), end),
            Measure::Ntp { server } => ntp::measure(server, end),
            Measure::Registry { registry } => registry::measure(registry, end),
        };
        (millis(begun.elapsed()), outcome)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn unknown(reason: impl Into<String>) -> Outcome {
    Outcome::Unknown { reason: reason.into() }
}

fn refused(reason: impl Into<String>) -> Outcome {
    Outcome::Refused { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_answered_in_their_order_and_read_back() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let requests = [
            MeasureRequest { measure: Measure::Fsync { folder: path }, deadline_ms: 50 },
            MeasureRequest::new(Measure::Address { address: "127.0.0.1".parse().unwrap() }),
            MeasureRequest::new(Measure::Fsync { folder: "/no/such/folder".into() }),
        ];
        let measured = take(&requests);
        assert_eq!(measured.results.len(), 3);
        for (request, result) in requests.iter().zip(&measured.results) {
            assert_eq!(request.measure, result.measure);
        }
        assert_eq!(measured.results[1].outcome, Outcome::Address(Holder::ThisBox));
        assert!(matches!(measured.results[2].outcome, Outcome::Unknown { .. }));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file stays");
        let json = serde_json::to_vec(&measured).unwrap();
        assert_eq!(Measured::parse(&json).unwrap(), measured);
    }

    #[test]
    fn the_nearest_server_tells_the_offset() {
        let clock = |offset_us, delay_us| Measurement {
            measure: Measure::Chrony,
            took_ms: 1,
            outcome: Outcome::Clock { offset_us, delay_us, stratum: 2 },
        };
        let results = vec![clock(9, None), clock(5, Some(20_000)), clock(-3, Some(1_000))];
        let measured = Measured { schema: SCHEMA.into(), results };
        assert_eq!(measured.clock_offset_us(), Some(-3));
    }

    #[test]
    fn a_wrong_document_is_refused() {
        for text in ["", "{}", r#"{"schema":"x","results":[]}"#, r#"{"schema":1}"#] {
            assert_eq!(Measured::parse(text.as_bytes()).unwrap_err().exit, Exit::Usage);
        }
    }
}
