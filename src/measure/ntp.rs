//! One question to a time server (SNTP, RFC 4330; the packet is that of RFC 5905, figure 8).

use std::{
    fs::File,
    io::{self, Read},
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Outcome, name, refused, unknown};

const PORT: u16 = 123;
const PACKET: usize = 48;

/// Seconds from the beginning of NTP's time, 1900, to that of Unix.
const ERA: u64 = 2_208_988_800;

/// How long one question waits for its answer, before the next address or another turn.
const TURN: Duration = Duration::from_millis(1_500);

/// Questions to a server that answers, and what lies between two: enough to find a short way, too few to annoy.
const SAMPLES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Seconds in the upper half, their fraction in the lower one; wraps every 136 years, so only differences count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(u64);

impl Stamp {
    fn of(time: Duration) -> Self {
        let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
        Self((time.as_secs().wrapping_add(ERA) << 32) | fraction)
    }

    /// Microseconds from an earlier stamp to this one, negative if it is a later one.
    fn since(self, earlier: Self) -> i64 {
        let difference = self.0.wrapping_sub(earlier.0).cast_signed();
        // The whole range of the shifted product is that of 2^31 seconds, well inside.
        i64::try_from((i128::from(difference) * 1_000_000) >> 32).unwrap_or(i64::MAX)
    }
}

/// Version 4, mode 3 (client), and nothing else but a number that only the one asked knows.
fn question(cookie: [u8; 8]) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = 0x23;
    packet[40..].copy_from_slice(&cookie);
    packet
}

/// Reads an answer to the question with this number, sent at `sent` and answered at `received` by our clock.
fn parse(packet: &[u8], cookie: [u8; 8], sent: Stamp, received: Stamp) -> Result<Outcome, Foreign> {
    let field = |at: usize| packet.get(at..at + 8).and_then(|b| b.try_into().ok()).ok_or(Foreign);
    let (head, stratum) = (*packet.first().ok_or(Foreign)?, *packet.get(1).ok_or(Foreign)?);
    let (origin, arrived, left): ([u8; 8], [u8; 8], [u8; 8]) = (field(24)?, field(32)?, field(40)?);
    if head & 7 != 4 || !(3..=4).contains(&(head >> 3 & 7)) || origin != cookie {
        return Err(Foreign);
    }
    if stratum == 0 {
        // "Kiss of death": four letters say why.
        let code: String = packet.get(12..16).unwrap_or_default().iter().map(|b| char::from(*b)).collect();
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        return Ok(refused(format!("the server sends us away: {code}")));
    }
    let backwards = Stamp(u64::from_be_bytes(left)).since(Stamp(u64::from_be_bytes(arrived))) < 0;
    if head >> 6 == 3 || stratum > 15 || left == [0; 8] || backwards {
        return Ok(refused("the server does not know the time itself"));
    }
    let (arrived, left) = (Stamp(u64::from_be_bytes(arrived)), Stamp(u64::from_be_bytes(left)));
    let (there, back) = (arrived.since(sent), left.since(received));
    let offset_us = i64::try_from((i128::from(there) + i128::from(back)) / 2).unwrap_or(i64::MAX);
    let delay = received.since(sent).saturating_sub(left.since(arrived));
    Ok(Outcome::Clock { offset_us, delay_us: Some(u64::try_from(delay).unwrap_or(0)), stratum })
}

/// A packet that is no answer to our question: anybody may send one.
#[derive(Debug, PartialEq, Eq)]
struct Foreign;

pub(super) fn measure(server: &str, end: Instant) -> Outcome {
    let addresses: Vec<SocketAddr> = match resolve(server, end) {
        Ok(addresses) => addresses,
        Err(error) => return refused(format!("resolve {server}: {error}")),
    };
    let mut why = format!("{server} has no address");
    // Two turns over at most two addresses: a lost packet or a dead IPv6 must not decide.
    for address in addresses.iter().take(2).cycle().take(4) {
        let turn = end.min(Instant::now() + TURN);
        match ask(*address, turn) {
            Ok(first) => return best_of(*address, first, end),
            Err(error) => why = format!("{address}: {error}"),
        }
        if Instant::now() >= end {
            break;
        }
    }
    refused(why)
}

/// Asks again for a sample with a shorter way, whose offset is the better one (RFC 5905, section 10).
fn best_of(address: SocketAddr, first: Outcome, end: Instant) -> Outcome {
    let way = |outcome: &Outcome| match outcome {
        Outcome::Clock { delay_us: Some(delay), .. } => *delay,
        _ => u64::MAX,
    };
    let mut best = first;
    for _ in 1..SAMPLES {
        if !matches!(best, Outcome::Clock { .. }) || Instant::now() + PAUSE >= end {
            break;
        }
        thread::sleep(PAUSE);
        match ask(address, end.min(Instant::now() + TURN)) {
            Ok(sample @ Outcome::Clock { .. }) => best = std::cmp::min_by_key(best, sample, way),
            // It has had enough of us, or is gone: what it said before still holds.
            Ok(_) | Err(_) => break,
        }
    }
    best
}

