//! Certificates in the system's trust store.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Changed, Host};
use crate::{
    agent::durable::{self, Meta},
    step::Answer,
};

/// Where `update-ca-certificates` looks for the administrator's own.
const OWN: &str = "/usr/local/share/ca-certificates";
/// What programs read.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

pub(super) fn probe(name: &str, pem: &str, host: &Host) -> Result<Answer> {
    let wanted = wanted(name, pem)?;
    if durable::read(&host.path(&file(name))?)?.as_deref() != Some(pem.as_bytes()) {
        return Ok(Answer::Missing(format!("{} is not this certificate", file(name))));
    }
    let bundle = durable::read(&host.path(BUNDLE)?)?.unwrap_or_default();
    let trusted = bodies(&String::from_utf8_lossy(&bundle)).contains(&wanted);
    Ok(if trusted { Answer::Holds } else { Answer::Missing(format!("{name} is not in {BUNDLE}")) })
}

pub(super) fn apply(name: &str, pem: &str, host: &Host) -> Result<Changed> {
    wanted(name, pem)?;
    let place = host.path(&file(name))?;
    let replaced = durable::read(&place)?.is_some_and(|old| old != pem.as_bytes());
    durable::write(&place, pem.as_bytes(), Meta::READABLE)?;
    let mut argv = vec!["update-ca-certificates"];
    if replaced {
        // Else the links by hash would still be those of the old one.
        argv.push("--fresh");
    }
    host.call(argv).limit(Duration::from_secs(600)).ok()?;
    Ok(Changed::new("trusted"))
}

fn file(name: &str) -> String {
    format!("{OWN}/{name}.crt")
}

/// The one certificate of a PEM text; Debian's tool takes one a file.
fn wanted(name: &str, pem: &str) -> Result<String> {
    ensure!(!name.contains('/') && !name.is_empty(), "`{name}` is no name of a certificate");
    let mut bodies = bodies(pem);
    ensure!(
        bodies.len() == 1,
        "certificate {name} is {} certificates in PEM, and has to be one",
        bodies.len()
    );
    ensure!(pem.ends_with('\n'), "the text of certificate {name} has to end with a new line");
    Ok(bodies.remove(0))
}

/// The base64 text of each certificate, without white space.
fn bodies(pem: &str) -> Vec<String> {
    let after = pem.split(BEGIN).skip(1);
    after.filter_map(|rest| Some(rest.split_once(END)?.0.split_whitespace().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    fn pem(body: &str) -> String {
        format!("{BEGIN}\n{body}\n{END}\n")
    }

    #[test]
    fn a_certificate_is_trusted_when_the_bundle_has_it() {
        let b = Box::new();
        b.file(BUNDLE, &pem("QUFB"));
        apply("ciab", &pem("Q0\nNC"), &b.host).unwrap();
        assert_eq!(
            probe("ciab", &pem("Q0\nNC"), &b.host).unwrap(),
            Answer::Missing(format!("ciab is not in {BUNDLE}"))
        );
        b.file(BUNDLE, &(pem("QUFB") + &pem("Q0NC")));
        assert_eq!(probe("ciab", &pem("Q0\nNC"), &b.host).unwrap(), Answer::Holds);
        apply("ciab", &pem("RERE"), &b.host).unwrap();
        assert_eq!(b.ran(), ["update-ca-certificates", "update-ca-certificates --fresh"]);
    }

    #[test]
    fn what_is_not_one_certificate_is_refused() {
        for bad in ["", "text", &(pem("QQ") + &pem("QQ"))] {
            assert!(probe("ciab", bad, &Box::new().host).is_err(), "{bad}");
        }
    }
}
