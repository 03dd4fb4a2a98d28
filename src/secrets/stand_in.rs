//! Texts in place of secrets that nobody has made yet: of the right shape, always the same, and known to everybody.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rcgen::{KeyPair, PKCS_ED25519};
use sha2::{Digest as _, Sha256};

use super::{Kind, SecretSpec, Secrets, Source, make};

/// What a password begins with, for whoever finds one on a box.
const MARK: &str = "standin";

/// A text of its kind for every specification.
pub fn stand_ins(specs: &[SecretSpec]) -> Result<Secrets> {
    let mut made = Secrets::new();
    for spec in specs {
        let mut source = Nobody { name: spec.name.clone(), drawn: 0 };
        let mut texts =
            make(spec, &made, &mut source).with_context(|| format!("stand in for `{}`", spec.name))?;
        if let (Kind::Password { length }, Some(text)) = (&spec.kind, texts.get_mut(&spec.name))
            && *length >= 2 * MARK.len()
        {
            text.replace_range(..MARK.len(), MARK);
        }
        made.extend(texts);
    }
    Ok(made)
}

/// No chance and no time: digests of a name, and the first day of 2026.
struct Nobody {
    name: String,
    drawn: u64,
}

impl Source for Nobody {
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            bytes.extend(Sha256::digest(format!("stand-in {} {}", self.name, self.drawn)));
            self.drawn += 1;
        }
        bytes.truncate(count);
        Ok(bytes)
    }

    fn now(&self) -> Timestamp {
        // 2026-01-01T00:00:00Z
        Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Ed25519, whose signatures hold no chance.
    fn key(&mut self) -> Result<KeyPair> {
        // PKCS #8 of RFC 8410 section 7, which is a fixed head and the seed.
        const HEAD: [u8; 16] =
            [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        let der = [&HEAD[..], &self.bytes(32)?].concat();
        KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &PKCS_ED25519).context("make a key")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::secrets::x509::Certificate;

    fn specs() -> Vec<SecretSpec> {
        let names = BTreeSet::from(["api.example.org".to_owned()]);
        let addresses = BTreeSet::from(["192.0.2.1".parse().unwrap()]);
        let leaf = Kind::Leaf { authority: "ca".to_owned(), names, addresses };
        [
            ("password", Kind::Password { length: 40 }),
            ("pin", Kind::Digits { length: 6 }),
            ("uuid", Kind::Uuid),
            ("hex", Kind::Hex { bytes: 16 }),
            ("fernet", Kind::Fernet),
            ("salt", Kind::BcryptSalt),
            ("ssh", Kind::SshKey),
            ("wg", Kind::WireGuard),
            ("hash", Kind::Crypt { of: "password".to_owned() }),
            ("ca", Kind::Authority { common_name: "x".to_owned() }),
            ("api", leaf),
        ]
        .map(|(name, kind)| SecretSpec::new(name, kind))
        .to_vec()
    }

    #[test]
    fn every_kind_has_the_shape_of_the_real_one_and_is_always_the_same() {
        let made = stand_ins(&specs()).unwrap();
        assert_eq!(made, stand_ins(&specs()).unwrap());
        let mut real = Secrets::new();
        super::super::complete(&specs(), &mut real).unwrap();
        assert_eq!(made.keys().collect::<Vec<_>>(), real.keys().collect::<Vec<_>>());
        for (name, text) in &made {
            assert!(name.contains('.') || text.len() == real[name].len(), "{name}: {text} {}", real[name]);
            assert_eq!(
                text.lines().next().unwrap().contains("-----"),
                real[name].contains("-----"),
                "{name}"
            );
        }
        assert!(made["password"].starts_with(MARK));
        let leaf = Certificate::first(&made["api.crt"]).unwrap();
        assert!(leaf.is_signed_by(&Certificate::first(&made["ca.crt"]).unwrap()));
        assert_eq!(leaf.has_key(&made["api.key"]), Ok(true));
    }
}
