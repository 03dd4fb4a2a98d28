//! Certificates that the operator brings: read from this machine, and refused before the box hears of them.

use std::fs;

use secrecy::ExposeSecret as _;

use super::place;
use crate::{
    boxfile::{BoxFile, Engine, secret::SecretRef},
    failure::{Exit, Failure},
    plan, render,
    secrets::{
        Secrets,
        brought::{Brought, judge},
    },
};

/// The operator's own, under the names that templates know; without any, nothing.
pub(super) fn operators(boxfile: &BoxFile) -> Result<Secrets, Failure> {
    let tls = &boxfile.tls;
    let authority = match &tls.ca {
        Some(path) => {
            let path = place::expanded(path)?;
            let text = fs::read_to_string(&path).map_err(|error| {
                Failure::new(Exit::Usage, format!("read `tls.ca` {}: {error}", path.display()))
            })?;
            Some(text)
        }
        None => None,
    };
    let text = |secret: &SecretRef| -> Result<String, Failure> {
        // A line break at its end belongs to PEM.
        Ok(place::read_secret(secret, None)?.expose_secret().to_owned() + "\n")
    };
    let endpoints = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => Some((text(certificate)?, text(key)?)),
        _ => None,
    };
    let brought = Brought { authority, endpoints };
    let names = if boxfile.engine == Engine::None { vec![] } else { vec![plan::api_name(&boxfile.fqdn())] };
    let faults = judge(&brought, &names, jiff::Timestamp::now());
    if !faults.is_empty() {
        let lines: Vec<String> =
            faults.iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect();
        let failure =
            Failure::new(Exit::Preflight, format!("your certificates cannot be used: {}", lines.join("; ")));
        return Err(faults.iter().fold(failure, |failure, fault| failure.hint(fault.hint.clone())));
    }
    let mut secrets = Secrets::new();
    secrets.extend(brought.authority.map(|text| (render::CA_CERTIFICATE.to_owned(), text)));
    if let Some((certificate, key)) = brought.endpoints {
        secrets.insert(format!("{}.crt", render::API), certificate);
        secrets.insert(format!("{}.key", render::API), key);
    }
    Ok(secrets)
}
