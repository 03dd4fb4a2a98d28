//! The helper as a child process of this one: the box is this machine.

use std::process::Stdio;

use secrecy::{ExposeSecret, SecretString};
use tokio::{io::AsyncWriteExt, process::Command};

use super::LinkError;
use crate::agent::client::Client;

/// Starts this binary as the helper, through sudo when this process is not root's.
pub(super) async fn connect(digest: &str, password: Option<&SecretString>) -> Result<Client, LinkError> {
    let failed =
        |error: std::io::Error| LinkError::passing(format!("start the helper on this machine: {error}"));
    let this = std::env::current_exe().map_err(failed)?;
    let root = nix::unistd::geteuid().is_root();
    let mut command = if root {
        Command::new(&this)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(if password.is_some() { &["-S", "-p", ""][..] } else { &["-n"] }).arg("--").arg(&this);
        sudo
    };
    command.args(["agent", "serve", "--digest", digest]).stdin(Stdio::piped()).stdout(Stdio::piped());
    // A Ctrl-C at the terminal is the engine's to answer: the helper ends when its input does.
    command.process_group(0);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CIAB_")) {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(failed)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(LinkError::passing("start the helper on this machine: it has no streams"));
    };
    if let (false, Some(password)) = (root, password) {
        let line = format!("{}\n", password.expose_secret());
        stdin.write_all(line.as_bytes()).await.map_err(failed)?;
    }
    tokio::spawn(async move {
        // Reaped here; how it ended shows in its stream.
        let _ = child.wait().await;
    });
    Ok(Client::start(stdout, stdin))
}
