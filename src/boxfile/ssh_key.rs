//! OpenSSH public key lines: read, fingerprinted, and known published ones refused.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// A public key: type, base64 blob and comment of one line of `authorized_keys`, without options.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SshKey {
    kind: String,
    blob: Vec<u8>,
    comment: String,
}

/// Key types that OpenSSH 9.2 (Debian 12) accepts by default; `ssh-dss` and SHA-1 certificates are gone.
const KINDS: [&str; 7] = [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519",
    "ssh-rsa",
];

/// Keys whose private half is published, by fingerprint, with the file that publishes it.
const PUBLISHED: [(&str, &str); 7] = [
    (
        "SHA256:4uhsYjZz/ljEy3irZpqPC3T66MKxUPjlvtZFjTjsP+0",
        "osism/cloud-in-a-box environments/kolla/secrets.yml",
    ),
    (
        "SHA256:iFES60cdOOvm6wnFSTR3fEWULMuUBJH6o1t9lONx3/k",
        "osism/cloud-in-a-box environments/kolla/secrets.yml",
    ),
    (
        "SHA256:j2YKRzzX5GRCqizhRaJOoGiDyCuwehJqJPElPYa0+Zg",
        "osism/cloud-in-a-box environments/kolla/secrets.yml",
    ),
    ("SHA256:mM2aCHZLPcM5QCoHsNDCvmz6ror92YluxVRzM3Aa1YU", "osism/testbed"),
    (
        "SHA256:q2++otfI9BY3J185q5GUN9P+qrV3WV6okcajrNU4Ev8",
        "osism/cloud-in-a-box environments/kolla/secrets.yml",
    ),
    (
        "SHA256:u6JbfcK78a6rgs29BDBUeiwHvoXYsNC0vZ0SdPxd0og",
        "osism/cloud-in-a-box environments/kolla/secrets.yml",
    ),
    ("SHA256:whp1voEmJ1B3hHMpkKg0NWCndH9otownHpn/2/gGMiI", "osism/cloud-in-a-box environments/secrets.yml"),
];

impl SshKey {
    /// The key's type, such as `ssh-ed25519`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The key in SSH wire form, RFC 4253 section 6.6.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Type and base64, without the comment: what `authorized_keys` compares.
    pub fn line(&self) -> String {
        format!("{} {}", self.kind, encode(&self.blob, Padding::Yes))
    }

    /// `SHA256:` and the unpadded base64 of the blob's digest, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", encode(&Sha256::digest(&self.blob), Padding::No))
    }

    /// Where this key's private half is published, if it is a known one.
    pub fn published_in(&self) -> Option<&'static str> {
        let own = self.fingerprint();
        PUBLISHED.iter().find(|(fingerprint, _)| *fingerprint == own).map(|(_, place)| *place)
    }
}

impl fmt::Display for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl FromStr for SshKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXAMPLE: &str = "write a line such as `ssh-ed25519 AAAA... you@example.org`";
        if text.contains("PRIVATE KEY") {
            return Err("this is a private key: give the public one, the file that ends in .pub".to_owned());
        }
        // A line break would smuggle a second line into authorized_keys.
        if text.chars().any(char::is_control) {
            return Err(format!("a public key is one line: {EXAMPLE}"));
        }
        let mut words = text.trim().splitn(3, ' ');
        let (kind, body) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let comment = words.next().unwrap_or_default().trim().to_owned();
        if text.starts_with(['/', '~']) || text.ends_with(".pub") {
            return Err(format!("`{text}` is a file's name: write the line that stands in that file"));
        }
        if !KINDS.contains(&kind) {
            return Err(format!("`{kind}` is no key type that OpenSSH accepts: {EXAMPLE}"));
        }
        let blob =
            decode(body).ok_or_else(|| format!("the key after `{kind}` is cut off or damaged: {EXAMPLE}"))?;
        let named = blob.get(4..4 + kind.len());
        let length = blob.get(..4).map(|b| b.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b)));
        // The wire form begins with the type's length and name, and more must follow.
        if length != Some(kind.len()) || named != Some(kind.as_bytes()) || blob.len() < kind.len() + 4 + 32 {
            return Err(format!("the key after `{kind}` is cut off or of another type: {EXAMPLE}"));
        }
        Ok(Self { kind: kind.to_owned(), blob, comment })
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    Yes,
    No,
}

/// Base64 of RFC 4648 section 4.
fn encode(bytes: &[u8], padding: Padding) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |n, (i, b)| n | u32::from(*b) << (16 - 8 * i));
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
            } else if padding == Padding::Yes {
                text.push('=');
            }
        }
    }
    text
}

/// Reads padded base64 strictly; `None` for any odd character or length.
fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if text.is_empty() || !text.len().is_multiple_of(4) || text.len() - body.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in body.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for (place, byte) in chunk.iter().enumerate() {
            let value = ALPHABET.iter().position(|a| a == byte)?;
            bits |= u32::try_from(value).ok()? << (18 - 6 * place);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made for this test; its private half was never kept.
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org";

    #[test]
    fn base64_reads_back() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"foob"] {
            let text = encode(bytes, Padding::Yes);
            assert_eq!(decode(&text), (!bytes.is_empty()).then(|| bytes.to_vec()), "{text}");
        }
        assert_eq!(encode(b"fo", Padding::No), "Zm8");
    }

    #[test]
    fn a_key_line_reads_back_as_written() {
        let key: SshKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        assert!(key.fingerprint().starts_with("SHA256:"));
        assert_eq!(key.published_in(), None);
    }

    #[test]
    fn damaged_keys_are_refused() {
        let cut = &KEY[..60];
        let two = format!("{KEY}\n{KEY}");
        let wrong = KEY.replacen("ssh-ed25519", "ssh-rsa", 1);
        for bad in
            ["", "ssh-ed25519", cut, &two, &wrong, "ssh-dss AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"]
        {
            assert!(bad.parse::<SshKey>().is_err(), "{bad}");
        }
    }
}