/// A name or an address, with a port where it is not the usual one.
fn resolve(server: &str, end: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = server.parse() {
        return Ok(vec![address]);
    }
    let (host, port) = match server.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) if !host.contains(':') => (host, port),
        _ => (server, PORT),
    };
    Ok(name::resolve(host, end)?.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

fn ask(address: SocketAddr, end: Instant) -> io::Result<Outcome> {
    let local: SocketAddr = if address.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.connect(address)?;
    let mut cookie = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut cookie)?;
    let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) else {
        return Ok(unknown("the clock stands before 1970"));
    };
    let begun = Instant::now();
    socket.send(&question(cookie))?;
    // One byte more than a packet, so that a longer one is seen as such.
    let mut packet = [0; PACKET + 1];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut packet) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                continue;
            }
            Err(error) => return Err(error),
        };
        // By the time that passed, not by the clock, which may be set meanwhile.
        let (sent, received) = (Stamp::of(now), Stamp::of(now + begun.elapsed()));
        if let Ok(outcome) = parse(packet.get(..length).unwrap_or_default(), cookie, sent, received) {
            return Ok(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer whose clock is `ahead` of ours.
    fn answer(cookie: [u8; 8], arrived: Stamp, left: Stamp) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        (packet[0], packet[1]) = (0x24, 2);
        packet[24..32].copy_from_slice(&cookie);
        packet[32..40].copy_from_slice(&arrived.0.to_be_bytes());
        packet[40..].copy_from_slice(&left.0.to_be_bytes());
        packet
    }

    fn at(micros: u64) -> Stamp {
        Stamp::of(Duration::from_micros(1_700_000_000_000_000 + micros))
    }

    #[test]
    fn offset_and_delay_are_those_of_the_book() {
        // 10 ms each way, 2 ms at the server, whose clock is 500 ms ahead.
        let packet = answer([7; 8], at(510_000), at(512_000));
        let Ok(Outcome::Clock { offset_us, delay_us, stratum }) = parse(&packet, [7; 8], at(0), at(22_000))
        else {
            panic!("an answer")
        };
        assert!((offset_us - 500_000).abs() <= 1, "{offset_us}");
        assert!(delay_us.unwrap().abs_diff(20_000) <= 2, "{delay_us:?}");
        assert_eq!(stratum, 2);
    }

    #[test]
    fn a_forged_answer_is_not_ours_and_a_bad_server_is_refused() {
        let mut packet = answer([7; 8], at(0), at(0));
        assert_eq!(parse(&packet, [8; 8], at(0), at(0)), Err(Foreign));
        packet[0] = 0x23;
        assert_eq!(parse(&packet, [7; 8], at(0), at(0)), Err(Foreign), "a question");
        packet[0] = 0xe4;
        assert!(matches!(parse(&packet, [7; 8], at(0), at(0)), Ok(Outcome::Refused { .. })));
        (packet[0], packet[1]) = (0x24, 0);
        packet[12..16].copy_from_slice(b"RATE");
        assert_eq!(
            parse(&packet, [7; 8], at(0), at(0)),
            Ok(Outcome::Refused { reason: "the server sends us away: RATE".into() })
        );
    }

    #[test]
    fn a_server_is_asked_over_udp() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap().to_string();
        let serve = thread::spawn(move || {
            for sample in 0..SAMPLES {
                let mut packet = [0; PACKET];
                let (_, from) = server.recv_from(&mut packet).unwrap();
                let cookie = packet[40..].try_into().unwrap();
                // The first sample has a long way there, and an offset that is wrong for it.
                thread::sleep(Duration::from_millis(if sample == 0 { 400 } else { 0 }));
                let now = Stamp::of(SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
                server.send_to(b"noise", from).unwrap();
                server.send_to(&answer(cookie, now, now), from).unwrap();
            }
        });
        let outcome = measure(&address, Instant::now() + Duration::from_secs(5));
        serve.join().unwrap();
        let Outcome::Clock { offset_us, delay_us, .. } = outcome else { panic!("{outcome:?}") };
        assert!(offset_us.abs() < 150_000 && delay_us < Some(300_000), "{offset_us} {delay_us:?}");
    }

    proptest! {
        #[test]
        fn any_packet_is_read(mut bytes: Vec<u8>, cookie: [u8; 8], sent: u64, received: u64, ours: bool) {
            if ours && bytes.len() >= PACKET {
                bytes[0] = 0x24;
                bytes[24..32].copy_from_slice(&cookie);
            }
            let _ = parse(&bytes, cookie, Stamp(sent), Stamp(received));
        }
    }
}
