//! `ciab agent prove-containers`: runs a real container and lets it reach another network through the box.
//!
//! A fresh box has no image and may reach no registry, so the image is made of this program alone: a static binary is
//! a whole root file system. The other network is a namespace beside the box's own, behind a pair of interfaces; what
//! gets there has passed our table, Docker's chains and its address translation. All of it is taken away again.

mod image;

use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::agent::want::Host;

/// Name of the image, the container and the namespace.
const NAME: &str = "ciab-proof";
/// The box's end of the pair; names of interfaces have at most 15 bytes.
const NEAR: &str = "ciab-proof0";
const FAR: &str = "ciab-proof1";
/// Of TEST-NET-3 (RFC 5737), which nobody routes.
const NEAR_ADDRESS: &str = "203.0.113.1/30";
const FAR_ADDRESS: &str = "203.0.113.2/30";
const PEER: &str = "203.0.113.2:7077";
/// What the other side says.
const GREETING: &[u8] = b"ciab\n";
/// For one connection over two virtual cables.
const PATIENCE: Duration = Duration::from_secs(10);

/// Proves it; `Ok(Some(..))` says what is not as promised. An error is that it could not be tried.
pub fn containers(log_size: u64, log_files: u32) -> Result<Option<String>> {
    let host = Host::here(BTreeMap::new());
    // By its process, not by its path: a helper that was sent for a look has unlinked its own file.
    let program = &format!("/proc/{}/exe", std::process::id());
    take_away(&host);
    let proof = Proof { host: &host };
    proof.import(program)?;
    let mut peer = proof.peer(program)?;
    let answer = proof.run(log_size, log_files);
    let ended = peer.try_wait()?;
    let _ = peer.kill();
    let _ = peer.wait();
    ensure!(ended.is_none(), "the peer in the other network ended by itself");
    answer
}

/// What stands while the proof runs; dropped, it is gone.
struct Proof<'a> {
    host: &'a Host,
}

impl Drop for Proof<'_> {
    fn drop(&mut self) {
        take_away(self.host);
    }
}

/// Removes what this or a killed proof has made; what is not there is no error.
fn take_away(host: &Host) {
    for argv in [
        &["docker", "rm", "--force", NAME][..],
        &["docker", "image", "rm", "--force", NAME],
        &["ip", "link", "delete", NEAR],
        &["ip", "netns", "delete", NAME],
    ] {
        let _ = host.call(argv.iter().copied()).output();
    }
}

impl Proof<'_> {
    fn import(&self, program: &str) -> Result<()> {
        let bytes = fs::read(program).with_context(|| format!("read {program}"))?;
        let image = image::of(&bytes);
        self.host.call(["docker", "import", "-", NAME]).input(image).ok().context("make the image").map(drop)
    }

    /// The other network, with somebody there who answers.
    fn peer(&self, program: &str) -> Result<Child> {
        for argv in [
            &["ip", "netns", "add", NAME][..],
            &["ip", "link", "add", NEAR, "type", "veth", "peer", "name", FAR, "netns", NAME],
            &["ip", "address", "add", NEAR_ADDRESS, "dev", NEAR],
            &["ip", "link", "set", NEAR, "up"],
            &["ip", "-n", NAME, "address", "add", FAR_ADDRESS, "dev", FAR],
            &["ip", "-n", NAME, "link", "set", FAR, "up"],
        ] {
            self.host.call(argv.iter().copied()).ok().context("make another network")?;
        }
        let mut call = Command::new("ip");
        call.args(["netns", "exec", NAME, program, "agent", "prove-peer"]);
        call.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("start the peer")
    }

    fn run(&self, log_size: u64, log_files: u32) -> Result<Option<String>> {
        let create = ["docker", "create", "--name", NAME, NAME, "/ciab", "agent", "prove-reach"];
        self.host.call(create).ok().context("make the container")?;
        let format = "{{json .HostConfig.LogConfig}}";
        let log = self.host.call(["docker", "inspect", "--format", format, NAME]).ok()?;
        let log: serde_json::Value = serde_json::from_str(&log).context("read how the container logs")?;
        let wanted = json!({"max-file": log_files.to_string(), "max-size": log_size.to_string()});
        if log["Config"] != wanted {
            return Ok(Some(format!("a container logs with {}, not {wanted}", log["Config"])));
        }
        let ran = self.host.call(["docker", "start", "--attach", NAME]).output()?;
        Ok((!ran.good()).then(|| format!("a container does not reach {PEER}: {}", ran.tail())))
    }
}

/// `prove-peer`: listens in the other network and greets whoever comes.
pub fn peer() -> Result<()> {
    let listener = TcpListener::bind(address()).with_context(|| format!("listen on {PEER}"))?;
    for stream in listener.incoming() {
        stream?.write_all(GREETING)?;
    }
    Ok(())
}

/// `prove-reach`: the container's part. The peer may need a moment until it listens.
pub fn reach() -> Result<()> {
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect_timeout(&address(), PATIENCE) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && start.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(50));
            }
            other => break other.with_context(|| format!("connect to {PEER}"))?,
        }
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).with_context(|| format!("read from {PEER}"))?;
    ensure!(said == GREETING, "{PEER} is somebody else");
    Ok(())
}

fn address() -> SocketAddr {
    PEER.parse().unwrap_or_else(|why| unreachable!("{why}"))
}
