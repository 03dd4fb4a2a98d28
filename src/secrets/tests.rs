use jiff::Timestamp;
use rcgen::KeyPair;

use super::{x509::Certificate, *};

const DAY: i64 = 86_400;

/// The system's chance at another time.
struct At(i64);

impl Source for At {
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        System.bytes(count)
    }
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap()
    }
    fn key(&mut self) -> Result<KeyPair> {
        System.key()
    }
}

fn spec(name: &str, kind: Kind) -> SecretSpec {
    SecretSpec::new(name, kind)
}

fn leaf(names: &[&str]) -> SecretSpec {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let kind = Kind::Leaf { authority: "ca".to_owned(), names, addresses: BTreeSet::new() };
    spec("api", kind)
}

fn certificates(names: &[&str]) -> [SecretSpec; 2] {
    [spec("ca", Kind::Authority { common_name: "x".to_owned() }), leaf(names)]
}

/// The names whose texts differ.
fn changed(before: &Secrets, after: &Secrets) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[test]
fn what_is_there_is_left_alone() {
    let mut specs = certificates(&["a.example.org"]).to_vec();
    specs.extend([
        spec("password", Kind::Password { length: 40 }),
        spec("hash", Kind::Crypt { of: "password".to_owned() }),
        spec("ssh", Kind::SshKey),
        spec("wg", Kind::WireGuard),
    ]);
    let mut kept = Secrets::from([("of somebody else".to_owned(), "stays".to_owned())]);
    assert!(complete(&specs, &mut kept).unwrap());
    let names: BTreeSet<String> = specs.iter().flat_map(SecretSpec::names).collect();
    assert!(names.iter().all(|name| kept.contains_key(name)));
    let before = kept.clone();
    assert!(!complete(&specs, &mut kept).unwrap());
    assert_eq!(kept, before);
}

#[test]
fn one_that_is_taken_out_is_made_anew_and_what_hangs_on_it_follows() {
    let mut specs = certificates(&["a.example.org"]).to_vec();
    specs.extend(["one", "two"].map(|name| spec(name, Kind::Password { length: 40 })));
    specs.push(spec("hash", Kind::Crypt { of: "one".to_owned() }));
    let mut kept = Secrets::new();
    complete(&specs, &mut kept).unwrap();
    for (gone, follows) in [
        (&["two"][..], &["two"][..]),
        (&["one"], &["hash", "one"]),
        (&["api.key"], &["api.crt", "api.key"]),
        (&["ca.crt", "ca.key"], &["api.crt", "api.key", "ca.crt", "ca.key"]),
    ] {
        let before = kept.clone();
        kept.retain(|name, _| !gone.contains(&name.as_str()));
        assert!(complete(&specs, &mut kept).unwrap());
        assert_eq!(changed(&before, &kept), follows, "without {gone:?}");
    }
}

#[test]
fn a_certificate_is_renewed_when_two_thirds_are_over_and_not_before() {
    let specs = certificates(&["a.example.org"]);
    let mut kept = Secrets::new();
    let start = 1_800_000_000;
    fill(&specs, &mut kept, &mut At(start)).unwrap();
    let first = kept.clone();
    // 826 days from yesterday's midnight on.
    for (days, renewed) in [(1, false), (548, false), (551, true)] {
        let mut later = first.clone();
        fill(&specs, &mut later, &mut At(start + days * DAY)).unwrap();
        let expected: &[&str] = if renewed { &["api.crt", "api.key"] } else { &[] };
        assert_eq!(changed(&first, &later), expected, "after {days} days");
    }
    // A clock that was ahead when it was made.
    fill(&specs, &mut kept, &mut At(start - 10 * DAY)).unwrap();
    assert_ne!(kept["api.crt"], first["api.crt"]);
}

#[test]
fn a_renewed_authority_keeps_its_key_so_that_older_certificates_hold() {
    let specs = certificates(&["a.example.org"]);
    let mut kept = Secrets::new();
    let start = 1_800_000_000;
    fill(&specs, &mut kept, &mut At(start)).unwrap();
    let before = kept.clone();
    fill(&specs[..1], &mut kept, &mut At(start + 2500 * DAY)).unwrap();
    assert_eq!(changed(&before, &kept), ["ca.crt"]);
    let [old, new] = [&before, &kept].map(|kept| Certificate::first(&kept["ca.crt"]).unwrap());
    let leaf = Certificate::first(&before["api.crt"]).unwrap();
    assert!(leaf.is_signed_by(&new) && leaf.is_signed_by(&old));
}

#[test]
fn a_certificate_follows_the_names_of_the_box() {
    let mut kept = Secrets::new();
    complete(&certificates(&["a.example.org"]), &mut kept).unwrap();
    let before = kept.clone();
    complete(&certificates(&["b.example.org"]), &mut kept).unwrap();
    assert_eq!(changed(&before, &kept), ["api.crt", "api.key"]);
    assert!(Certificate::first(&kept["api.crt"]).unwrap().is_for("b.example.org"));
}

#[test]
fn without_its_authority_no_certificate_is_made() {
    let told = format!("{:#}", complete(&[leaf(&["a"])], &mut Secrets::new()).unwrap_err());
    assert_eq!(told, "make the secret `api`: `ca` has to be made before");
}
