//! Secrets of one box: made once, there, from the operating system's generator. Time and chance enter here only.
//!
//! A specification says what a secret is like; [`complete`] makes those that are missing, and makes anew those that no
//! longer fit: a certificate that is due, a hash whose password was replaced. So a secret is rotated by taking it out
//! of the box's file: the next deployment makes another one, and only the files that hold it change.

pub mod brought;
pub mod catalog;
mod certificate;
mod crypt;
pub mod published;
mod source;
mod ssh;
mod stand_in;
mod text;
pub mod vault;
pub mod wireguard;
pub mod x509;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use self::source::{Source, System};
pub use self::stand_in::stand_ins;
use crate::tree::hex;

/// Texts by name, as the box keeps them.
pub type Secrets = BTreeMap<String, String>;

/// A secret to be made when it does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSpec {
    /// Under which it is kept; [`SecretSpec::names`] says which names it takes.
    pub name: String,
    pub kind: Kind,
}

/// What a secret is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// Letters and digits.
    Password { length: usize },
    /// Digits alone.
    Digits { length: usize },
    /// A random UUID, RFC 9562 version 4.
    Uuid,
    /// Random bytes in lower-case hexadecimal; 16 of them are what an HMAC-MD5 key is (RFC 2104, and rndc's).
    Hex { bytes: usize },
    /// 32 random bytes in URL-safe base64, the key format of Fernet and of barbican's simple crypto.
    Fernet,
    /// 22 characters of bcrypt's alphabet, 128 bits.
    BcryptSalt,
    /// An Ed25519 key pair as OpenSSH writes it: the private half under the name, the public one under `<name>.pub`.
    SshKey,
    /// An X25519 key pair as wg(8) writes it: the private half under the name, the public one under `<name>.pub`.
    WireGuard,
    /// The SHA-512 crypt(3) hash of another secret, `$6$`; made anew when that one changes.
    Crypt { of: String },
    /// A certificate authority of this box: `<name>.crt` and `<name>.key`, PEM.
    Authority { common_name: String },
    /// A server's certificate of one of those: `<name>.crt` and `<name>.key`, PEM; the first name is the common one.
    Leaf { authority: String, names: BTreeSet<String>, addresses: BTreeSet<IpAddr> },
}

impl SecretSpec {
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }

    /// The names that its texts are kept under.
    pub fn names(&self) -> Vec<String> {
        let name = &self.name;
        match self.kind {
            Kind::Authority { .. } | Kind::Leaf { .. } => vec![format!("{name}.crt"), format!("{name}.key")],
            Kind::SshKey | Kind::WireGuard => vec![name.clone(), format!("{name}.pub")],
            _ => vec![name.clone()],
        }
    }
}

/// Makes what is missing, due or out of step with what it is made from; whether anything was. Specifications stand in
/// the order in which they need each other.
pub fn complete(specs: &[SecretSpec], kept: &mut Secrets) -> Result<bool> {
    let before = kept.clone();
    fill(specs, kept, &mut System)?;
    Ok(*kept != before)
}

fn fill(specs: &[SecretSpec], kept: &mut Secrets, source: &mut dyn Source) -> Result<()> {
    for spec in specs {
        let made = make(spec, kept, source).with_context(|| format!("make the secret `{}`", spec.name))?;
        kept.extend(made);
    }
    Ok(())
}

/// The texts of a specification that have to be made, by name; none where those that are kept still fit.
fn make(spec: &SecretSpec, kept: &Secrets, source: &mut dyn Source) -> Result<Secrets> {
    let name = &spec.name;
    let there = spec.names().iter().all(|name| kept.contains_key(name));
    let one = |text: String| Secrets::from([(name.clone(), text)]);
    let pair = |(private, public): (String, String)| {
        Secrets::from([(name.clone(), private), (format!("{name}.pub"), public)])
    };
    match &spec.kind {
        Kind::Crypt { of } => crypt::make(name, of, kept, source),
        Kind::Authority { common_name } => certificate::authority(name, common_name, kept, source),
        Kind::Leaf { authority, names, addresses } => {
            let subject = certificate::Subject { names, addresses };
            certificate::leaf(name, authority, &subject, kept, source)
        }
        _ if there => Ok(Secrets::new()),
        Kind::Password { length } => text::letters(*length, source).map(one),
        Kind::Digits { length } => text::digits(*length, source).map(one),
        Kind::Uuid => text::uuid(source).map(one),
        Kind::Hex { bytes } => Ok(one(hex(&source.bytes(*bytes)?))),
        Kind::Fernet => text::fernet(source).map(one),
        Kind::BcryptSalt => text::bcrypt_salt(source).map(one),
        // Of a pair the private half is kept where it is there, and its public one is worked out again.
        Kind::SshKey => ssh::pair(kept.get(name), source).map(pair),
        Kind::WireGuard => wireguard::pair(kept.get(name), source).map(pair),
    }
}

/// Whether the text under this name may be seen by everybody: certificates, public halves, and what the catalogue says.
pub fn is_public(name: &str) -> bool {
    name.ends_with(".crt") || name.ends_with(".pub") || catalog::catalog().is_public(name)
}

/// So many bytes of the system's generator, in hexadecimal.
pub fn random_hex(bytes: usize) -> Result<String> {
    Ok(hex(&System.bytes(bytes)?))
}

#[cfg(test)]
mod tests;
