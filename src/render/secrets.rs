//! Which secrets a plan asks for, how templates see them, and that none of them leaves through a public file.
//!
//! Templates have two values:
//!
//! - `secrets`: name to text, for every secret of the plan. Two names of one secret both stand there. An SSH key pair
//!   whose file wants a map (`kind: ssh-key` in `profiles/secrets.yaml`) is a map of `private_key` and `public_key`;
//!   the public half of any other pair is `secrets["<name>.pub"]`. Certificates are `secrets["<name>.crt"]` and
//!   `secrets["<name>.key"]`: `ca` (the box's authority; no key where the operator brings one) and, with a cloud, `api`
//!   (what the endpoints show, the server's certificate first where the operator brings a chain).
//! - `secret_names`: the sets of `profiles/secrets.yaml` that the plan's engine has a file for, each with the names
//!   that the plan's services need, in order. A file of secrets is one loop:
//!
//!   ```text
//!   <% for name in secret_names.kolla %>
//!   << name >>: << secrets[name] >>
//!   <% endfor %>
//!   ```
//!
//! Text of several lines goes into a YAML file as it is, and into another one through the filters `certificate` (one
//! certificate) or `pem` (any number of certificates and keys). With `vault: true` in the manifest the whole file is
//! encrypted by Ansible Vault; it is a public file then, mode and owner are as ever, and its text may hold secrets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use minijinja::{Value, value::Serde};

use super::fault;
use crate::{
    boxfile::Engine,
    failure::{Exit, Failure},
    plan::{Certificate, Plan, Tls},
    profile::KeyValue,
    secrets::{
        self, Kind, SecretSpec,
        catalog::{Needed, catalog},
        published, vault,
    },
};

pub use crate::secrets::Secrets;

/// The authority's certificate, PEM. Where the operator brings one, its text is to be put under this name.
pub const CA_CERTIFICATE: &str = "ca.crt";

/// The authority that `ca.crt` and `ca.key` are the halves of.
const CA: &str = "ca";
/// The certificate that the endpoints of the cloud show.
pub const API: &str = "api";
/// Shorter texts stand in any file by chance.
const SHORTEST: usize = 8;
/// What files are encrypted with, and the key of their salts.
const VAULT: (&str, &str) = ("vault_password", "vault_salt_key");

/// What is to be made on the box before the tree can be rendered.
pub fn secret_specs(plan: &Plan) -> Vec<SecretSpec> {
    let mut specs = Vec::new();
    if plan.tls == Tls::PerBox {
        specs.push(authority(plan));
    }
    if plan.cloud.is_some() && plan.certificate == Certificate::PerBox {
        specs.push(endpoints(plan));
    }
    specs.extend(tunnel(plan));
    specs.extend(needed(plan).specs);
    specs
}

/// A key pair for the box's end of the tunnel and for each user's: `wireguard-server`, `wireguard-USER`.
fn tunnel(plan: &Plan) -> impl Iterator<Item = SecretSpec> {
    let users = plan.network.wireguard.iter().flat_map(|tunnel| tunnel.users.keys().map(ToString::to_string));
    let server = plan.network.wireguard.iter().map(|_| "server".to_owned());
    server.chain(users).map(|name| SecretSpec::new(format!("wireguard-{name}"), Kind::WireGuard))
}

/// Texts to render with where the real ones are not at hand: the tree then shows its shape, and is not for a box.
pub fn stand_ins(plan: &Plan) -> Secrets {
    // Those too that the operator brings.
    let mut specs = vec![authority(plan)];
    specs.extend(plan.cloud.is_some().then(|| endpoints(plan)));
    specs.extend(tunnel(plan));
    specs.extend(needed(plan).specs);
    secrets::stand_ins(&specs).unwrap_or_else(|why| unreachable!("{why:#}"))
}

/// What the plan's engine and services need of the catalogue.
fn needed(plan: &Plan) -> Needed {
    match plan.engine {
        Engine::None => Needed::default(),
        engine => catalog().needed(&engine.to_string(), &services(plan)),
    }
}

/// The cloud's services by the names of upstream's roles, which are ours but for the key-value store.
fn services(plan: &Plan) -> BTreeSet<String> {
    let Some(cloud) = &plan.cloud else { return BTreeSet::new() };
    let store = match cloud.release.key_value {
        KeyValue::Redis => "redis",
        KeyValue::Valkey => "valkey",
    };
    let store = cloud.has("key-value").then(|| store.to_owned());
    cloud.services.iter().map(ToString::to_string).chain(store).collect()
}

fn authority(plan: &Plan) -> SecretSpec {
    SecretSpec::new(CA, Kind::Authority { common_name: format!("ciab {}", plan.host.fqdn) })
}

/// One certificate for every name and address that the box is reached by, and for one label before its full name.
fn endpoints(plan: &Plan) -> SecretSpec {
    let (names, addresses) = reached_by(plan);
    SecretSpec::new(API, Kind::Leaf { authority: CA.to_owned(), names, addresses })
}

