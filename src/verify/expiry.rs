//! `ciab agent prove-certificates`: how long the certificates of this box hold.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Proof, proof};
use crate::{secrets::x509::Certificate, step::Probe};

/// Enough to plan a deployment in, which renews what is the box's own.
const DAYS: i64 = 14;

pub(super) fn proofs() -> Vec<Proof> {
    let argv = ["%helper", "agent", "prove-certificates", "--days"].map(str::to_owned);
    let argv = argv.into_iter().chain([DAYS.to_string()]).collect();
    vec![proof(
        "tls-expiry",
        "The certificates of this box hold for some time yet",
        format!("at least {DAYS} days left"),
        Probe::Command { argv },
    )]
}

/// Which of these PEM texts, by name, have fewer days left; `None` when none of them.
pub fn ask(days: i64, texts: &BTreeMap<String, String>, now: Timestamp) -> Option<String> {
    let judge = |(name, text): (&String, &String)| {
        let certificate = match Certificate::first(text) {
            Ok(certificate) => certificate,
            Err(why) => return Some(format!("{name}: {why}")),
        };
        match certificate.days_left(now) {
            _ if now < certificate.not_before => Some(format!("{name} is not valid yet")),
            left if left < 0 => Some(format!("{name} has ended {} days ago", -left)),
            left if left < days => Some(format!("{name} ends in {left} days")),
            _ => None,
        }
    };
    let short: Vec<String> = texts.iter().filter_map(judge).collect();
    (!short.is_empty()).then(|| short.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::{Kind, SecretSpec, Secrets, complete};

    #[test]
    fn the_days_that_are_left_are_told() {
        let mut made = Secrets::new();
        complete(&[SecretSpec::new("ca", Kind::Authority { common_name: "x".to_owned() })], &mut made)
            .unwrap();
        made.remove("ca.key");
        let after = |days: i64| {
            let now = Timestamp::from_second(Timestamp::now().as_second() + days * 86_400).unwrap();
            ask(14, &made, now)
        };
        assert_eq!(after(0), None);
        assert_eq!(after(3630), None);
        assert_eq!(after(3640).unwrap(), "ca.crt ends in 9 days");
        assert_eq!(after(3660).unwrap(), "ca.crt has ended 11 days ago");
        assert_eq!(after(-3).unwrap(), "ca.crt is not valid yet");
        made.insert("x.crt".to_owned(), "x".to_owned());
        assert!(ask(14, &made, Timestamp::now()).unwrap().starts_with("x.crt: it"));
    }
}
