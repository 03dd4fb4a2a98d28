//! Which secrets a plan asks for, and that none of them leaves through a public file.

use std::collections::BTreeMap;

use super::fault;
use crate::{
    failure::{Exit, Failure},
    plan::{Plan, Tls},
    secrets::SecretSpec,
};

/// Text by name, as the box keeps them.
pub type Secrets = BTreeMap<String, String>;

/// The authority's certificate, PEM. Where the operator brings one, its text is to be put under this name.
pub const CA_CERTIFICATE: &str = "ca.crt";

/// The authority that `ca.crt` and `ca.key` are the halves of.
const CA: &str = "ca";

/// Shorter texts stand in any file by chance.
const SHORTEST: usize = 8;

/// What is to be made on the box before the tree can be rendered.
pub fn secret_specs(plan: &Plan) -> Vec<SecretSpec> {
    match &plan.tls {
        Tls::PerBox => {
            let common_name = format!("ciab {}", plan.host.fqdn);
            vec![SecretSpec::Authority { name: CA.to_owned(), common_name }]
        }
        Tls::Operator { .. } => Vec::new(),
    }
}

/// Texts to render with where the real ones are not at hand: the tree then shows its shape, and is not for a box.
pub fn stand_ins(_plan: &Plan) -> Secrets {
    // Base64 of "stand-in", so that nothing takes it for a certificate.
    let pem = "-----BEGIN CERTIFICATE-----\nc3RhbmQtaW4=\n-----END CERTIFICATE-----\n";
    Secrets::from([(CA_CERTIFICATE.to_owned(), pem.to_owned())])
}

pub(super) fn check(plan: &Plan, secrets: &Secrets) -> Result<(), Failure> {
    if secrets.contains_key(CA_CERTIFICATE) {
        return Ok(());
    }
    let hint = match &plan.tls {
        Tls::PerBox => "The box makes it; a deployment asks for it before it renders.".to_owned(),
        Tls::Operator { ca } => format!("It is read from {ca}, named in `tls.ca`."),
    };
    Err(Failure::new(Exit::Unexpected, format!("there is no text for the secret `{CA_CERTIFICATE}`"))
        .hint(hint))
}

/// Certificates are public; nothing else may stand in a file that is not marked secret.
pub(super) fn refuse_leak(path: &str, text: &str, secrets: &Secrets) -> Result<(), Failure> {
    let hidden = secrets.iter().filter(|(name, secret)| !name.ends_with(".crt") && secret.len() >= SHORTEST);
    match hidden.into_iter().find(|(_, secret)| text.contains(secret.trim())) {
        Some((name, _)) => {
            Err(fault(format!("{path} holds the secret `{name}` and is not marked `secret: true`")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_public_file_is_refused_without_being_told() {
        let secrets =
            Secrets::from([("db".to_owned(), "canary-1234".to_owned()), ("x.crt".to_owned(), "a".repeat(9))]);
        let said = refuse_leak("/etc/x", "p = canary-1234", &secrets).unwrap_err().message;
        assert!(said.contains("/etc/x") && said.contains("`db`") && !said.contains("canary"), "{said}");
        assert!(refuse_leak("/etc/x", &"a".repeat(9), &secrets).is_ok());
    }
}
