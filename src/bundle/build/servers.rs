//! Starts what a build of images needs to be running: a container engine and a registry, both its own.

use std::{
    fs,
    net::TcpListener,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{Ground, place};
use crate::tool::call::{Call, Service};

/// Until what has just been started answers.
const STARTS: Duration = Duration::from_secs(60);

/// A container engine of this build's own, with its data in the folder of work.
pub(super) fn engine(ground: &Ground<'_>) -> Result<(String, Option<Service>)> {
    let root = ground.work.join("docker");
    fs::create_dir_all(&root).with_context(|| format!("make {}", root.display()))?;
    // A socket's path is short; the bundle's may be long.
    let socket = std::env::temp_dir().join(format!("ciab-bundle-{}.sock", std::process::id()));
    let host = format!("unix://{}", socket.display());
    let inside = |name: &str| root.join(name).display().to_string();
    let words = [
        // What it mounts goes with it: else its folder could not be removed.
        "unshare".to_owned(),
        "--mount".to_owned(),
        "--propagation=private".to_owned(),
        "dockerd".to_owned(),
        "--data-root".to_owned(),
        inside("data"),
        "--exec-root".to_owned(),
        inside("exec"),
        "--pidfile".to_owned(),
        inside("pid"),
        "--host".to_owned(),
        host.clone(),
        // Everything is built in the network of this machine: no bridge, and no rule in its firewall.
        "--bridge=none".to_owned(),
        "--iptables=false".to_owned(),
        "--ip-masq=false".to_owned(),
        "--storage-driver=overlay2".to_owned(),
    ];
    let mut engine = Call::new(&ground.log("dockerd"), words).start().context("start a container engine")?;
    wait(&mut engine, "the container engine", || {
        let call = Call::new(&ground.log("docker-version"), ["docker", "version"]).env("DOCKER_HOST", &host);
        call.run().is_ok()
    })?;
    Ok((host, Some(engine)))
}

/// A registry on a free port of loopback, with its storage in the folder of work.
pub(super) fn registry(ground: &Ground<'_>) -> Result<(u16, Service)> {
    // Free a moment ago; should somebody take it in between, the registry says so.
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = port.context("find a free port")?.port();
    let root = ground.work.join("registry");
    let config = format!(
        "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: '{}'}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
        root.display()
    );
    let path = ground.work.join("registry.yml");
    place::write(&path, config.as_bytes())?;
    let path = path.display().to_string();
    let words = ["docker-registry", "serve", &path];
    let mut registry = Call::new(&ground.log("registry-serve"), words).start().context("start a registry")?;
    wait(&mut registry, "the registry", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    Ok((port, registry))
}

fn wait(service: &mut Service, what: &str, up: impl Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    while !up() {
        service.runs()?;
        ensure!(began.elapsed() < STARTS, "{what} does not answer {} s after its start", STARTS.as_secs());
        sleep(Duration::from_millis(200));
    }
    Ok(())
}
