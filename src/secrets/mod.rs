//! Secrets of one box: made once, there, from the operating system's generator. Time and chance enter here only.

use std::{collections::BTreeMap, fs::File, io::Read};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};

use serde::{Deserialize, Serialize};

use crate::tree::hex;

/// A secret to be made when it does not exist.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSpec {
    /// A certificate authority for this box: `<name>.key` and `<name>.crt`, PEM.
    Authority { name: String, common_name: String },
    /// Letters and digits from the system's generator.
    Password { name: String, length: usize },
}

/// Years that a box's own authority is valid; the box is reinstalled sooner.
const AUTHORITY_YEARS: i64 = 10;

/// Makes what a specification names, as secret name -> text.
pub fn make(spec: &SecretSpec) -> Result<BTreeMap<String, String>> {
    match spec {
        SecretSpec::Authority { name, common_name } => authority(name, common_name),
        SecretSpec::Password { name, length } => Ok(BTreeMap::from([(name.clone(), password(*length)?)])),
    }
}

/// So many bytes of the system's generator, in hexadecimal.
pub fn random_hex(bytes: usize) -> Result<String> {
    Ok(hex(&random(bytes)?))
}

fn random(bytes: usize) -> Result<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    let mut source = File::open("/dev/urandom").context("open the random generator")?;
    source.read_exact(&mut buffer).context("read the random generator")?;
    Ok(buffer)
}

/// Letters and digits, each equally likely.
fn password(length: usize) -> Result<String> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // 248 is the largest multiple of 62 in a byte: what lies above would favour the first letters.
        let letters = random(length)?.into_iter().filter(|byte| *byte < 248);
        text.extend(letters.map(|byte| char::from(LETTERS[usize::from(byte) % 62])));
    }
    text.truncate(length);
    Ok(text)
}

/// A certificate authority: `<name>.crt` and `<name>.key`, PEM, ECDSA P-256 (RFC 5280 profile of rcgen).
fn authority(name: &str, common_name: &str) -> Result<BTreeMap<String, String>> {
    let key = KeyPair::generate().context("make a key")?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = jiff::Timestamp::now();
    let day = |seconds: i64| -> Result<_> {
        let date = jiff::Timestamp::from_second(seconds)?.to_zoned(jiff::tz::TimeZone::UTC);
        let (year, month, day) = (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs());
        Ok(rcgen::date_time_ymd(year, month, day))
    };
    // From yesterday: the box's clock may be set back a little by its first synchronisation.
    params.not_before = day(now.as_second() - 86_400)?;
    params.not_after = day(now.as_second() + AUTHORITY_YEARS * 365 * 86_400)?;
    let certificate = params.self_signed(&key).context("make a certificate")?;
    Ok(BTreeMap::from([
        (format!("{name}.crt"), certificate.pem()),
        (format!("{name}.key"), key.serialize_pem()),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_their_length_and_are_never_the_same() {
        let one = password(40).unwrap();
        assert_eq!(one.len(), 40);
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(one, password(40).unwrap());
    }

    #[test]
    fn an_authority_is_a_certificate_and_its_key() {
        let made = authority("ca", "box CA").unwrap();
        assert!(made["ca.crt"].starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(made["ca.key"].starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
