//! What must hold between values: networks apart, addresses inside, keys that are nobody else's.

mod network;

use std::str::FromStr;

use super::{
    access::HostKey,
    cloud,
    fault::{Fault, Finding},
    installation,
    nearest::nearest,
    node::Node,
    place::Sources,
    ssh_key::SshKey,
};
use crate::profile;

/// Users that Debian and Ubuntu make themselves (base-passwd 3.6 and packages of profile `base`).
const TAKEN: [&str; 26] = [
    "_apt",
    "_chrony",
    "backup",
    "bin",
    "daemon",
    "docker",
    "games",
    "gnats",
    "irc",
    "list",
    "lp",
    "mail",
    "man",
    "messagebus",
    "news",
    "nobody",
    "polkitd",
    "proxy",
    "root",
    "sshd",
    "sync",
    "sys",
    "syslog",
    "uucp",
    "uuidd",
    "www-data",
];

/// Checks the merged tree. A value that is missing or wrong in itself takes no part.
pub(super) fn check(tree: &Node, sources: &Sources, findings: &mut Vec<Finding>) {
    network::check(tree, sources, findings);
    someone_can_log_in(tree, findings);
    published_keys(tree, findings);
    selectors_select(tree, findings);
    one_consent_each(tree, findings);
    known_ids(tree, findings);
    free_names(tree, findings);
    certificate_and_key(tree, findings);
    cloud::check(tree, findings);
    installation::check(tree, findings);
}

fn read<'a, T: FromStr>(tree: &'a Node, path: &[&str]) -> Option<(&'a Node, T)> {
    let node = tree.at(path)?;
    Some((node, node.scalar()?.parse().ok()?))
}

fn someone_can_log_in(tree: &Node, findings: &mut Vec<Finding>) {
    const HINT: &str = "add your public key, a line such as `- ssh-ed25519 AAAA... you@example.org`";
    const KEY: &str = "access.ssh_keys";
    match tree.at(&["access", "ssh_keys"]) {
        None => findings.push(
            Finding::nowhere(Fault::MissingKey, format!("`{KEY}` is missing: nobody could log in"))
                .key(KEY)
                .hint(HINT),
        ),
        Some(node) if node.scalar().is_none() && node.items().is_empty() => findings.push(
            Finding::new(Fault::WrongValue, &node.place, format!("`{KEY}` is empty: nobody could log in"))
                .key(KEY)
                .hint(HINT),
        ),
        Some(_) => {}
    }
}

fn published_keys(tree: &Node, findings: &mut Vec<Finding>) {
    let keys = tree.at(&["access", "ssh_keys"]).map(Node::items).unwrap_or_default();
    let readable = |node: &&Node| node.scalar().is_some_and(|text| text.parse::<SshKey>().is_ok());
    for node in keys.iter().filter(readable) {
        let published =
            node.scalar().and_then(|text| text.parse::<SshKey>().ok()).and_then(|key| key.published_in());
        if let Some(place) = published {
            let message = format!("everybody has the private half of this key: it is in {place}");
            findings.push(
                Finding::new(Fault::Conflict, &node.place, message)
                    .key("access.ssh_keys")
                    .hint("make your own with ssh-keygen -t ed25519"),
            );
        }
    }
    if let Some((node, HostKey::Key(key))) = read(tree, &["access", "host_key"])
        && let Some(place) = key.published_in()
    {
        let message = format!("everybody can pose as this host: the private half of its key is in {place}");
        findings.push(Finding::new(Fault::Conflict, &node.place, message).key("access.host_key"));
    }
}

fn selectors_select(tree: &Node, findings: &mut Vec<Finding>) {
    for section in ["disks", "nics"] {
        for role in tree.child(section).map(Node::entries).unwrap_or_default() {
            match role.value.child("match") {
                Some(node) if node.scalar().is_none() && node.entries().is_empty() => findings.push(
                    Finding::new(Fault::WrongValue, &node.place, "no condition: this would match everything")
                        .key(format!("{section}.{}.match", role.key))
                        .hint("name a property; `ciab detect` shows those of this box"),
                ),
                Some(_) | None => {}
            }
        }
    }
}

fn one_consent_each(tree: &Node, findings: &mut Vec<Finding>) {
    let mut seen: Vec<(&Node, &str, &str)> = Vec::new();
    for role in tree.child("disks").map(Node::entries).unwrap_or_default() {
        for node in role.value.child("wipe").map(Node::items).unwrap_or_default() {
            let Some(text) = node.scalar() else { continue };
            let name = text.strip_prefix("/dev/disk/by-id/").unwrap_or(text);
            match seen.iter().find(|(_, known, _)| *known == name) {
                Some((first, _, other)) => findings.push(
                    Finding::new(
                        Fault::Conflict,
                        &node.place,
                        format!("the disk {name} is given away twice"),
                    )
                    .key(format!("disks.{}.wipe", role.key))
                    .also(&first.place, format!("to the role `{other}`"))
                    .hint("a disk has one role"),
                ),
                None => seen.push((node, name, &role.key)),
            }
        }
    }
}

fn known_ids(tree: &Node, findings: &mut Vec<Finding>) {
    let ids: Vec<&str> = profile::hints().ids().collect();
    for node in tree.at(&["checks", "ignore"]).map(Node::items).unwrap_or_default() {
        let Some(text) = node.scalar().filter(|text| !ids.contains(text)) else { continue };
        let hint = match nearest(text, ids.iter().copied()) {
            Some(known) => format!("did you mean {known}?"),
            None => "`ciab check` lists the ids".to_owned(),
        };
        findings.push(
            Finding::new(Fault::WrongValue, &node.place, format!("there is no check `{text}`"))
                .key("checks.ignore")
                .hint(hint),
        );
    }
}

fn certificate_and_key(tree: &Node, findings: &mut Vec<Finding>) {
    const BOTH: [&str; 2] = ["certificate", "key"];
    for (own, other) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let Some(node) = tree.at(&["tls", own]) else { continue };
        if tree.at(&["tls", other]).is_none() {
            findings.push(
                Finding::new(
                    Fault::MissingKey,
                    &node.place,
                    format!("`tls.{own}` is of no use without `tls.{other}`"),
                )
                .key(format!("tls.{own}"))
                .hint(format!("name `tls.{other}` too, or leave both out: the box then makes its own")),
            );
        }
        if let Some(prompt) = node.child("prompt") {
            findings.push(
                Finding::new(
                    Fault::WrongValue,
                    &prompt.place,
                    "PEM has several lines, and a question takes one",
                )
                .key(format!("tls.{own}"))
                .hint("name a `file` or a `credential`"),
            );
        }
    }
}

fn free_names(tree: &Node, findings: &mut Vec<Finding>) {
    if let Some(node) = tree.child("name").filter(|node| node.scalar() == Some("localhost")) {
        let message = "every machine calls itself localhost";
        findings.push(
            Finding::new(Fault::WrongValue, &node.place, message)
                .key("name")
                .hint("give the box its own name"),
        );
    }
    let path = ["access", "operator", "name"];
    if let Some((node, name)) = tree.at(&path).and_then(|node| Some((node, node.scalar()?)))
        && TAKEN.contains(&name)
    {
        findings.push(
            Finding::new(Fault::Conflict, &node.place, format!("the system has a user `{name}` of its own"))
                .key(path.join("."))
                .hint("choose another name"),
        );
    }
}
