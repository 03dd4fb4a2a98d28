//! Asks the tools of the system: `ssh -G` what an alias means, `getent` what a name's addresses are.

use std::{net::IpAddr, path::PathBuf};

use tokio::process::Command;

/// What ssh(1) would do for a destination, from `ssh -G` (ssh_config(5) keywords in lower case).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    /// The name under which host keys are filed, where it is not the host's.
    pub alias: Option<String>,
    pub identities: Vec<PathBuf>,
    pub identities_only: bool,
    /// `none` or no agent is `Some("none")`.
    pub agent: Option<String>,
    pub known_hosts: Vec<PathBuf>,
    pub jump: Option<String>,
}

/// Asks ssh(1). A workstation without it has nothing to say, which is no error.
pub async fn resolve(host: &str, user: Option<&str>, port: Option<u16>) -> Resolved {
    let mut command = Command::new("ssh");
    command.arg("-G");
    if let Some(user) = user {
        command.args(["-l", user]);
    }
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    match command.args(["--", host]).output().await {
        Ok(output) if output.status.success() => {
            let home = std::env::var("HOME").unwrap_or_default();
            parse(&String::from_utf8_lossy(&output.stdout), &home)
        }
        _ => Resolved::default(),
    }
}

fn parse(text: &str, home: &str) -> Resolved {
    let mut resolved = Resolved::default();
    let path = |value: &str| match value.strip_prefix("~/") {
        Some(rest) => PathBuf::from(home).join(rest),
        None => PathBuf::from(value),
    };
    for line in text.lines() {
        let Some((key, value)) = line.split_once(' ') else { continue };
        match key {
            "hostname" => resolved.host = Some(value.to_owned()),
            "port" => resolved.port = value.parse().ok(),
            "user" => resolved.user = Some(value.to_owned()),
            "hostkeyalias" => resolved.alias = Some(value.to_owned()),
            "identityfile" => resolved.identities.push(path(value)),
            "identitiesonly" => resolved.identities_only = value == "yes",
            "identityagent" => resolved.agent = Some(value.to_owned()),
            "userknownhostsfile" | "globalknownhostsfile" => {
                resolved.known_hosts.extend(value.split_ascii_whitespace().map(path));
            }
            "proxyjump" if value != "none" => resolved.jump = Some(value.to_owned()),
            _ => {}
        }
    }
    resolved
}

/// The addresses of a name, in the system's own order (getent(1), database `ahosts`).
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let output = Command::new("getent").args(["ahosts", host]).output().await;
    let output = output.map_err(|error| format!("look up {host}: getent: {error}"))?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let address = line.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
        addresses.extend(address.filter(|address| !addresses.contains(address)));
    }
    if addresses.is_empty() {
        return Err(format!("the name {host} has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ssh_are_understood() {
        let text = "host lab\nuser admin\nhostname 192.0.2.7\nport 2222\nidentityfile ~/.ssh/id_ed25519\n\
                    identityfile /keys/lab\nidentitiesonly yes\nuserknownhostsfile ~/.ssh/known_hosts /etc/k2\n\
                    proxyjump none\n";
        let resolved = parse(text, "/home/me");
        assert_eq!(resolved.host.as_deref(), Some("192.0.2.7"));
        assert_eq!(resolved.port, Some(2222));
        assert_eq!(resolved.identities, [PathBuf::from("/home/me/.ssh/id_ed25519"), "/keys/lab".into()]);
        assert_eq!(resolved.known_hosts.len(), 2);
        assert!(resolved.identities_only && resolved.jump.is_none());
    }
}
