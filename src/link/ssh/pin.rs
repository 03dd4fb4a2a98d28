//! Host keys are pinned: what is expected of a host, and what to think of the key that it shows.
//!
//! In this order: the key that the operator named, the one learnt before (our own file), the files of ssh(1), read
//! by `ssh-keygen -F` since they hold hashed names, patterns and marks. `@revoked` is honoured from all of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

use super::Hop;
use crate::{
    failure::{Exit, Failure},
    link::Ask,
};

/// A host key as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// The OpenSSH text of the key: kind and base64.
    Key(String),
    /// `SHA256:` and base64, as `ssh-keygen -l` prints it.
    Fingerprint(String),
}

/// What is expected of a host.
#[derive(Debug)]
pub struct Expected {
    /// Keys that are right; the kind of the first is asked for. Empty when the host is unknown.
    keys: Vec<PublicKey>,
    fingerprint: Option<String>,
    revoked: Vec<PublicKey>,
    /// Who said so: for messages.
    from: String,
}

/// What to think of a key.
#[derive(Debug)]
pub enum Verdict {
    /// It is the expected one.
    Known,
    /// A person, or the operator's fingerprint, said that it is right: to be kept.
    Learnt,
    Refused(Failure),
}

/// Collects what is known about a host.
pub fn expected(state: &Path, hop: &Hop, named: Option<&Pin>) -> Result<Expected, Failure> {
    let mut expected = Expected { keys: vec![], fingerprint: None, revoked: vec![], from: String::new() };
    for file in &hop.known_hosts {
        let (known, revoked) = look_up(file, hop);
        expected.revoked.extend(revoked);
        if expected.keys.is_empty() && !known.is_empty() {
            expected.keys = known;
            expected.from = file.display().to_string();
        }
    }
    let learnt = learnt_file(state, hop);
    match fs::read_to_string(&learnt) {
        Ok(text) => {
            let key = PublicKey::from_openssh(text.trim()).map_err(|error| {
                let what = format!("read the pinned host key {}: {error}", learnt.display());
                Failure::new(Exit::Usage, what)
                    .hint("the file holds one OpenSSH public key; delete it to be asked again")
            })?;
            expected.keys = vec![key];
            expected.from = format!("the first contact ({})", learnt.display());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(Failure::new(Exit::Unexpected, format!("read {}: {error}", learnt.display())));
        }
    }
    match named {
        None => {}
        Some(Pin::Key(text)) => {
            let key = PublicKey::from_openssh(text).map_err(|error| {
                Failure::new(Exit::Usage, format!("access.host_key is no public key: {error}"))
            })?;
            expected.keys = vec![key];
            expected.from = "`access.host_key`".into();
        }
        Some(Pin::Fingerprint(text)) => {
            expected.keys.clear();
            expected.fingerprint = Some(text.clone());
            expected.from = "`access.host_key`".into();
        }
    }
    Ok(expected)
}

impl Expected {
    /// The kind of key to ask the server for.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.keys.first().map(PublicKey::algorithm)
    }

    /// Judges the key that a host shows.
    pub fn judge(&self, key: &PublicKey, hop: &Hop, ask: Option<&dyn Ask>) -> Verdict {
        let shown = key.fingerprint(HashAlg::Sha256).to_string();
        let refuse = |message: String| Failure::new(Exit::Refused, message);
        if self.revoked.iter().any(|revoked| revoked.key_data() == key.key_data()) {
            return Verdict::Refused(
                refuse(format!("{hop} shows the host key {shown}, which is marked as revoked"))
                    .hint("whoever has this key is not your box: do not go on"),
            );
        }
        if let Some(fingerprint) = &self.fingerprint {
            return if *fingerprint == shown {
                Verdict::Learnt
            } else {
                Verdict::Refused(self.changed(hop, &shown))
            };
        }
        if self.keys.iter().any(|known| known.key_data() == key.key_data()) {
            return Verdict::Known;
        }
        if !self.keys.is_empty() {
            return Verdict::Refused(self.changed(hop, &shown));
        }
        match ask {
            Some(ask) if ask.trust(&hop.to_string(), &shown) => Verdict::Learnt,
            Some(_) => Verdict::Refused(refuse(format!("the host key of {hop} was not accepted"))),
            None => Verdict::Refused(
                refuse(format!("the host key of {hop} is unknown: {shown}"))
                    .hint("compare it with the one on the box's console (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`)")
                    .hint(format!("then put `host_key: \"{shown}\"` below `access` in the box file")),
            ),
        }
    }

    fn changed(&self, hop: &Hop, shown: &str) -> Failure {
        let known = match (&self.fingerprint, self.keys.first()) {
            (Some(fingerprint), _) => fingerprint.clone(),
            (None, Some(key)) => key.fingerprint(HashAlg::Sha256).to_string(),
            (None, None) => "unknown".into(),
        };
        Failure::new(
            Exit::Refused,
            format!("the host key of {hop} has changed: it shows {shown}, and {} says {known}", self.from),
        )
        .hint("somebody may be between you and the box; nothing was sent to it")
        .hint(
            "if the box was installed anew, put its new fingerprint from the console into `access.host_key`",
        )
    }
}

