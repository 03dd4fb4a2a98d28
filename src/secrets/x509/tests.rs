use std::{fs, process::Command};

use super::*;
use crate::secrets::{Kind, SecretSpec, Secrets, complete};

fn made() -> Secrets {
    let names = BTreeSet::from(["*.cloud.example.org".to_owned(), "api.example.org".to_owned()]);
    let addresses = BTreeSet::from(["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()]);
    let specs = [
        SecretSpec::new("ca", Kind::Authority { common_name: "ciab test".to_owned() }),
        SecretSpec::new("other", Kind::Authority { common_name: "ciab test".to_owned() }),
        SecretSpec::new("api", Kind::Leaf { authority: "ca".to_owned(), names, addresses }),
    ];
    let mut kept = Secrets::new();
    complete(&specs, &mut kept).unwrap();
    kept
}

#[test]
fn a_certificate_says_whom_it_is_for_and_who_signed_it() {
    let kept = made();
    let api = Certificate::first(&kept["api.crt"]).unwrap();
    assert!(api.is_for("API.example.org") && api.is_for("x.cloud.example.org"));
    assert!(!api.is_for("a.x.cloud.example.org") && !api.is_for("cloud.example.org") && !api.is_for("org"));
    assert_eq!(api.addresses.len(), 2);
    let [ca, other] = ["ca.crt", "other.crt"].map(|name| Certificate::first(&kept[name]).unwrap());
    assert!(ca.is_authority && !api.is_authority);
    assert!(api.is_signed_by(&ca) && ca.is_signed_by(&ca));
    assert!(!api.is_signed_by(&other), "another key under the same name");
    assert_eq!((api.has_key(&kept["api.key"]), api.has_key(&kept["ca.key"])), (Ok(true), Ok(false)));
}

#[test]
fn openssl_accepts_chain_and_names() {
    let kept = made();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &kept {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let verify = |authority: &str, name: &str, address: &str| {
        let words = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority];
        let mut call = Command::new("openssl");
        call.current_dir(folder.path()).args(words);
        let output = call.args(["-verify_hostname", name, "-verify_ip", address, "api.crt"]).output();
        output.unwrap().status.success()
    };
    assert!(verify("ca.crt", "api.example.org", "2001:db8::1"));
    assert!(verify("ca.crt", "x.cloud.example.org", "192.0.2.1"));
    assert!(!verify("other.crt", "api.example.org", "192.0.2.1"));
    assert!(!verify("ca.crt", "b.example.org", "192.0.2.1"));
}

#[test]
fn keys_of_every_usual_kind_are_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |words: &[&str]| {
        let output = Command::new("openssl").current_dir(folder.path()).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    for (kind, option) in [
        ("RSA", "rsa_keygen_bits:2048"),
        ("EC", "ec_paramgen_curve:P-256"),
        ("EC", "ec_paramgen_curve:P-384"),
        ("ED25519", ""),
    ] {
        let mut words = vec!["genpkey", "-algorithm", kind, "-out", "key"];
        words.extend((!option.is_empty()).then_some(["-pkeyopt", option]).into_iter().flatten());
        openssl(&words);
        openssl(&["req", "-new", "-x509", "-key", "key", "-subj", "/CN=x", "-days", "2", "-out", "crt"]);
        let certificate = Certificate::first(&read("crt")).unwrap();
        assert_eq!(certificate.has_key(&read("key")), Ok(true), "{kind} {option}");
        assert_eq!(certificate.has_key(&made()["api.key"]), Ok(false), "{kind} {option}");
        if kind == "RSA" {
            openssl(&["pkey", "-in", "key", "-traditional", "-out", "old"]);
            assert_eq!(certificate.has_key(&read("old")), Ok(true));
        }
    }
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key"]);
    assert!(public_key(&read("key")).unwrap_err().contains("not PKCS #8"));
    openssl(&["genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:x", "-out", "key"]);
    assert!(public_key(&read("key")).unwrap_err().contains("encrypted"));
}

#[test]
fn what_is_no_certificate_is_said() {
    let kept = made();
    assert!(Certificate::first("").unwrap_err().contains("no certificate"));
    assert!(Certificate::first(&kept["api.key"]).unwrap_err().contains("no certificate"));
    let damaged = kept["api.crt"].replacen("MII", "AAA", 1);
    assert!(Certificate::first(&damaged).unwrap_err().contains("damaged"));
    assert_eq!(Certificate::chain(&format!("{}{}", kept["api.crt"], kept["ca.crt"])).unwrap().len(), 2);
}

#[test]
fn days_and_the_date_of_renewal_come_from_the_validity() {
    let day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
    let mut api = Certificate::first(&made()["api.crt"]).unwrap();
    (api.not_before, api.not_after) = (day(0), day(90));
    assert_eq!(api.renewal(), day(60));
    assert_eq!((api.days_left(day(60)), api.days_left(day(91))), (30, -1));
}
