//! What a certificate says: RFC 5280, read from PEM.

use std::{collections::BTreeSet, net::IpAddr};

use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RsaKeyPair,
    },
};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    pem::Pem,
    prelude::{FromDer as _, X509Certificate},
};

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// DNS names of the subject's alternative names, in lower case.
    pub names: BTreeSet<String>,
    pub addresses: BTreeSet<IpAddr>,
    pub is_authority: bool,
    /// The bits of the public key.
    key: Vec<u8>,
}

impl Certificate {
    /// Every certificate in a PEM text, in its order; what is wrong with it is a fragment without a full stop.
    pub fn chain(text: &str) -> Result<Vec<Self>, String> {
        let mut chain = Vec::new();
        for part in Pem::iter_from_buffer(text.as_bytes()) {
            let part = part.map_err(|_| "it is damaged PEM".to_owned())?;
            if part.label == "CERTIFICATE" {
                chain.push(Self::read(part.contents)?);
            }
        }
        if chain.is_empty() { Err("it holds no certificate in PEM form".to_owned()) } else { Ok(chain) }
    }

    /// The first certificate of a text, which is that of the server.
    pub fn first(text: &str) -> Result<Self, String> {
        Self::chain(text).map(|mut chain| chain.swap_remove(0))
    }

    fn read(der: Vec<u8>) -> Result<Self, String> {
        let wrong = || "it holds a damaged certificate".to_owned();
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| wrong())?;
        let time = |at: i64| Timestamp::from_second(at).map_err(|_| wrong());
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for extension in parsed.extensions() {
            let ParsedExtension::SubjectAlternativeName(alternatives) = extension.parsed_extension() else {
                continue;
            };
            for name in &alternatives.general_names {
                match name {
                    GeneralName::DNSName(name) => drop(names.insert(name.to_lowercase())),
                    GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        let (not_before, not_after) =
            (time(parsed.validity.not_before.timestamp())?, time(parsed.validity.not_after.timestamp())?);
        let (is_authority, key) = (parsed.is_ca(), parsed.public_key().subject_public_key.data.to_vec());
        Ok(Self { not_before, not_after, names, addresses, is_authority, key, der })
    }

    /// Whether it may be shown for this name: equal, or with a wildcard for the first label (RFC 9525 section 6.3).
    pub fn is_for(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let rest = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        self.names.contains(&name) || rest.is_some_and(|wildcard| self.names.contains(&wildcard))
    }

    /// Whether the other one's key has signed this one.
    pub fn is_signed_by(&self, authority: &Self) -> bool {
        let (Ok((_, own)), Ok((_, other))) =
            (X509Certificate::from_der(&self.der), X509Certificate::from_der(&authority.der))
        else {
            return false;
        };
        own.issuer() == other.subject() && own.verify_signature(Some(other.public_key())).is_ok()
    }

    /// Whether this is the private key of its public one; an error says why it cannot be told.
    pub fn has_key(&self, pem: &str) -> Result<bool, String> {
        Ok(public_key(pem)? == self.key)
    }

    /// From here on it is to be made anew: when two thirds of its life are over.
    pub fn renewal(&self) -> Timestamp {
        let (begin, end) = (self.not_before.as_second(), self.not_after.as_second());
        Timestamp::from_second(begin + (end - begin) / 3 * 2).unwrap_or(self.not_after)
    }

    /// Whole days until it ends; negative when it has ended.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(86_400)
    }
}

/// An address in network byte order.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The bits of the public key to a private one in PEM.
fn public_key(text: &str) -> Result<Vec<u8>, String> {
    let keys = Pem::iter_from_buffer(text.as_bytes()).filter_map(Result::ok);
    let key = keys.into_iter().find(|part| part.label.ends_with("PRIVATE KEY"));
    let key = key.ok_or("it holds no private key in PEM form")?;
    let der = &key.contents;
    let wrong = || "it holds a damaged private key, or one of a kind that is not known here".to_owned();
    match key.label.as_str() {
        "PRIVATE KEY" => {
            let random = SystemRandom::new();
            let ec = |kind| EcdsaKeyPair::from_pkcs8(kind, der, &random).ok();
            let ec = ec(&ECDSA_P256_SHA256_ASN1_SIGNING).or_else(|| ec(&ECDSA_P384_SHA384_ASN1_SIGNING));
            let bits = |key: &dyn AsRef<[u8]>| key.as_ref().to_vec();
            ec.map(|key| bits(key.public_key()))
                .or_else(|| {
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(|key| bits(key.public_key()))
                })
                .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(|key| bits(key.public_key())))
                .ok_or_else(wrong)
        }
        "RSA PRIVATE KEY" => {
            RsaKeyPair::from_der(der).map(|key| key.public_key().as_ref().to_vec()).map_err(|_| wrong())
        }
        "ENCRYPTED PRIVATE KEY" => {
            Err("its private key is encrypted, and nobody is there to type it at boot".to_owned())
        }
        // The old forms that only OpenSSL writes.
        label => Err(format!("its private key is a `{label}`, not PKCS #8")),
    }
}

#[cfg(test)]
mod tests;
