//! `release`, `services` and `storage`: what a profile with a cloud lets the operator choose, and what goes together.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Engine, ProfileName,
    fault::{Fault, Finding},
    names::checked,
    nearest::nearest,
    node::Node,
};
use crate::profile::{self, CloudService, Profile};

/// Where the cloud keeps volumes and images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// What volumes are kept in. Left out, the disks that are named decide, else the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// An LVM volume group that is there already, in place of a disk of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_group: Option<VolumeGroup>,
}

/// What volumes are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Ceph on disks of its own, role `osd`.
    Ceph,
    /// Logical volumes on a disk of its own, role `volumes`.
    Lvm,
    /// Files on the box's own file system, which the box serves to itself.
    Nfs,
    /// There are no volumes; servers keep their disks in files of the box.
    Local,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ceph => f.write_str("ceph"),
            Self::Lvm => f.write_str("lvm"),
            Self::Nfs => f.write_str("nfs"),
            Self::Local => f.write_str("local"),
        }
    }
}

checked!(
    /// The name of an LVM volume group, lvm(8) section VALID NAMES.
    VolumeGroup,
    |text| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "+_.-".contains(c);
        let good = !text.is_empty() && text.len() <= 127 && !text.starts_with('-') && text.chars().all(inside);
        if good && text != "." && text != ".." {
            Ok(())
        } else {
            Err(format!("`{text}` is no name of a volume group: use a-z, 0-9, `+`, `_`, `.` and `-`"))
        }
    }
);

/// Checks the merged tree against the profile and the tables of releases and services. What is wrong in itself takes
/// no part.
pub(super) fn check(tree: &Node, findings: &mut Vec<Finding>) {
    let Some(profile) =
        word::<ProfileName>(tree, &["profile"]).and_then(|(_, name)| Profile::load(name).ok())
    else {
        return;
    };
    let engine = word::<Engine>(tree, &["engine"]);
    if let Some((node, engine)) = &engine
        && !profile.engines.contains(engine)
    {
        findings.push(
            Finding::new(
                Fault::Conflict,
                &node.place,
                format!("profile `{}` has no engine `{engine}`", profile.name),
            )
            .key("engine")
            .hint(format!("write {}, or leave it out", words(&profile.engines))),
        );
        return;
    }
    let Some((_, engine)) = engine else { return };
    release(tree, engine, findings);
    backend(tree, &profile, engine, findings);
    services(tree, &profile, engine, findings);
}

/// A node that holds one of the words of `T`.
fn word<'a, T: for<'de> Deserialize<'de>>(tree: &'a Node, path: &[&str]) -> Option<(&'a Node, T)> {
    let node = tree.at(path)?;
    Some((node, serde_json::from_value(Value::from(node.scalar()?)).ok()?))
}

fn release(tree: &Node, engine: Engine, findings: &mut Vec<Finding>) {
    let Some((node, text)) = tree.child("release").and_then(|node| Some((node, node.scalar()?))) else {
        return;
    };
    let known: Vec<&str> = profile::releases_of(engine).map(|release| release.name.as_str()).collect();
    if known.contains(&text) {
        return;
    }
    let (message, hint) = match known.as_slice() {
        [] => (format!("engine `{engine}` has no releases"), "take `release` out".to_owned()),
        known => (
            format!("there is no release `{text}` of engine `{engine}` in this version of ciab"),
            format!("choose of {}", known.join(", ")),
        ),
    };
    findings.push(Finding::new(Fault::WrongValue, &node.place, message).key("release").hint(hint));
}

fn backend(tree: &Node, profile: &Profile, engine: Engine, findings: &mut Vec<Finding>) {
    let key = "storage.backend";
    let Some((node, backend)) = word::<Backend>(tree, &["storage", "backend"]) else { return };
    let offered: Vec<Backend> = profile.backends(engine).collect();
    if offered.contains(&backend) {
        return;
    }
    let hint = match offered.is_empty() {
        true => "take `storage` out: this profile keeps no volumes".to_owned(),
        false => format!("write {}", words(&offered)),
    };
    let message = format!("profile `{}` keeps nothing in `{backend}` with engine `{engine}`", profile.name);
    findings.push(Finding::new(Fault::Conflict, &node.place, message).key(key).hint(hint));
}

