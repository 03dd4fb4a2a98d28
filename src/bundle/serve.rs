//! Hands a bundle out on loopback: a registry from the distribution, and plain HTTP for apt and pip.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{registry, verify::Opened};
use crate::{
    failure::Failure,
    tool::call::{self, Call, Service},
};

/// Until what was just started answers.
const STARTS: Duration = Duration::from_secs(20);
/// The registry's storage and what the servers say, below the bundle.
const SERVED: &str = ".serve";

/// Where a bundle is handed out; dropped, it is not any more.
#[derive(Debug)]
#[must_use]
pub struct Served {
    registry: Service,
    files: Service,
}

/// Starts both servers on these ports of 127.0.0.1. The bundle was verified. Exit 2 where a program is missing.
pub fn serve(opened: &Opened, images: u16, files: u16) -> Result<Served, Failure> {
    call::need(&[("docker-registry", "docker-registry"), ("python3", "python3")])?;
    start(opened, images, files).map_err(Failure::from)
}

fn start(opened: &Opened, images: u16, files: u16) -> Result<Served> {
    let folder = opened.folder.join(SERVED);
    let storage = folder.join("registry");
    registry::storage(&opened.folder, &opened.manifest, &storage)?;
    let config = folder.join("registry.yml");
    super::write(
        &config,
        registry::config(&fs::canonicalize(&storage)?, &address(images).to_string()).as_bytes(),
    )?;
    let path = |path: &Path| path.display().to_string();
    let words = ["docker-registry".to_owned(), "serve".to_owned(), path(&config)];
    let mut registry = Call::new(&folder.join("registry.log"), words).start()?;
    let head = ["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory"].map(str::to_owned);
    let words = head.into_iter().chain([path(&opened.folder), files.to_string()]);
    let mut http = Call::new(&folder.join("files.log"), words).start()?;
    wait(&mut registry, "the registry", images)?;
    wait(&mut http, "the server of files", files)?;
    Ok(Served { registry, files: http })
}

impl Served {
    /// An error as soon as one of the servers has ended.
    pub fn check(&mut self) -> Result<()> {
        self.registry.runs()?;
        self.files.runs()
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn wait(service: &mut Service, what: &str, port: u16) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect(address(port)).is_err() {
        service.runs().with_context(|| format!("start {what}"))?;
        ensure!(began.elapsed() < STARTS, "{what} does not answer {} s after its start", STARTS.as_secs());
        sleep(Duration::from_millis(100));
    }
    // Somebody else's server may have answered, and ours has found its port taken.
    sleep(Duration::from_millis(200));
    service.runs().with_context(|| format!("start {what}"))
}
