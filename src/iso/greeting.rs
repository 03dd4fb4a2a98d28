//! What the consoles of a machine of ours show before a login: where it is reached, and how it is known.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::boxfile::ssh_key::SshKey;

/// Read by agetty(8).
pub const ISSUE: &str = "etc/issue.d/ciab.issue";
/// It puts the addresses in, which change.
pub const ADDRESSES: &str = "Addresses: \\4 \\6\n";

/// Kinds and fingerprints of the SSH host keys of a system below `root`, as `ssh-keygen -l` prints them, in order.
pub fn host_keys(root: &Path) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(root.join("etc/ssh")).context("read the host keys")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with("ssh_host_") || !name.ends_with(".pub") {
            continue;
        }
        let line = fs::read_to_string(&path).with_context(|| format!("read {name}"))?;
        let key: SshKey = line.trim().parse().map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
        keys.push(format!("{} {}", key.kind(), key.fingerprint()));
    }
    keys.sort();
    Ok(keys)
}
