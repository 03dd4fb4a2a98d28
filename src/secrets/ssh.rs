//! SSH key pairs as ssh-keygen(1) writes them: OpenSSH's own private format (PROTOCOL.key), Ed25519, no passphrase.

use anyhow::{Context as _, Result, ensure};
use base64ct::{Base64, Encoding as _};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::source::Source;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
const END: &str = "-----END OPENSSH PRIVATE KEY-----\n";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const TYPE: &[u8] = b"ssh-ed25519";
/// Of the base64 in the private file, as ssh-keygen breaks it.
const LINE: usize = 70;

/// The private and the public half: one that is kept, or a new one.
pub(super) fn pair(kept: Option<&String>, source: &mut dyn Source) -> Result<(String, String)> {
    let seed = match kept {
        Some(private) => seed(private)?,
        None => source.bytes(32)?,
    };
    let key = Ed25519KeyPair::from_seed_unchecked(&seed).ok().context("32 bytes are no seed")?;
    let public = key.public_key().as_ref();
    Ok((private(&seed, public), format!("ssh-ed25519 {}", Base64::encode_string(&blob(public)))))
}

/// A length and that many bytes, RFC 4251 section 5.
fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(bytes);
}

/// The public key, RFC 8709 section 4.
fn blob(public: &[u8]) -> Vec<u8> {
    let mut blob = Vec::new();
    string(TYPE, &mut blob);
    string(public, &mut blob);
    blob
}

fn private(seed: &[u8], public: &[u8]) -> String {
    let mut secret = Vec::new();
    // Two equal numbers that show a wrong passphrase; without one they say nothing.
    secret.extend([0; 8]);
    string(TYPE, &mut secret);
    string(public, &mut secret);
    string(&[seed, public].concat(), &mut secret);
    string(b"", &mut secret);
    // Filled up with 1, 2, 3, … to the block size of no cipher, 8.
    secret.extend((1..=7).take((8 - secret.len() % 8) % 8));

    let mut key = MAGIC.to_vec();
    string(b"none", &mut key);
    string(b"none", &mut key);
    string(b"", &mut key);
    key.extend(1_u32.to_be_bytes());
    string(&blob(public), &mut key);
    string(&secret, &mut key);

    let text = Base64::encode_string(&key);
    let lines = text.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    let body: String = lines.map(|line| format!("{line}\n")).collect();
    format!("{BEGIN}{body}{END}")
}

/// The seed in a private half that was made here.
fn seed(private: &str) -> Result<Vec<u8>> {
    let body = private.trim().strip_prefix(BEGIN.trim()).and_then(|rest| rest.strip_suffix(END.trim()));
    let body: String = body.context("it is no OpenSSH private key")?.split_whitespace().collect();
    let key = Base64::decode_vec(&body).ok().context("its base64 is damaged")?;
    let mark = [&[0, 0, 0, 64][..]].concat();
    let at = key.windows(4).rposition(|window| window == mark).context("it is no Ed25519 key of ours")?;
    let seed = key.get(at + 4..at + 36).context("it is cut short")?.to_vec();
    ensure!(key.starts_with(MAGIC), "it is no OpenSSH private key");
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

    use super::*;
    use crate::secrets::source::System;

    #[test]
    fn ssh_keygen_reads_both_halves_as_one_pair() {
        let (private, public) = pair(None, &mut System).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, &private).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let said = |file: &std::path::Path| {
            Command::new("ssh-keygen").args(["-y", "-P", "", "-f"]).arg(file).output().unwrap()
        };
        let output = said(&file);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), public);
        // One damaged byte, and it is refused.
        let at = private.len() / 2;
        let other = if &private[at..=at] == "A" { "B" } else { "A" };
        fs::write(&file, format!("{}{other}{}", &private[..at], &private[at + 1..])).unwrap();
        let output = said(&file);
        assert!(!output.status.success() || String::from_utf8(output.stdout).unwrap().trim() != public);
    }

    #[test]
    fn the_public_half_follows_the_private_one() {
        let (private, public) = pair(None, &mut System).unwrap();
        assert_eq!(pair(Some(&private), &mut System).unwrap(), (private, public));
        assert!(pair(Some(&"hunter2".to_owned()), &mut System).is_err());
    }
}
