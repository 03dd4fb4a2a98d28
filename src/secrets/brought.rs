//! The certificates that the operator brings, judged before anything is done with them.

use jiff::Timestamp;

use super::{published, x509::Certificate};

/// PEM texts of the operator's.
#[derive(Default)]
pub struct Brought {
    /// The authority, `tls.ca`.
    pub authority: Option<String>,
    /// The endpoints' certificate with its chain and its private key, `tls.certificate` and `tls.key`.
    pub endpoints: Option<(String, String)>,
}

/// Something that stands against using them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key of the box file.
    pub key: &'static str,
    /// A lower-case fragment without a full stop.
    pub message: String,
    /// A whole sentence.
    pub hint: String,
}

impl Fault {
    fn new(key: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { key, message: message.into(), hint: hint.into() }
    }
}

/// Everything that is wrong with them, for endpoints of these names.
pub fn judge(brought: &Brought, names: &[String], now: Timestamp) -> Vec<Fault> {
    let mut faults = Vec::new();
    let authority = brought.authority.as_deref().and_then(|text| authority(text, now, &mut faults));
    if let Some((chain, key)) = &brought.endpoints {
        endpoints(chain, key, authority.as_ref(), names, now, &mut faults);
    }
    faults
}

fn authority(text: &str, now: Timestamp, faults: &mut Vec<Fault>) -> Option<Certificate> {
    const KEY: &str = "tls.ca";
    let chain = match Certificate::chain(text) {
        Ok(chain) => chain,
        Err(why) => {
            faults.push(Fault::new(KEY, why, "It is one certificate in PEM form."));
            return None;
        }
    };
    if chain.len() > 1 {
        faults.push(Fault::new(
            KEY,
            "it holds several certificates",
            "Leave the one at the root of the chain in it.",
        ));
    }
    let root = chain.into_iter().next()?;
    if !root.is_authority {
        faults.push(Fault::new(
            KEY,
            "it is a server's certificate, not an authority's",
            "Name the certificate that signed it.",
        ));
    }
    valid(KEY, &root, now, faults);
    Some(root)
}

