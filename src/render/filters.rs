//! What templates may do with a value, beyond what the engine brings.

use std::net::IpAddr;

use ipnet::IpNet;
use minijinja::{Environment, Error, ErrorKind, Value};
use sha2::{Digest as _, Sha256};

use crate::{tree::hex, units::Bytes, yaml};

pub(super) fn add(engine: &mut Environment<'_>) {
    engine.add_filter("bytes", bytes);
    engine.add_filter("certificate", certificate);
    engine.add_filter("host_port", host_port);
    engine.add_filter("mebibytes", mebibytes);
    engine.add_filter("name_uuid", name_uuid);
    engine.add_filter("pem", pem);
    engine.add_filter("prefix", prefix);
    engine.add_filter("regex", regex);
    engine.add_filter("unit_word", unit_word);
    engine.add_filter("yaml", block);
    engine.add_test("address", |text: &str| text.parse::<IpAddr>().is_ok());
}

fn wrong(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why.into())
}

/// A size as a number: units of a thousand and of 1024 are spelt differently by every daemon.
fn bytes(size: &str) -> Result<u64, Error> {
    size.parse::<Bytes>().map(|bytes| bytes.0).map_err(|_| wrong("a value is no size"))
}

/// A size in whole MiB, the rest left out.
fn mebibytes(size: &str) -> Result<u64, Error> {
    Ok(bytes(size)? / Bytes::mib(1).0)
}

/// A UUID that follows from a name: RFC 9562 version 8, from a digest of it.
fn name_uuid(name: &str) -> String {
    let digits = hex(&Sha256::digest(name));
    // Version and variant take the places of six bits.
    let parts = [&digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32]];
    format!("{}-{}-8{}-8{}-{}", parts[0], parts[1], parts[2], parts[3], parts[4])
}

/// The length of a network's prefix.
fn prefix(net: &str) -> Result<u8, Error> {
    net.parse::<IpNet>().map(|net| net.prefix_len()).map_err(|_| wrong("a value is no network"))
}

/// A host and a port as one; an IPv6 address takes brackets, RFC 3986.
fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A package's name that stands for itself in a regular expression.
fn regex(name: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !name.chars().all(|c| plain(c) || c == '.' || c == '+') {
        return Err(wrong("a value is no name of a package"));
    }
    Ok(name.chars().map(|c| if plain(c) { c.to_string() } else { format!("[{c}]") }).collect())
}

/// Text between the double quotes of a systemd unit's setting, systemd.syntax(7) and systemd.unit(5).
fn unit_word(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%")
}

/// One certificate in PEM, which is all that such a file may hold.
fn certificate(pem: &str) -> Result<Value, Error> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----\n";
    const END: &str = "\n-----END CERTIFICATE-----";
    let text = pem.trim();
    let body = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=\n".contains(c);
    match body {
        Some(body) if !body.is_empty() && body.chars().all(base64) => {
            Ok(Value::from_safe_string(text.to_owned()))
        }
        _ => Err(wrong("a value is not one certificate in PEM")),
    }
}

/// Certificates and keys in PEM, any number of them and nothing else.
fn pem(text: &str) -> Result<Value, Error> {
    let mut inside = None;
    for line in text.trim().lines() {
        let label = |dash: &str| Some(line.strip_prefix(dash)?.strip_suffix("-----")?.to_owned());
        let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        inside = match (inside, label("-----BEGIN "), label("-----END ")) {
            (None, Some(begun), _) => Some(begun),
            (Some(begun), _, Some(ended)) if begun == ended => None,
            (Some(begun), None, None) if line.chars().all(base64) => Some(begun),
            _ => return Err(wrong("a value is not PEM alone")),
        };
    }
    if inside.is_some() || text.trim().is_empty() {
        return Err(wrong("a value is not PEM alone"));
    }
    Ok(Value::from_safe_string(text.trim().to_owned()))
}

/// A whole document in block style, for files that people read.
fn block(value: &Value) -> Result<Value, Error> {
    let text = yaml::to_string(value).map_err(|error| wrong(format!("{error:#}")))?;
    Ok(Value::from_safe_string(text.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_unit_cannot_leave_its_quotes() {
        assert_eq!(unit_word(r#"a%20"b\"#), r#"a%%20\"b\\"#);
    }

    #[test]
    fn a_name_has_one_uuid() {
        let one = name_uuid("/dev/disk/by-id/wwn-0x1");
        assert_eq!(one, name_uuid("/dev/disk/by-id/wwn-0x1"));
        assert_ne!(one, name_uuid("/dev/disk/by-id/wwn-0x2"));
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!((&one[14..15], &one[19..20]), ("8", "8"));
    }

    #[test]
    fn a_size_in_mebibytes_is_rounded_down() {
        assert_eq!(mebibytes("1GiB").unwrap(), 1024);
        assert_eq!(mebibytes("1535KiB").unwrap(), 1);
    }

    #[test]
    fn a_package_stands_for_itself() {
        assert_eq!(regex("docker.io").unwrap(), "docker[.]io");
        assert_eq!(regex("g++-12").unwrap(), "g[+][+]-12");
        assert!(regex(".*|a").is_err());
    }

    #[test]
    fn a_certificate_is_one_and_nothing_else() {
        let one = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(certificate(one).unwrap().as_str(), Some(one.trim_end()));
        let key = one.replace("CERTIFICATE", "PRIVATE KEY");
        for bad in ["", "x", &key, &format!("{one}{one}"), &format!("{one}{key}")] {
            assert!(certificate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pem_holds_nothing_else() {
        let block = |label: &str| format!("-----BEGIN {label}-----\nMIIB\n-----END {label}-----\n");
        let good = block("CERTIFICATE") + &block("PRIVATE KEY");
        assert_eq!(pem(&good).unwrap().as_str(), Some(good.trim_end()));
        let cut = "-----BEGIN CERTIFICATE-----\nMIIB\n";
        for bad in ["", "x", cut, &good.replace("MIIB", "bind *:80"), &good.replace("END CERT", "END SERT")] {
            assert!(pem(bad).is_err(), "{bad}");
        }
    }
}
