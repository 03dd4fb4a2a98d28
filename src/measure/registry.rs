//! Whether a container registry can be reached.
//!
//! This program speaks no TLS: of an `https` registry it is known that the way is open, not that the certificate is
//! good; the container engine finds out at the first pull.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Outcome, name, refused};

/// The largest head of an answer that is looked at.
const MAX_HEAD: u64 = 4096;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// `host:port`
    pub endpoint: String,
    /// Plain HTTP, as a registry on the box or on the local network may be.
    pub plain: bool,
    /// `host:port` of an HTTP proxy on the way.
    pub proxy: Option<String>,
}

/// The status of an answer: `HTTP/1.1 401 Unauthorized`.
fn parse_status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|b| *b == b'\r' || *b == b'\n').next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|w| w.starts_with("HTTP/1."))?;
    words.next().filter(|w| w.len() == 3)?.parse().ok()
}

/// What to say once connected; `None` where only TLS would be understood.
fn question(registry: &Registry) -> Option<String> {
    let Registry { endpoint, plain, proxy } = registry;
    match (plain, proxy) {
        (true, None) => Some(format!("GET /v2/ HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n\r\n")),
        (true, Some(_)) => Some(format!(
            "GET http://{endpoint}/v2/ HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n\r\n"
        )),
        (false, Some(_)) => Some(format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n\r\n")),
        (false, None) => None,
    }
}

/// A registry answers 200, or 401 where it wants a login; a proxy answers `CONNECT` with 200.
fn judge(registry: &Registry, status: u16) -> Outcome {
    match (registry.plain, status) {
        (true, 200 | 401) => Outcome::Registry { status: Some(status) },
        (true, other) => refused(format!("GET /v2/ is answered with {other}, so it is no registry")),
        (false, 200) => Outcome::Registry { status: None },
        (false, other) => refused(format!("the proxy answers with {other}")),
    }
}

pub(super) fn measure(registry: &Registry, end: Instant) -> Outcome {
    if registry.endpoint.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return refused("an endpoint is host:port");
    }
    let (first, answer) = (registry.proxy.as_ref().unwrap_or(&registry.endpoint), question(registry));
    let mut stream = match connect(first, end) {
        Ok(stream) => stream,
        Err(error) => return refused(format!("connect to {first}: {error}")),
    };
    let Some(question) = answer else { return Outcome::Registry { status: None } };
    match talk(&mut stream, &question, end) {
        Ok(head) => parse_status(&head).map_or_else(
            || refused(format!("{first} does not speak HTTP")),
            |status| judge(registry, status),
        ),
        Err(error) => refused(format!("ask {first}: {error}")),
    }
}

/// Tries each address of a host in turn, giving each a fair share of the time.
fn connect(endpoint: &str, end: Instant) -> io::Result<TcpStream> {
    let addresses = resolve(endpoint, end)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for (at, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, left(end)? / others) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// `host:port`.
fn resolve(endpoint: &str, end: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = endpoint.parse() {
        return Ok(vec![address]);
    }
    let parts = endpoint.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) =
        parts.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "an endpoint is host:port"))?;
    Ok(name::resolve(host, end)?.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// The time left; none is an error, since a socket takes no timeout of zero.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left < Duration::from_millis(1) {
        Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
    } else {
        Ok(left)
    }
}

/// Sends a question and reads the head of the answer, or as much of it as is worth reading.
fn talk(stream: &mut TcpStream, question: &str, end: Instant) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(left(end)?))?;
    stream.write_all(question.as_bytes())?;
    let (mut head, mut piece) = (Vec::new(), [0; 512]);
    while !head.contains(&b'\n') && (head.len() as u64) < MAX_HEAD {
        stream.set_read_timeout(Some(left(end)?))?;
        match stream.read(&mut piece)? {
            0 => break,
            length => head.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn answer_with(answer: &'static str, plain: bool) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let serve = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            if !answer.is_empty() {
                let _ = stream.read(&mut [0; 256]);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let registry = Registry { endpoint, plain, proxy: None };
        let outcome = measure(&registry, Instant::now() + Duration::from_secs(5));
        serve.join().unwrap();
        outcome
    }

    #[test]
    fn plain_registries_answer_and_others_are_connected_to() {
        for (answer, plain, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n{}", true, Some(Some(200))),
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", true, Some(Some(401))),
            ("HTTP/1.1 404 Not Found\r\n\r\n", true, None),
            ("SSH-2.0-OpenSSH_9.2\r\n", true, None),
            ("", true, None),
            ("", false, Some(None)),
        ] {
            let outcome = answer_with(answer, plain);
            match expected {
                Some(status) => assert_eq!(outcome, Outcome::Registry { status }, "{answer}"),
                None => assert!(matches!(outcome, Outcome::Refused { .. }), "{answer}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn a_header_cannot_be_smuggled_in() {
        let registry = Registry { endpoint: "a:1\r\nX: y".into(), plain: true, proxy: None };
        assert!(matches!(measure(&registry, Instant::now()), Outcome::Refused { .. }));
    }

    proptest::proptest! {
        #[test]
        fn any_answer_is_read(head: Vec<u8>) {
            parse_status(&head);
        }
    }
}
