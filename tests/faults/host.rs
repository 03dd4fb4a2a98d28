//! A disposable host of `tests/host`, and what the faults do to it from outside.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Where a test arms places on a box (`ciab::failpoint`).
pub(crate) const PLACES: &str = "/run/ciab-failpoint";

/// A host that is up, unless it was cut.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) key: PathBuf,
}

#[derive(Deserialize)]
struct Info {
    port: u16,
    key: PathBuf,
    leader: Option<u32>,
}

impl Host {
    /// Starts a host whose power can be cut, with what the graph needs.
    pub(crate) fn up(name: &str) -> Result<Self> {
        let host = Self::bare(name)?;
        host.exec(GIT)?;
        Ok(host)
    }

    /// Starts a host whose power can be cut, as a deployment finds it.
    pub(crate) fn bare(name: &str) -> Result<Self> {
        let _ = verb(&["down", name]);
        ok(verb(&["up", name, "--root", "ext4"])?, "start a host")?;
        let info = ok(verb(&["info", name, "--json"])?, "ask for a host")?;
        let Info { port, key, .. } = serde_json::from_str(&info).context("read about a host")?;
        Ok(Self { name: name.to_owned(), port, key })
    }

    /// Whether its clock is its own.
    pub(crate) fn has_own_clock(&self) -> Result<bool> {
        let info = ok(verb(&["info", &self.name, "--json"])?, "ask for a host")?;
        let info: serde_json::Value = serde_json::from_str(&info).context("read about a host")?;
        Ok(info["kind"] == "vm")
    }

    /// A box file of profile `base` for it.
    pub(crate) fn box_file(&self) -> Result<String> {
        let info = ok(verb(&["info", &self.name, "--json"])?, "ask for a host")?;
        let info: serde_json::Value = serde_json::from_str(&info).context("read about a host")?;
        let say = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
        let public = std::fs::read_to_string(self.key.with_extension("pub")).context("read the key")?;
        Ok(format!(
            "apiVersion: ciab/v1\nkind: Box\nprofile: base\nname: lab\naccess:\n  target: debian@127.0.0.1:{}\n  \
             host_key: {}\n  identity: {}\n  ssh_keys:\n    - {}\nnetwork:\n  ntp: [{}]\n  proxy:\n    http: {}\n",
            self.port,
            say("host_key"),
            self.key.display(),
            public.trim(),
            say("ntp"),
            say("proxy"),
        ))
    }

    /// Runs a script as root inside, without SSH.
    pub(crate) fn exec(&self, script: &str) -> Result<String> {
        ok(verb(&["exec", &self.name, "--", "sh", "-c", script])?, script)
    }

    /// What a script says, however it ends.
    pub(crate) fn said(&self, script: &str) -> String {
        let output = verb(&["exec", &self.name, "--", "sh", "-c", script]);
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    pub(crate) fn verb(&self, name: &str) -> Result<()> {
        ok(verb(&[name, &self.name])?, name).map(|_| ())
    }

    /// Orders a restart, and returns when the box is going down.
    pub(crate) fn begin_reboot(&self) {
        // It may be gone before it has answered.
        self.said(
            "systemctl reboot --no-block
            for i in $(seq 200); do systemctl is-system-running | grep -q stopping && exit; done",
        );
    }

    /// The number of its boot, empty while it is off.
    pub(crate) fn boot(&self) -> String {
        self.said("cat /proc/sys/kernel/random/boot_id")
    }

    /// Numbers, inside, of our own processes that do this: `serve`, `job`, `ended`, or anything.
    pub(crate) fn processes(&self, what: &str) -> Vec<u32> {
        let script = r#"for p in /proc/[0-9]*; do
            set -- $(tr '\0' ' ' < $p/cmdline 2>/dev/null | head -c 300)
            [ "$2" = agent ] && echo "${p#/proc/} $3"
        done; true"#;
        let said = self.said(script);
        let ours = said.lines().filter_map(|line| line.split_once(' '));
        ours.filter(|(_, does)| what == "anything" || *does == what)
            .filter_map(|(pid, _)| pid.parse().ok())
            .collect()
    }

    /// The host's root folder as this machine sees it.
    pub(crate) fn root(&self) -> Result<PathBuf> {
        let info = ok(verb(&["info", &self.name, "--json"])?, "ask for a host")?;
        let Info { leader, .. } = serde_json::from_str(&info).context("read about a host")?;
        Ok(PathBuf::from(format!("/proc/{}/root", leader.context("the host is off")?)))
    }

    /// A process inside whose streams are ours.
    pub(crate) fn spawn(&self, argv: &[&str]) -> Result<Child> {
        let mut command = program();
        command.args(["exec", &self.name, "--"]).args(argv);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("start a process on the host")
    }

    pub(crate) fn down(&self) {
        let _ = verb(&["down", &self.name]);
    }
}

/// The hosts' APT goes through a proxy of theirs, which they are set up for.
const GIT: &str = "export DEBIAN_FRONTEND=noninteractive http_proxy=http://198.51.100.1:3142
command -v git > /dev/null || { apt-get update -qq && apt-get install -qqy --no-install-recommends git; } > /tmp/apt.log 2>&1 || { tail -3 /tmp/apt.log >&2; exit 1; }
rm -f /tmp/apt.log; sync";

fn program() -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/host");
    Command::new(env::var_os("CIAB_HOST").map_or(here, PathBuf::from))
}

fn verb(words: &[&str]) -> Result<Output> {
    let mut command = program();
    command.args(words).stdin(Stdio::null());
    command.output().context("start tests/host/host")
}

fn ok(output: Output, what: &str) -> Result<String> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{what}: {} ({})", said.trim(), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