fn endpoints(
    chain: &str,
    key: &str,
    authority: Option<&Certificate>,
    names: &[String],
    now: Timestamp,
    faults: &mut Vec<Fault>,
) {
    const CERTIFICATE: &str = "tls.certificate";
    const KEY: &str = "tls.key";
    let chain = match Certificate::chain(chain) {
        Ok(chain) => chain,
        Err(why) => return faults.push(Fault::new(CERTIFICATE, why, "It is a certificate in PEM form.")),
    };
    let own = &chain[0];
    if own.is_authority {
        let hint = "Put the server's certificate first, and those that signed it behind it.";
        faults.push(Fault::new(CERTIFICATE, "it begins with an authority's certificate", hint));
    }
    if chain.windows(2).any(|pair| !pair[0].is_signed_by(&pair[1])) {
        let hint = "Each certificate is signed by the one behind it, the server's own being the first.";
        faults.push(Fault::new(CERTIFICATE, "its chain is out of order", hint));
    }
    match own.has_key(key) {
        Ok(true) => {}
        Ok(false) => faults.push(Fault::new(
            KEY,
            "it is the key of another certificate",
            "Name the key that the certificate was asked for with.",
        )),
        Err(why) => faults.push(Fault::new(
            KEY,
            why,
            "`openssl pkey -in OLD -out NEW` writes it as PKCS #8 without a passphrase.",
        )),
    }
    if let Some(place) = published::place(key) {
        faults.push(Fault::new(KEY, format!("everybody knows it ({place})"), "Make a key of your own."));
    }
    let missing: Vec<&str> = names.iter().filter(|name| !own.is_for(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        let there: Vec<&str> = own.names.iter().map(String::as_str).collect();
        let there = if there.is_empty() { "no name at all".to_owned() } else { there.join(", ") };
        faults.push(Fault::new(
            CERTIFICATE,
            format!("it is not valid for {}", missing.join(", ")),
            format!("It is valid for {there} (subject alternative names, the common name does not count)."),
        ));
    }
    valid(CERTIFICATE, own, now, faults);
    if let (Some(authority), Some(last)) = (authority, chain.last())
        && !last.is_signed_by(authority)
    {
        let hint =
            "Put the certificates between it and `tls.ca` behind it, or name the authority that signed it.";
        faults.push(Fault::new(CERTIFICATE, "it does not come from `tls.ca`", hint));
    }
}

fn valid(key: &'static str, certificate: &Certificate, now: Timestamp, faults: &mut Vec<Fault>) {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if now >= certificate.not_after {
        let message = format!("it has ended on {}", day(certificate.not_after));
        faults.push(Fault::new(key, message, "Name a renewed one."));
    } else if now < certificate.not_before {
        let message = format!("it begins on {}", day(certificate.not_before));
        faults.push(Fault::new(key, message, "Look at this machine's clock, or wait."));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::secrets::{Kind, SecretSpec, Secrets, complete};

    fn made() -> Secrets {
        let authority = |name: &str| SecretSpec::new(name, Kind::Authority { common_name: name.to_owned() });
        let leaf = |name: &str| {
            let names = BTreeSet::from([format!("{name}.example.org")]);
            let kind = Kind::Leaf { authority: "ca".to_owned(), names, addresses: BTreeSet::new() };
            SecretSpec::new(name, kind)
        };
        let mut made = Secrets::new();
        complete(&[authority("ca"), authority("other"), leaf("api"), leaf("web")], &mut made).unwrap();
        made
    }

    /// What is said about these texts of the secrets, as `key: message`.
    fn said(made: &Secrets, authority: Option<&str>, chain: &[&str], key: &str, days: i64) -> Vec<String> {
        let chain: String = chain.iter().map(|name| made[*name].as_str()).collect();
        let brought = Brought {
            authority: authority.map(|name| made[name].clone()),
            endpoints: Some((chain, made[key].clone())),
        };
        let now = Timestamp::from_second(Timestamp::now().as_second() + days * 86_400).unwrap();
        let faults = judge(&brought, &["api.example.org".to_owned()], now);
        faults.into_iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect()
    }

    #[test]
    fn what_belongs_together_is_taken() {
        let made = made();
        assert_eq!(said(&made, Some("ca.crt"), &["api.crt"], "api.key", 0), [""; 0]);
        assert_eq!(said(&made, None, &["api.crt", "ca.crt"], "api.key", 0), [""; 0]);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let mut made = made();
        made.insert("none".to_owned(), "hello".to_owned());
        let all = said(&made, Some("other.crt"), &["web.crt"], "api.key", 1000);
        assert_eq!(all.len(), 4, "{all:?}");
        assert_eq!(all[0], "tls.key: it is the key of another certificate");
        assert_eq!(all[1], "tls.certificate: it is not valid for api.example.org");
        assert!(all[2].starts_with("tls.certificate: it has ended on 20"), "{all:?}");
        assert_eq!(all[3], "tls.certificate: it does not come from `tls.ca`");
        for (authority, chain, key, wanted) in [
            (Some("api.crt"), &["api.crt"][..], "api.key", "tls.ca: it is a server's certificate"),
            (Some("none"), &["api.crt"], "api.key", "tls.ca: it holds no certificate"),
            (None, &["none"], "api.key", "tls.certificate: it holds no certificate"),
            (None, &["api.crt"], "none", "tls.key: it holds no private key"),
            (None, &["ca.crt", "api.crt"], "ca.key", "tls.certificate: it begins with an authority's"),
            (None, &["api.crt", "other.crt"], "api.key", "tls.certificate: its chain is out of order"),
        ] {
            let all = said(&made, authority, chain, key, 0);
            assert!(all.iter().any(|said| said.starts_with(wanted)), "{wanted}: {all:?}");
        }
        let early = said(&made, None, &["api.crt"], "api.key", -10);
        assert!(early[0].starts_with("tls.certificate: it begins on 20"), "{early:?}");
    }
}
