//! `access`: where the box is, how to log in, who may log in later.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    names::{HostOrIp, UserName},
    secret::SecretRef,
    ssh_key::SshKey,
    system::PathText,
};

/// Where the box is, how to log in, and who may log in later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Where the box is: `user@host:port`, an alias of your SSH configuration, or `local` for this machine.
    pub target: Target,
    /// A host to go through on the way to the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump: Option<Login>,
    /// The host key that the box must show. Without it the first contact shows the key and asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKey>,
    /// Private key file of the first login. Without it your SSH agent and configuration decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<PathText>,
    /// Password of the first login, used once to put a key in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// Password that sudo asks for on the box, where it asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_password: Option<SecretRef>,
    /// The user that is made on the box and that you log in as from then on.
    pub operator: Operator,
    /// Public keys that may log in as the operator; at least one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh_keys: Vec<SshKey>,
}

/// The user that is made on the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Operator {
    /// The user's name.
    pub name: UserName,
}

impl Default for Operator {
    fn default() -> Self {
        Self { name: OPERATOR.parse().unwrap_or_else(|why| unreachable!("{why}")) }
    }
}

/// Kept apart from names that distributions make themselves (`debian`, `ubuntu`), so that nothing is taken over.
const OPERATOR: &str = "operator";

/// The box: this machine, or one that SSH reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    #[default]
    Local,
    Ssh(Login),
}

/// `user@host:port`; what is left out comes from the SSH configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub user: Option<String>,
    pub host: HostOrIp,
    pub port: Option<u16>,
}

/// A pinned host key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKey {
    /// The public key itself.
    Key(SshKey),
    /// `SHA256:` and 43 characters of base64, as `ssh-keygen -l` prints it.
    Fingerprint(String),
}

impl HostKey {
    /// The fingerprint in OpenSSH's form, whichever way the key was given.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Key(key) => key.fingerprint(),
            Self::Fingerprint(text) => text.clone(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Ssh(login) => login.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "local" { Ok(Self::Local) } else { text.parse().map(Self::Ssh) }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.port {
            Some(port) if self.host.as_str().contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

impl FromStr for Login {
    type Err = String;

    /// Reads `[user@]host[:port]`; an IPv6 address with a port stands in brackets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: &str| format!("`{text}` is no login: {why}; write user@host or user@host:port");
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, text),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if user.as_ref().is_some_and(|u| u.is_empty() || u.starts_with('-') || !u.chars().all(allowed)) {
            return Err(wrong("the user's name is empty or has an odd character"));
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':').or((!rest.is_empty()).then_some(rest))),
            None if place.matches(':').count() > 1 => (place, None),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err(wrong("the port is no number from 1 to 65535")),
        };
        let host = host.parse().map_err(|why: String| wrong(&why))?;
        Ok(Self { user, host, port })
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Fingerprint(text) => f.write_str(text),
        }
    }
}

impl FromStr for HostKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        /// SHA-256 is 32 bytes, 43 characters of base64 without padding.
        const DIGITS: usize = 43;
        match text.strip_prefix("SHA256:") {
            Some(digest) => {
                let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
                if digest.len() == DIGITS && digest.chars().all(base64) {
                    Ok(Self::Fingerprint(text.to_owned()))
                } else {
                    Err(format!(
                        "`{text}` is no fingerprint: write SHA256: and the {DIGITS} characters that ssh-keygen -l prints"
                    ))
                }
            }
            None => text.parse().map(Self::Key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_read_back_as_written() {
        for text in
            ["host", "root@192.0.2.1", "a.b@box.example.org:2222", "root@[2001:db8::1]:22", "2001:db8::1"]
        {
            assert_eq!(text.parse::<Login>().unwrap().to_string(), text);
        }
        for bad in ["", "@h", "u@", "-oProxyCommand=x@h", "h:0", "h:65536", "[::1]x", "a b@h"] {
            assert!(bad.parse::<Login>().is_err(), "{bad}");
        }
        assert_eq!("local".parse(), Ok(Target::Local));
    }

    #[test]
    fn a_fingerprint_has_43_characters() {
        assert!("SHA256:whp1voEmJ1B3hHMpkKg0NWCndH9otownHpn/2/gGMiI".parse::<HostKey>().is_ok());
        assert!("SHA256:short".parse::<HostKey>().is_err());
        assert!("MD5:aa".parse::<HostKey>().is_err());
    }
}