fn services(tree: &Node, profile: &Profile, engine: Engine, findings: &mut Vec<Finding>) {
    let entries = tree.child("services").map(Node::entries).unwrap_or_default();
    let Some(cloud) = &profile.cloud else {
        findings.extend(entries.iter().map(|entry| {
            let message = format!("profile `{}` has no services to switch", profile.name);
            let finding = Finding::new(Fault::Conflict, &entry.key_place, message);
            finding
                .key(format!("services.{}", entry.key))
                .hint("take it out, or choose a profile with a cloud")
        }));
        return;
    };
    let chosen = word::<Backend>(tree, &["storage", "backend"]).map(|(_, backend)| backend);
    let chosen = profile.backend(engine, chosen, |role| tree.at(&["disks", role.as_str()]).is_some());
    let said = |name: &str| entries.iter().find(|entry| entry.key == name).and_then(|e| e.value.scalar());
    let on = |service: &CloudService| {
        service.works_with(engine, chosen)
            && cloud.has(service, said(service.name.as_str()).map(|word| word == "true"))
    };
    for entry in entries {
        let (name, key) = (entry.key.as_str(), format!("services.{}", entry.key));
        let Some(service) = profile::cloud_service(name) else {
            let hint = match nearest(name, profile::cloud_services().iter().map(|s| s.name.as_str())) {
                Some(known) => format!("did you mean {known}?"),
                None => "`ciab plan` lists the services of the profile".to_owned(),
            };
            let message = format!("there is no service `{name}`");
            findings.push(Finding::new(Fault::UnknownKey, &entry.key_place, message).key(key).hint(hint));
            continue;
        };
        let part = cloud.services.iter().chain(&cloud.offered).any(|offered| *offered == service.name);
        let fault = match (entry.value.scalar(), part) {
            (Some("true"), false) => Some((
                format!("profile `{}` does not offer `{name}`", profile.name),
                "choose a larger profile, or take it out".to_owned(),
            )),
            (Some("true"), true) if !service.engines.contains(&engine) => Some((
                format!("engine `{engine}` does not install `{name}`"),
                format!("choose engine {}", words(&service.engines)),
            )),
            (Some("true"), true) if !service.keeps_with(chosen) => Some((
                format!("`{name}` works with volumes in {} alone", words(&service.backends)),
                "name disks for that, say so in `storage.backend`, or take it out".to_owned(),
            )),
            (Some("true"), true) => {
                let needs = service.needs.iter().filter_map(|need| profile::cloud_service(need.as_str()));
                needs.into_iter().find(|need| !on(need)).map(|need| {
                    let need = &need.name;
                    (format!("`{name}` needs `{need}`, which is off"), format!("switch `{need}` on as well"))
                })
            }
            (Some("false"), _)
                if service.required || service.implied && service.works_with(engine, chosen) =>
            {
                Some((format!("a cloud does not work without `{name}`"), "take it out".to_owned()))
            }
            (Some("false"), _) => {
                let needing = profile::cloud_services().iter().find(|other| {
                    said(other.name.as_str()).is_none() && on(other) && other.needs.contains(&service.name)
                });
                needing.map(|other| {
                    (
                        format!("`{}` needs `{name}`", other.name),
                        format!("switch `{}` off as well", other.name),
                    )
                })
            }
            _ => None,
        };
        if let Some((message, hint)) = fault {
            findings.push(Finding::new(Fault::Conflict, &entry.key_place, message).key(key).hint(hint));
        }
    }
}

fn words<T: ToString>(choices: &[T]) -> String {
    choices.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use crate::boxfile::{layers::Layers, place::Layer};

    fn faults(rest: &str) -> Vec<String> {
        const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B";
        let text = format!("apiVersion: ciab/v1\nkind: Box\naccess: {{ssh_keys: [{KEY}]}}\n{rest}\n");
        let mut layers = Layers::new();
        layers.document(Layer::File, "box.yaml", text.as_bytes());
        let found = layers.wanted().err();
        found.iter().flat_map(|found| found.list()).map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn what_the_plan_switches_on_by_itself_is_on_here_too() {
        let edge = "profile: edge\nengine: osism\nservices: {ceph-rgw: true}\n";
        assert_eq!(faults(&format!("{edge}storage: {{backend: ceph}}")), [""; 0]);
        assert_eq!(faults(&format!("{edge}disks: {{osd: {{match: {{serial: a}}}}}}")), [""; 0]);
        assert_eq!(faults(edge), ["`ceph-rgw` works with volumes in ceph alone"], "files are preferred");
        let off = "profile: edge\nengine: osism\nstorage: {backend: ceph}\nservices: {ceph: false}";
        assert_eq!(faults(off), ["a cloud does not work without `ceph`"]);
    }
}
