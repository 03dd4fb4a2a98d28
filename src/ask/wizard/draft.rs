//! The answers so far, and the box file that they make.

use serde_json::{Map, Value, json};

use crate::{
    boxfile::{BoxFile, ProfileName, cloud::Backend, selector},
    failure::{Exit, Failure},
    plan::selector::Naming,
    yaml,
};

/// The answers so far; what was not asked yet, or shall be as it is, is left out of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub profile: ProfileName,
    /// `local`, or a login.
    pub target: Option<String>,
    /// The fingerprint of the host key that was seen and accepted there.
    pub host_key: Option<String>,
    /// `deploy` asks for a password of the first login.
    pub login_password: bool,
    /// Whether `deploy` asks for a password of sudo, once that was answered.
    pub sudo_password: Option<bool>,
    pub name: Option<String>,
    pub domain: Option<String>,
    /// Lines as in `authorized_keys`.
    pub ssh_keys: Vec<String>,
    /// The card that the box is reached on, where it is not left to the default route.
    pub card: Option<String>,
    pub internal: Option<String>,
    pub containers: Option<String>,
    pub ntp: Vec<String>,
    pub proxy: Option<String>,
    /// Where volumes are kept, where that was asked.
    pub backend: Option<Backend>,
    /// Disks by role.
    pub disks: Vec<(String, Vec<Naming>)>,
}

/// Above every file.
const HEAD: &str = "# Written by `ciab init`. `ciab explain` shows every value with its origin,\n\
                    # `ciab schema` every key there is.\n";

impl Default for Draft {
    fn default() -> Self {
        Self {
            profile: ProfileName::Base,
            target: None,
            host_key: None,
            login_password: false,
            sudo_password: None,
            name: None,
            domain: None,
            ssh_keys: Vec::new(),
            card: None,
            internal: None,
            containers: None,
            ntp: Vec::new(),
            proxy: None,
            backend: None,
            disks: Vec::new(),
        }
    }
}

impl Draft {
    /// The text of the box file.
    pub fn text(&self) -> Result<String, Failure> {
        let body = yaml::to_string(&self.document())
            .map_err(|error| Failure::new(Exit::Unexpected, format!("write the box file: {error}")))?;
        let mut text = HEAD.to_owned();
        for line in body.lines() {
            // Sections stand apart.
            if line.ends_with(':') && !line.starts_with([' ', '-']) {
                text.push('\n');
            }
            text.push_str(line);
            text.push('\n');
        }
        Ok(text)
    }

    /// As much of a box file as is needed to look at the box.
    pub(super) fn for_a_look(&self) -> Result<BoxFile, Failure> {
        let look = Self { name: None, domain: None, ssh_keys: Vec::new(), ..Self::default() };
        let look = Self { target: self.target.clone(), sudo_password: self.sudo_password, ..look };
        serde_json::from_value(look.document())
            .map_err(|error| Failure::new(Exit::Unexpected, format!("make a box file for a look: {error}")))
    }

    fn document(&self) -> Value {
        let mut root = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                root.insert(key.to_owned(), value);
            }
        };
        set("apiVersion", Some(json!("ciab/v1")));
        set("kind", Some(json!("Box")));
        set("profile", Some(json!(self.profile)));
        set("name", self.name.as_ref().map(|name| json!(name)));
        set("domain", self.domain.as_ref().map(|domain| json!(domain)));
        set("access", section(self.access()));
        set(
            "disks",
            section(self.disks.iter().filter_map(|(role, disks)| Some((role.as_str(), select(disks)?)))),
        );
        set("nics", self.card.as_ref().map(|mac| json!({ "management": { "match": { "mac": mac } } })));
        set("network", section(self.network()));
        set("storage", self.backend.map(|backend| json!({ "backend": backend })));
        Value::Object(root)
    }

    fn access(&self) -> Vec<(&'static str, Value)> {
        let prompt = |asked: bool, what: &str| asked.then(|| json!({ "prompt": what }));
        let keys = (!self.ssh_keys.is_empty()).then(|| json!(self.ssh_keys));
        present([
            ("target", self.target.as_ref().map(|target| json!(target))),
            ("host_key", self.host_key.as_ref().map(|key| json!(key))),
            ("password", prompt(self.login_password, "password of the first login")),
            ("sudo_password", prompt(self.sudo_password == Some(true), "password that sudo asks for")),
            ("ssh_keys", keys),
        ])
    }

    fn network(&self) -> Vec<(&'static str, Value)> {
        let several = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        present([
            ("internal", self.internal.as_ref().map(|net| json!(net))),
            ("containers", self.containers.as_ref().map(|net| json!(net))),
            ("ntp", several(&self.ntp)),
            ("proxy", self.proxy.as_ref().map(|url| json!({ "http": url, "https": url }))),
        ])
    }
}

fn present<const N: usize>(entries: [(&'static str, Option<Value>); N]) -> Vec<(&'static str, Value)> {
    entries.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// A map of these, unless it would be empty.
fn section<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Option<Value> {
    let map: Map<String, Value> = entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

/// A selector that finds these disks again; `None` where no single one does, as they are not named alike.
fn select(disks: &[Naming]) -> Option<Value> {
    let all = |name: fn(&Naming) -> Option<&str>| -> Option<String> {
        let names: Option<Vec<&str>> = disks.iter().map(name).collect();
        names.filter(|names| !names.is_empty()).map(|names| names.join(selector::OR))
    };
    let serials = all(|disk| match disk {
        Naming::Serial(serial) => Some(serial),
        _ => None,
    });
    let names = all(|disk| match disk {
        Naming::ById(name) => Some(name),
        _ => None,
    });
    let select = match (serials, names, disks) {
        (Some(serials), ..) => json!({ "serial": serials }),
        (None, Some(names), _) => json!({ "by-id": names }),
        (None, None, [Naming::PathAndSize { path, size }]) => json!({ "path": path, "size": size }),
        (None, None, _) => return None,
    };
    Some(json!({ "match": select }))
}

/// Whether one selector finds these disks again.
pub(super) fn selectable(disks: &[Naming]) -> bool {
    select(disks).is_some()
}
