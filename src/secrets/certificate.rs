//! Certificates of the box's own authorities. They are kept until two thirds of their life are over; what a deployment
//! finds due after that it makes anew, and the authority with its old key, so that whoever trusts it goes on doing so.

use std::{collections::BTreeSet, net::IpAddr};

use anyhow::{Context as _, Result};
use jiff::{Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};

use super::{Secrets, source::Source, x509::Certificate};

/// Days that an authority is valid: ten years, longer than a box is kept.
const AUTHORITY_DAYS: i64 = 3650;
/// Days that a certificate is valid: 825 is the most that Apple's systems take from an authority that was installed by
/// hand (support.apple.com/103769).
const LEAF_DAYS: i64 = 825;
const DAY: i64 = 86_400;

/// Whom a certificate is for.
pub(super) struct Subject<'a> {
    pub(super) names: &'a BTreeSet<String>,
    pub(super) addresses: &'a BTreeSet<IpAddr>,
}

/// A certificate authority, or none where the one that is kept is not due.
pub(super) fn authority(
    name: &str,
    common_name: &str,
    kept: &Secrets,
    source: &mut dyn Source,
) -> Result<Secrets> {
    if standing(name, kept).is_some_and(|certificate| !due(&certificate, source.now())) {
        return Ok(Secrets::new());
    }
    let (key, pem) = match kept.get(&format!("{name}.key")) {
        Some(pem) => (KeyPair::from_pem(pem).context("read the authority's key")?, pem.clone()),
        None => {
            let key = source.key()?;
            let pem = key.serialize_pem();
            (key, pem)
        }
    };
    let mut params = params(common_name, AUTHORITY_DAYS, source)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).context("make a certificate")?;
    Ok(texts(name, &certificate.pem(), &pem))
}

/// A certificate of an authority, or none where the one that is kept is not due and is for the same.
pub(super) fn leaf(
    name: &str,
    authority: &str,
    subject: &Subject<'_>,
    kept: &Secrets,
    source: &mut dyn Source,
) -> Result<Secrets> {
    let half = |end: &str| {
        kept.get(&format!("{authority}.{end}"))
            .with_context(|| format!("`{authority}` has to be made before"))
    };
    let issuer = Certificate::first(half("crt")?).map_err(anyhow::Error::msg)?;
    let good = |leaf: &Certificate| {
        leaf.is_signed_by(&issuer)
            && (&leaf.names, &leaf.addresses) == (subject.names, subject.addresses)
            && !due(leaf, source.now())
    };
    if standing(name, kept).is_some_and(|leaf| good(&leaf)) {
        return Ok(Secrets::new());
    }
    let common_name = subject.names.first().cloned().unwrap_or_else(|| name.to_owned());
    let mut params = params(&common_name, LEAF_DAYS, source)?;
    for name in subject.names {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().context("a DNS name")?));
    }
    params.subject_alt_names.extend(subject.addresses.iter().copied().map(SanType::IpAddress));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let signer = KeyPair::from_pem(half("key")?).context("read the authority's key")?;
    let issuer =
        Issuer::from_ca_cert_pem(half("crt")?, signer).context("read the authority's certificate")?;
    let key = source.key()?;
    let certificate = params.signed_by(&key, &issuer).context("make a certificate")?;
    Ok(texts(name, &certificate.pem(), &key.serialize_pem()))
}

fn texts(name: &str, certificate: &str, key: &str) -> Secrets {
    Secrets::from([(format!("{name}.crt"), certificate.to_owned()), (format!("{name}.key"), key.to_owned())])
}

/// The certificate that is kept, where it can be read and its key is there.
fn standing(name: &str, kept: &Secrets) -> Option<Certificate> {
    let certificate = Certificate::first(kept.get(&format!("{name}.crt"))?).ok()?;
    let belongs = certificate.has_key(kept.get(&format!("{name}.key"))?).ok()?;
    belongs.then_some(certificate)
}

/// Whether it is to be made anew: two thirds over, or of a time to come, as a wrong clock makes it.
fn due(certificate: &Certificate, now: Timestamp) -> bool {
    now < certificate.not_before || now >= certificate.renewal()
}

fn params(common_name: &str, days: i64, source: &mut dyn Source) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let mut serial = source.bytes(16)?;
    // A positive number (RFC 5280 section 4.1.2.2), of the same length every time.
    serial[0] = serial[0] & 0x3f | 0x40;
    params.serial_number = Some(SerialNumber::from(serial));
    let now = source.now().as_second();
    let day = |seconds: i64| -> Result<_> {
        let date = Timestamp::from_second(seconds)?.to_zoned(TimeZone::UTC);
        let (year, month, day) = (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs());
        Ok(rcgen::date_time_ymd(year, month, day))
    };
    // From yesterday: the box's clock may be set back a little by its first synchronisation.
    params.not_before = day(now - DAY)?;
    params.not_after = day(now + days * DAY)?;
    Ok(params)
}