fn reached_by(plan: &Plan) -> (BTreeSet<String>, BTreeSet<IpAddr>) {
    let internal = &plan.network.internal;
    let mut addresses = BTreeSet::from([internal.address, internal.vip]);
    addresses.extend(plan.network.management.addresses().iter().map(|net| net.addr()));
    addresses.extend(internal.address6);
    let own = plan.host.hosts.iter().filter(|(address, _)| addresses.contains(address));
    let mut names: BTreeSet<String> = own.flat_map(|(_, names)| names.iter().cloned()).collect();
    names.insert(format!("*.{}", plan.host.fqdn));
    (names, addresses)
}

/// `secrets` and `secret_names` as templates see them.
pub(super) fn values(plan: &Plan, secrets: &Secrets) -> (Value, Value) {
    let needed = needed(plan);
    let text = |name: &str| match needed.pairs.contains(name) {
        false => secrets.get(name).map(|text| Value::from(text.clone())),
        true => {
            let private = secrets.get(name)?;
            let public = secrets.get(&format!("{name}.pub"))?;
            let halves = [("private_key", private), ("public_key", public)];
            Some(Value::from(Serde(BTreeMap::from(halves))))
        }
    };
    let mut all: BTreeMap<&str, Value> =
        secrets.keys().filter_map(|name| Some((name.as_str(), text(name)?))).collect();
    let other_names = needed.same.iter().filter_map(|(name, same)| Some((name.as_str(), text(same)?)));
    all.extend(other_names);
    (Value::from(Serde(all)), Value::from(Serde(needed.names)))
}

/// Says everything that is missing, and refuses what everybody knows.
pub(super) fn check(plan: &Plan, secrets: &Secrets) -> Result<(), Failure> {
    if !secrets.contains_key(CA_CERTIFICATE) {
        let hint = match &plan.tls {
            Tls::PerBox => "The box makes it; a deployment asks for it before it renders.".to_owned(),
            Tls::Operator { ca } => format!("It is read from {ca}, named in `tls.ca`."),
        };
        return Err(missing(&[CA_CERTIFICATE.to_owned()]).hint(hint));
    }
    let wanted = secret_specs(plan).iter().flat_map(SecretSpec::names).collect::<BTreeSet<String>>();
    let gone: Vec<String> = wanted.into_iter().filter(|name| !secrets.contains_key(name)).collect();
    if !gone.is_empty() {
        return Err(missing(&gone).hint("The box makes them; a deployment asks for them before it renders."));
    }
    let known = secrets.iter().filter_map(|(name, text)| Some((name, published::place(text)?)));
    let known: Vec<String> = known.map(|(name, place)| format!("`{name}` ({place})")).collect();
    if known.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, format!("everybody knows these secrets: {}", known.join(", ")))
        .hint("Take them out of where they come from; what is missing is made anew."))
}

fn missing(names: &[String]) -> Failure {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let what = if names.len() == 1 { "the secret" } else { "the secrets" };
    Failure::new(Exit::Unexpected, format!("there is no text for {what} {}", names.join(", ")))
}

/// Certificates are public; nothing else may stand in a file that is not marked secret.
pub(super) fn refuse_leak(path: &str, text: &str, secrets: &Secrets) -> Result<(), Failure> {
    let hidden =
        secrets.iter().filter(|(name, secret)| !secrets::is_public(name) && secret.len() >= SHORTEST);
    match hidden.into_iter().find(|(_, secret)| text.contains(secret.trim())) {
        Some((name, _)) => Err(fault(format!(
            "{path} holds the secret `{name}` and is marked neither `secret: true` nor `vault: true`"
        ))),
        None => Ok(()),
    }
}