/// Keeps a key that was accepted.
pub fn learn(state: &Path, hop: &Hop, key: &PublicKey) -> Result<()> {
    fs::create_dir_all(state).with_context(|| format!("make {}", state.display()))?;
    let file = learnt_file(state, hop);
    fs::write(&file, format!("{}\n", key.to_openssh()?)).with_context(|| format!("write {}", file.display()))
}

fn learnt_file(state: &Path, hop: &Hop) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' };
    state.join(format!("host-key-{}-{}.pub", hop.host.chars().map(safe).collect::<String>(), hop.port))
}

/// Keys and revoked keys that a file of ssh(1) has for a host.
fn look_up(file: &Path, hop: &Hop) -> (Vec<PublicKey>, Vec<PublicKey>) {
    let name = if hop.port == 22 { hop.alias.clone() } else { format!("[{}]:{}", hop.alias, hop.port) };
    let Ok(output) = Command::new("ssh-keygen").arg("-F").arg(&name).arg("-f").arg(file).output() else {
        return (vec![], vec![]);
    };
    parse_known(&String::from_utf8_lossy(&output.stdout))
}

/// Lines of `ssh-keygen -F`: comments begin with `#`, a mark comes first (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
fn parse_known(text: &str) -> (Vec<PublicKey>, Vec<PublicKey>) {
    let (mut known, mut revoked) = (vec![], vec![]);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let mark = if line.starts_with('@') { fields.remove(0) } else { "" };
        let [_, kind, key, ..] = fields.as_slice() else { continue };
        // A key that we could never verify (RSA) is no expectation, but a revoked one is still a warning.
        let Ok(key) = PublicKey::from_openssh(&format!("{kind} {key}")) else { continue };
        match mark {
            "" if supported(&key.algorithm()) => known.push(key),
            "@revoked" => revoked.push(key),
            _ => {}
        }
    }
    // The strongest first: its kind is what the server is asked for.
    known.sort_by_key(|key| !matches!(key.algorithm(), Algorithm::Ed25519));
    (known, revoked)
}

fn supported(algorithm: &Algorithm) -> bool {
    use EcdsaCurve::{NistP256, NistP384, NistP521};
    matches!(
        algorithm,
        Algorithm::Ed25519
            | Algorithm::Ecdsa { curve: NistP256 }
            | Algorithm::Ecdsa { curve: NistP384 }
            | Algorithm::Ecdsa { curve: NistP521 }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn hop() -> Hop {
        Hop { host: "h".into(), port: 22, user: "u".into(), known_hosts: vec![], alias: "h".into() }
    }

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    fn expected(keys: &[&str], revoked: &[&str]) -> Expected {
        let keys_of = |texts: &[&str]| texts.iter().map(|text| key(text)).collect();
        Expected { keys: keys_of(keys), fingerprint: None, revoked: keys_of(revoked), from: "a test".into() }
    }

    #[test]
    fn only_the_expected_key_passes() {
        assert!(matches!(expected(&[ONE], &[]).judge(&key(ONE), &hop(), None), Verdict::Known));
        for (expected, why) in [
            (expected(&[TWO], &[]), "has changed"),
            (expected(&[ONE], &[ONE]), "revoked"),
            (expected(&[], &[]), "is unknown"),
        ] {
            match expected.judge(&key(ONE), &hop(), None) {
                Verdict::Refused(failure) => {
                    assert_eq!(failure.exit, Exit::Refused);
                    assert!(failure.message.contains(why), "{failure}");
                }
                other => panic!("{why}: {other:?}"),
            }
        }
    }

    #[test]
    fn lines_with_marks_and_unknown_kinds_are_read_right() {
        let text = format!(
            "# Host h found: line 1\n|1|x|y {ONE} comment\n@revoked h {TWO}\nh ssh-rsa AAAA\nshort\n"
        );
        let (known, revoked) = parse_known(&text);
        assert_eq!((known.len(), revoked.len()), (1, 1));
    }

    #[test]
    fn a_learnt_key_is_expected_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        learn(folder.path(), &hop(), &key(ONE)).unwrap();
        let expected = super::expected(folder.path(), &hop(), None).unwrap();
        assert!(matches!(expected.judge(&key(ONE), &hop(), None), Verdict::Known));
        assert!(matches!(expected.judge(&key(TWO), &hop(), None), Verdict::Refused(_)));
    }
}
