//! Secrets given to the programs that read them, which come from PyPI (`tests/python`). Each has to take what is made
//! here, and to refuse it with one planted fault.
#![expect(clippy::unwrap_used, reason = "a test's helpers are tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ciab::{
    secrets::{
        Kind, SecretSpec, Secrets,
        catalog::{Needed, catalog},
        complete, vault,
    },
    yaml,
};

type Map = BTreeMap<String, serde_json::Value>;

/// A program of the virtual environment.
fn program(name: &str) -> PathBuf {
    environment().join("bin").join(name)
}

fn environment() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let output = Command::new(tests.join("python")).arg(tests.join("secrets.txt")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// passwords.yml of kolla-ansible, whose values are all empty.
fn passwords() -> Map {
    let file = environment().join("share/kolla-ansible/etc_examples/kolla/passwords.yml");
    yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// What a cloud with every service of kolla-ansible needs.
fn everything() -> Needed {
    let users = catalog().sets["kolla"].secrets.values().flat_map(|entry| entry.users.clone());
    catalog().needed("kolla", &users.collect())
}

fn made(needed: &Needed) -> Secrets {
    let mut made = Secrets::new();
    complete(&needed.specs, &mut made).unwrap();
    made
}

#[test]
fn every_name_of_kolla_ansible_is_known_and_no_other() {
    let theirs: BTreeSet<String> = passwords().into_keys().collect();
    let ours: BTreeSet<String> = catalog().sets["kolla"].secrets.keys().cloned().collect();
    assert!(theirs.len() > 100, "{theirs:?}");
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), [""; 0], "missing here");
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), [""; 0], "unknown there");
}

/// How a text looks: its length, and where a UUID has its dashes and base64 its end.
fn shape(text: &str) -> String {
    let mark = |c: char| c == '=' || c == '-' && text.len() == 36;
    text.chars().map(|c| if mark(c) { c } else { 'x' }).collect()
}

#[test]
fn what_kolla_genpwd_makes_looks_the_same() {
    let needed = everything();
    let ours = made(&needed);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords.yml");
    let mut map = passwords();
    // Seven RSA keys take a minute; theirs are of another kind anyway.
    for pair in map.iter_mut().filter(|(name, _)| name.ends_with("_ssh_key")) {
        *pair.1 = serde_json::json!({"private_key": "there", "public_key": "there"});
    }
    fs::write(&file, serde_json::to_string(&map).unwrap()).unwrap();
    let output = Command::new(program("kolla-genpwd")).arg("-p").arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let theirs: Map = yaml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let mut empty = Vec::new();
    for (name, value) in &theirs {
        match value {
            // VRRP sends eight characters of it (RFC 2338 section 5.3.10); keepalived warns of more.
            serde_json::Value::String(_) if name == "keepalived_password" => assert_eq!(ours[name].len(), 8),
            serde_json::Value::String(text) => assert_eq!(shape(&ours[name]), shape(text), "{name}"),
            serde_json::Value::Object(_) => {
                assert!(needed.pairs.contains(name), "{name} is a map there");
                assert!(ours.contains_key(&format!("{name}.pub")), "{name}");
            }
            _ => empty.push(name.as_str()),
        }
    }
    assert_eq!(empty, ["docker_registry_password"]);
    assert!(!needed.names["kolla"].contains(&"docker_registry_password".to_owned()));
}

#[test]
fn libraries_of_the_services_take_keys_and_salts() {
    let specs = [
        ("fernet", Kind::Fernet),
        ("uuid", Kind::Uuid),
        ("salt", Kind::BcryptSalt),
        ("hex", Kind::Hex { bytes: 16 }),
        ("ssh", Kind::SshKey),
    ];
    let mut made = Secrets::new();
    complete(&specs.map(|(name, kind)| SecretSpec::new(name, kind)), &mut made).unwrap();
    const CHECK: &str = r#"
import base64, json, sys, uuid
from ansible.utils.encrypt import do_encrypt
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
made = json.load(sys.stdin)
assert Fernet(made["fernet"]).decrypt(Fernet(made["fernet"]).encrypt(b"x")) == b"x"
assert uuid.UUID(made["uuid"]).version == 4
assert do_encrypt("x", "bcrypt", salt=made["salt"]).startswith("$2b$12$" + made["salt"])
assert len(base64.b64decode(made["hex"], validate=True)) == 24
public = load_ssh_private_key(made["ssh"].encode(), None).public_key()
assert public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() == made["ssh.pub"]
"#;
    let python = program("python");
    let check = |made: &Secrets| {
        use std::{io::Write as _, process::Stdio};
        let mut call = Command::new(&python);
        call.args(["-c", CHECK]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = call.spawn().unwrap();
        child.stdin.take().unwrap().write_all(serde_json::to_string(made).unwrap().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = check(&made);
    assert!(output.status.success(), "{}", said(&output));
    for (name, fault) in [("fernet", "short"), ("salt", "!"), ("uuid", "x"), ("hex", "-"), ("ssh", "x")] {
        let mut planted = made.clone();
        planted.insert(name.to_owned(), fault.to_owned());
        assert!(!check(&planted).status.success(), "{name} is taken as `{fault}`");
    }
}

#[test]
fn ansible_vault_opens_what_is_encrypted_here_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (file, password) = (folder.path().join("secrets.yml"), folder.path().join("vault_pass"));
    fs::write(&password, "correct horse battery staple\n").unwrap();
    let ansible_vault = program("ansible-vault");
    let view = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut call = Command::new(&ansible_vault);
        call.args(["view", "--vault-password-file"]).arg(&password).arg(&file);
        call.env("LC_ALL", "C.UTF-8").env("HOME", folder.path()).output().unwrap()
    };
    let encrypted = |text: &str| {
        let salt = vault::salt("key of this box", "/opt/configuration/secrets.yml", text);
        vault::encrypt("correct horse battery staple", &salt, text)
    };
    // One block less a byte, a whole block, and more than a line.
    for text in ["a: b\n".to_owned(), "x".repeat(15) + "\n", "ü: 'ß'\n".repeat(500)] {
        let output = view(&encrypted(&text));
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    }
    let good = encrypted("a: b\n");
    let last = good.trim_end().len() - 1;
    let other = if good.as_bytes()[last] == b'0' { "1" } else { "0" };
    let damaged = format!("{}{other}\n", &good[..last]);
    assert!(!view(&damaged).status.success(), "a wrong digit is not seen");
    fs::write(&password, "another\n").unwrap();
    assert!(!view(&good).status.success(), "another password opens it");
}