/// The text of a file as Ansible Vault keeps it; the password itself would open it, so it may not stand in it.
pub(super) fn encrypted(path: &str, text: &str, secrets: &Secrets) -> Result<String, Failure> {
    let known = |name: &str| secrets.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let (Some(password), Some(key)) = (known(VAULT.0), known(VAULT.1)) else {
        return Err(fault(format!(
            "{path} is marked `vault: true`, and there is no vault without an engine"
        )));
    };
    if text.contains(password) || text.contains(key) {
        return Err(fault(format!("{path} holds what it is encrypted with")));
    }
    Ok(vault::encrypt(password, &vault::salt(key, path, text), text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{CONTAINER, DEBIAN, PLAIN, cloud, plan};

    #[test]
    fn a_secret_in_a_public_file_is_refused_without_being_told() {
        let secrets =
            Secrets::from([("db".to_owned(), "canary-1234".to_owned()), ("x.crt".to_owned(), "a".repeat(9))]);
        let said = refuse_leak("/etc/x", "p = canary-1234", &secrets).unwrap_err().message;
        assert!(said.contains("/etc/x") && said.contains("`db`") && !said.contains("canary"), "{said}");
        assert!(refuse_leak("/etc/x", &"a".repeat(9), &secrets).is_ok());
    }

    #[test]
    fn a_secret_that_everybody_knows_is_refused_without_being_told() {
        let plan = plan(&DEBIAN, PLAIN);
        let mut secrets = stand_ins(&plan);
        assert!(check(&plan, &secrets).is_ok());
        secrets.insert("db".to_owned(), "Changeme\n".to_owned());
        let failure = check(&plan, &secrets).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.message.contains("`db`") && !failure.message.contains("Changeme"), "{failure}");
    }

    #[test]
    fn what_is_missing_is_said_at_once() {
        let plan = plan(&DEBIAN, PLAIN);
        let mut secrets = stand_ins(&plan);
        secrets.remove("ca.key");
        assert!(check(&plan, &secrets).unwrap_err().message.ends_with("the secret `ca.key`"));
    }

    #[test]
    fn a_cloud_has_names_and_texts_for_what_it_runs_and_no_more() {
        for (plan, set) in
            [(cloud(Engine::Kolla, &[]), "kolla"), (cloud(Engine::Osism, &["ceph"]), "manager")]
        {
            let secrets = stand_ins(&plan);
            check(&plan, &secrets).unwrap();
            let (texts, names) = values(&plan, &secrets);
            let list = |set: &str| names.get_attr(set).unwrap().try_iter().unwrap().collect::<Vec<_>>();
            assert!(!list(set).is_empty());
            for name in catalog().sets.keys().flat_map(|set| list(set)) {
                let text = texts.get_item(&name).unwrap();
                assert!(!text.is_undefined(), "{name} has no text");
            }
            assert!(list("kolla").contains(&Value::from("keystone_database_password")));
            assert!(!list("kolla").contains(&Value::from("trove_database_password")));
            let pair = texts.get_attr("keystone_ssh_key").unwrap();
            assert!(pair.get_attr("public_key").unwrap().to_string().starts_with("ssh-ed25519 "));
            let leaf = secrets::x509::Certificate::first(&secrets["api.crt"]).unwrap();
            let cloud = plan.cloud.as_ref().unwrap();
            assert!(leaf.is_for(&cloud.api.fqdn) && leaf.addresses.contains(&cloud.api.vip));
        }
        let base = plan(&CONTAINER, PLAIN);
        let specs = secret_specs(&base);
        assert_eq!(specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["ca"]);
    }

    #[test]
    fn two_names_of_one_secret_have_one_text() {
        let plan = cloud(Engine::Osism, &["ceph", "ceph-rgw"]);
        let (texts, _) = values(&plan, &stand_ins(&plan));
        let text = |name: &str| texts.get_attr(name).unwrap().to_string();
        assert_eq!(text("os_password_admin"), text("keystone_admin_password"));
        assert_eq!(text("manager_listener_broker_password"), text("rabbitmq_password"));
        assert_eq!(text("fsid"), text("ceph_cluster_fsid"));
        assert_ne!(text("os_password_test"), text("keystone_admin_password"));
    }

    #[test]
    fn what_the_operator_brings_is_not_made_on_the_box() {
        let own = "\ntls: { certificate: { file: /a.pem }, key: { file: /a.key } }\n";
        let cloud = |tls: &str| {
            let text = PLAIN.replace("profile: base", "profile: core\nengine: kolla");
            plan(&DEBIAN, &(text + tls))
        };
        let made = |plan: &Plan| {
            let specs = secret_specs(plan);
            ["ca", "api"].map(|name| specs.iter().any(|spec| spec.name == name))
        };
        assert_eq!(made(&cloud("")), [true, true]);
        assert_eq!(made(&cloud(own)), [true, false]);
        assert_eq!(made(&cloud(&own.replace("tls: {", "tls: { ca: /ca.pem,"))), [false, false]);
    }

    #[test]
    fn an_encrypted_file_shows_nothing_and_changes_with_its_text_alone() {
        let secrets = Secrets::from([
            (VAULT.0.to_owned(), "open sesame 123".to_owned()),
            (VAULT.1.to_owned(), "0123456789abcdef".to_owned()),
        ]);
        let one = encrypted("/a", "password: canary", &secrets).unwrap();
        assert!(one.starts_with("$ANSIBLE_VAULT;1.1;AES256\n") && !one.contains("canary"));
        assert_eq!(one, encrypted("/a", "password: canary", &secrets).unwrap());
        assert_ne!(one, encrypted("/b", "password: canary", &secrets).unwrap());
        assert_ne!(one, encrypted("/a", "password: canarx", &secrets).unwrap());
        assert!(encrypted("/a", "open sesame 123", &secrets).is_err());
        assert!(encrypted("/a", "x", &Secrets::new()).is_err());
    }
}
