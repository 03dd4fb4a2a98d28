//! One question to one name server (RFC 1035), past the box's own resolver: that would hide a server that is silent
//! behind one that answers.

use std::{
    fs::File,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use super::{Outcome, refused, unknown};

const PORT: u16 = 53;
/// How long one question waits before it is put again: a lost packet must not decide.
const TURN: Duration = Duration::from_millis(1_500);
const TURNS: u32 = 2;
/// The largest answer without extensions, RFC 1035 section 2.3.4.
const PACKET: usize = 512;
/// Type A, class IN.
const ADDRESS: [u8; 4] = [0, 1, 0, 1];

pub(super) fn measure(server: IpAddr, name: &str, end: Instant) -> Outcome {
    ask(SocketAddr::new(server, PORT), name, end)
}

fn ask(server: SocketAddr, name: &str, end: Instant) -> Outcome {
    let mut id = [0; 2];
    let number = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut id));
    if let Err(error) = number {
        return unknown(format!("read the random generator: {error}"));
    }
    let Some(question) = question(id, name) else { return unknown("this is no name") };
    let mut why = "no answer in time".to_owned();
    for _ in 0..TURNS {
        match turn(server, &question, id, end.min(Instant::now() + TURN)) {
            Ok(outcome) => return outcome,
            Err(error) => why = said(&error),
        }
        if Instant::now() >= end {
            break;
        }
    }
    refused(why)
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it does not answer".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        _ => error.to_string(),
    }
}

fn turn(server: SocketAddr, question: &[u8], id: [u8; 2], end: Instant) -> io::Result<Outcome> {
    let any: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    // Only its answers come in then, and a closed port is told.
    socket.connect(server)?;
    socket.send(question)?;
    let mut packet = [0; PACKET];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let size = socket.recv(&mut packet)?;
        if let Some(outcome) = packet.get(..size).and_then(|packet| parse(packet, id)) {
            return Ok(outcome);
        }
    }
}

/// A question for the IPv4 addresses of a name, recursion desired.
fn question(id: [u8; 2], name: &str) -> Option<Vec<u8>> {
    let mut packet = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        packet.push(length);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    packet.extend_from_slice(&ADDRESS);
    (packet.len() <= PACKET).then_some(packet)
}

/// Reads an answer; `None` where it is none to our question. A name that is not there, or has no IPv4 address, is an
/// answer as well: the server works.
fn parse(packet: &[u8], id: [u8; 2]) -> Option<Outcome> {
    let is_ours = packet.get(..2)? == id && packet.get(2)? & 0x80 != 0;
    if !is_ours {
        return None;
    }
    match packet.get(3)? & 0x0f {
        0 | 3 => {}
        2 => return Some(refused("it reaches no server that would know")),
        5 => return Some(refused("it does not answer this box")),
        code => return Some(refused(format!("it answers with code {code}"))),
    }
    Some(Outcome::Dns { addresses: answers(packet).unwrap_or_default() })
}

/// The IPv4 addresses of the answer section.
fn answers(packet: &[u8]) -> Option<Vec<IpAddr>> {
    let number = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let (questions, count) = (number(4)?, number(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = skip(packet, at)? + 4;
    }
    let mut addresses = Vec::new();
    for _ in 0..count {
        at = skip(packet, at)?;
        let (kind, size) = (packet.get(at..at + 4)?, usize::from(number(at + 8)?));
        let data = packet.get(at + 10..at + 10 + size)?;
        if kind == ADDRESS
            && let Ok(octets) = <[u8; 4]>::try_from(data)
        {
            addresses.push(IpAddr::V4(Ipv4Addr::from(octets)));
        }
        at += 10 + size;
    }
    addresses.sort();
    Some(addresses)
}

/// The place behind a name, whose end may stand elsewhere.
fn skip(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A server that answers one question so.
    fn server(answer: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let place = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut packet = [0; PACKET];
            let (size, from) = socket.recv_from(&mut packet).unwrap();
            // First what somebody else might send.
            socket.send_to(&[0, 0, 0x81, 0x80], from).unwrap();
            socket.send_to(&answer(packet[..size].to_vec()), from).unwrap();
        });
        place
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn a_server_tells_addresses_or_why_not() {
        let found = server(|mut packet| {
            (packet[2], packet[3], packet[7]) = (0x81, 0x80, 2);
            // An alias first, then an address; both for the name in the question.
            packet.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
            packet.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
            packet
        });
        let address = "192.0.2.7".parse().unwrap();
        assert_eq!(ask(found, "deb.example.org", soon()), Outcome::Dns { addresses: vec![address] });
        let refuses = server(|mut packet| {
            (packet[2], packet[3]) = (0x81, 0x85);
            packet
        });
        assert_eq!(ask(refuses, "a.", soon()), refused("it does not answer this box"));
    }

    #[test]
    fn silence_is_told_from_a_closed_port() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let place = silent.local_addr().unwrap();
        let end = Instant::now() + Duration::from_millis(100);
        assert_eq!(ask(place, "a.org", end), refused("it does not answer"));
        drop(silent);
        assert_eq!(ask(place, "a.org", soon()), refused("nobody listens there"));
        assert!(matches!(ask(place, "a..b", soon()), Outcome::Unknown { .. }));
    }

    proptest::proptest! {
        #[test]
        fn any_packet_is_read(mut packet: Vec<u8>, name: String) {
            parse(&packet, [0, 0]);
            if packet.len() > 3 {
                (packet[0], packet[1], packet[2], packet[3]) = (0, 0, 0x80, 0);
                parse(&packet, [0, 0]);
            }
            question([1, 2], &name);
        }
    }
}
