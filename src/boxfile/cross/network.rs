//! What must hold between the networks of a box file: apart from each other, addresses inside, roles that exist.

use std::net::IpAddr;

use super::read;
use crate::{
    boxfile::{
        fault::{Fault, Finding},
        nearest::nearest,
        nets::{Cidr, InterfaceAddress},
        node::Node,
        place::{Layer, Sources},
    },
    profile::networks,
};

const STATIC: [&str; 3] = ["network", "management", "static"];

pub(super) fn check(tree: &Node, sources: &Sources, findings: &mut Vec<Finding>) {
    families(tree, findings);
    apart(tree, sources, findings);
    vip(tree, findings);
    routers(tree, findings);
    for entry in entries(tree, &["network", "provider"]) {
        provider(tree, entry.0, entry.1, findings);
    }
    bond(tree, findings);
    ranges(tree, findings);
    users(tree, findings);
}

fn entries<'a>(tree: &'a Node, path: &[&str]) -> Vec<(&'a str, &'a Node)> {
    let all = tree.at(path).map(Node::entries).unwrap_or_default();
    all.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect()
}

fn conflict(node: &Node, key: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding::new(Fault::Conflict, &node.place, message.into()).key(key.into())
}

/// A network of the box file by its key.
struct Net<'a> {
    key: String,
    node: &'a Node,
    cidr: Cidr,
    /// It is the network outside: the box's own address may lie there, and other bridged networks too.
    outside: bool,
}

fn nets(tree: &Node) -> Vec<Net<'_>> {
    let mut nets = Vec::new();
    let mut add = |path: &[&str], outside: bool| {
        if let Some((node, cidr)) = read::<Cidr>(tree, path) {
            nets.push(Net { key: path.join("."), node, cidr, outside });
        }
    };
    for name in ["internal", "internal6", "containers"] {
        add(&["network", name], false);
    }
    for (name, own) in entries(tree, &["network", "provider"]) {
        for cidr in ["cidr", "cidr6"] {
            add(&["network", "provider", name, cidr], is_bridged(tree, name, own));
        }
    }
    for (name, _) in entries(tree, &["network", "ranges"]) {
        add(&["network", "ranges", name], false);
    }
    add(&["network", "wireguard", "cidr"], false);
    let [a, b, c] = STATIC;
    for own in ["address", "address6"] {
        if let Some((node, address)) = read::<InterfaceAddress>(tree, &[a, b, c, own]) {
            nets.push(Net {
                key: "network.management".to_owned(),
                node,
                cidr: address.network(),
                outside: true,
            });
        }
    }
    nets
}

fn is_bridged(tree: &Node, name: &str, own: &Node) -> bool {
    let card = own.child("nic").is_some()
        || (name == "public" && entries(tree, &["nics"]).iter().any(|(role, _)| *role == "provider"));
    match own.child("mode").and_then(Node::scalar) {
        Some(mode) => mode == "bridged",
        None => card,
    }
}

fn apart(tree: &Node, sources: &Sources, findings: &mut Vec<Finding>) {
    let nets = nets(tree);
    for (n, one) in nets.iter().enumerate() {
        for two in &nets[n + 1..] {
            if !one.cidr.overlaps(&two.cidr) || (one.outside && two.outside) {
                continue;
            }
            // The mark goes to the one that the operator wrote, and can change.
            let preset = sources.source(&one.node.place).layer >= Layer::Profile;
            let (marked, with) = if preset { (two, one) } else { (one, two) };
            let short = |net: &Net<'_>| net.key.trim_start_matches("network.").to_owned();
            findings.push(
                conflict(
                    marked.node,
                    &marked.key,
                    format!("network `{}` overlaps `{}`", short(marked), short(with)),
                )
                .also(&with.node.place, format!("`{}` is {}", short(with), with.cidr))
                .hint(format!(
                    "`{}` is {}: give one of the two a range of its own",
                    short(marked),
                    marked.cidr
                )),
            );
        }
    }
}

/// IPv6 stands beside IPv4, never alone: Docker's default bridge, OSISM's manager and kolla's defaults are IPv4.
fn families(tree: &Node, findings: &mut Vec<Finding>) {
    let is_six = |text: &str| text.contains(':');
    let mut four = |path: &[&str], six: Option<&str>| {
        let Some(node) = tree.at(path).filter(|node| node.scalar().is_some_and(is_six)) else { return };
        let hint = match six {
            Some(six) => format!("write an IPv4 one here, and this one in `{six}` beside it"),
            None => "write an IPv4 one".to_owned(),
        };
        let message = "IPv6 alone is not possible: Docker's networks and the services between them are IPv4";
        findings.push(conflict(node, path.join("."), message).hint(hint));
    };
    let [a, b, c] = STATIC;
    four(&["network", "internal"], Some("internal6"));
    four(&["network", "vip"], None);
    four(&["network", "containers"], None);
    four(&["network", "wireguard", "cidr"], None);
    four(&[a, b, c, "address"], Some("address6"));
    for (name, _) in entries(tree, &["network", "provider"]) {
        four(&["network", "provider", name, "cidr"], Some("cidr6"));
        for end in ["first", "last"] {
            four(&["network", "provider", name, "pool", end], None);
        }
    }
    for (name, _) in entries(tree, &["network", "ranges"]) {
        four(&["network", "ranges", name], None);
    }
    let mut six = |path: &[&str]| {
        let wrong = |text: &str| !is_six(text) && !text.is_empty();
        if let Some(node) = tree.at(path).filter(|node| node.scalar().is_some_and(wrong)) {
            findings.push(
                conflict(node, path.join("."), "this is the place of the IPv6 half")
                    .hint("write the IPv4 one in the key without the 6"),
            );
        }
    };
    six(&["network", "internal6"]);
    six(&[a, b, c, "address6"]);
    six(&[a, b, c, "gateway6"]);
    for (name, _) in entries(tree, &["network", "provider"]) {
        six(&["network", "provider", name, "cidr6"]);
    }
}

fn vip(tree: &Node, findings: &mut Vec<Finding>) {
    let Some((node, vip)) = read::<IpAddr>(tree, &["network", "vip"]) else { return };
    if let Some((net_node, net)) = read::<Cidr>(tree, &["network", "internal"])
        && !net.has_host(vip)
    {
        findings.push(
            conflict(node, "network.vip", format!("{vip} is no host address of {net}"))
                .also(&net_node.place, "the internal network")
                .hint(format!("choose an address inside {net}")),
        );
    }
}

fn routers(tree: &Node, findings: &mut Vec<Finding>) {
    let [a, b, c] = STATIC;
    for (router, own) in [("gateway", "address"), ("gateway6", "address6")] {
        let Some((node, gateway)) = read::<IpAddr>(tree, &[a, b, c, router]) else { continue };
        let key = format!("network.management.static.{router}");
        let Some((own_node, address)) = read::<InterfaceAddress>(tree, &[a, b, c, own]) else {
            if tree.at(&[a, b, c, own]).is_none() && router == "gateway6" {
                findings.push(
                    conflict(node, key, "there is no IPv6 address that would need a router")
                        .hint("write it in `address6`"),
                );
            }
            continue;
        };
        let net = address.network();
        let link_local = matches!(gateway, IpAddr::V6(six) if six.is_unicast_link_local());
        // A /32 has its router outside, as some providers of rented servers do it.
        let wrong = if gateway == address.address() {
            Some(format!("{gateway} is the box's own address"))
        } else if !link_local && address.0.prefix_len() < address.0.max_prefix_len() && !net.has_host(gateway)
        {
            Some(format!("{gateway} is no host address of {net}"))
        } else {
            None
        };
        if let Some(message) = wrong {
            findings.push(
                conflict(node, key, message)
                    .also(&own_node.place, "the box's address")
                    .hint(format!("choose the router's address in {net}")),
            );
        }
    }
}

fn provider(tree: &Node, name: &str, own: &Node, findings: &mut Vec<Finding>) {
    let base = ["network", "provider", name];
    let key = |part: &str| format!("network.provider.{name}.{part}");
    let at = |part: &'static [&'static str]| -> Vec<&str> {
        base.iter().copied().chain(part.iter().copied()).collect()
    };
    let bridged = is_bridged(tree, name, own);
    for part in ["vlan", "nic"] {
        if let Some(node) = own.child(part).filter(|_| !bridged) {
            findings.push(
                conflict(
                    node,
                    key(part),
                    format!("a routed network leaves by the box itself, so it has no `{part}`"),
                )
                .hint("take it out, or write `mode: bridged`"),
            );
        }
    }
    if let Some((node, role)) = own.child("nic").and_then(|node| Some((node, node.scalar()?))) {
        known_role(tree, node, role, &key("nic"), findings);
    }
    let net = read::<Cidr>(tree, &at(&["cidr"]));
    let mut inside = |part: &'static [&'static str]| {
        let found = read::<IpAddr>(tree, &at(part));
        if let (Some((node, address)), Some((net_node, net))) = (&found, &net)
            && !net.has_host(*address)
        {
            findings.push(
                conflict(node, key(&part.join(".")), format!("{address} is no host address of {net}"))
                    .also(&net_node.place, "its network")
                    .hint(format!("choose an address inside {net}")),
            );
        }
        found
    };
    let gateway = inside(&["gateway"]);
    let (first, last) = (inside(&["pool", "first"]), inside(&["pool", "last"]));
    let (Some((first_node, first)), Some((last_node, last))) = (first, last) else { return };
    if first.is_ipv4() == last.is_ipv4() && first > last {
        findings.push(
            conflict(last_node, key("pool.last"), format!("{last} comes before {first}"))
                .also(&first_node.place, "the first address")
                .hint("write the lower one first"),
        );
    }
    let [a, b, c] = STATIC;
    let own_address =
        read::<InterfaceAddress>(tree, &[a, b, c, "address"]).map(|(n, own)| (n, own.address()));
    let gateway_key = key("gateway");
    let others = [
        ("network.vip", "the address of the APIs", read::<IpAddr>(tree, &["network", "vip"])),
        ("network.management.static.address", "the box's own address", own_address),
        (
            "network.management.static.gateway",
            "the box's router",
            read::<IpAddr>(tree, &[a, b, c, "gateway"]),
        ),
        (gateway_key.as_str(), "the network's router", gateway),
    ];
    for (other, what, found) in others {
        if let Some((node, address)) = found.filter(|(_, address)| (first..=last).contains(address)) {
            findings.push(
                conflict(node, other, format!("{address}, {what}, lies in the pool of `provider.{name}`"))
                    .also(&first_node.place, format!("the pool is {first} to {last}"))
                    .hint("virtual machines would be given it too: leave it out of the pool"),
            );
        }
    }
}

fn known_role(tree: &Node, node: &Node, role: &str, key: &str, findings: &mut Vec<Finding>) {
    let roles = entries(tree, &["nics"]);
    if role == "management" || roles.iter().any(|(known, _)| *known == role) {
        return;
    }
    let hint = match nearest(role, roles.iter().map(|(known, _)| *known)) {
        Some(known) => format!("did you mean {known}?"),
        None => format!("give it a selector in `nics.{role}.match`"),
    };
    findings.push(conflict(node, key, format!("`nics` has no role `{role}`")).hint(hint));
}

fn bond(tree: &Node, findings: &mut Vec<Finding>) {
    let Some(members) = tree.at(&["network", "bond", "members"]) else { return };
    let key = "network.bond.members";
    let mut seen: Vec<(&str, &Node)> = Vec::new();
    for node in members.items() {
        let Some(role) = node.scalar() else { continue };
        known_role(tree, node, role, key, findings);
        match seen.iter().find(|(known, _)| *known == role) {
            Some((_, first)) => findings.push(
                conflict(node, key, format!("`{role}` is a member twice"))
                    .also(&first.place, "here already")
                    .hint("name each role once"),
            ),
            None => seen.push((role, node)),
        }
    }
    if members.scalar().is_none() && seen.len() < 2 {
        findings.push(
            conflict(members, key, "a bond takes two cards or more")
                .hint("name the roles of its cards, such as [management, second]"),
        );
    }
}

fn ranges(tree: &Node, findings: &mut Vec<Finding>) {
    let key = |name: &str| format!("network.ranges.{name}");
    let known: Vec<&str> =
        networks().iter().filter(|(name, net)| net.key == key(name)).map(|(name, _)| name.as_str()).collect();
    for (name, node) in entries(tree, &["network", "ranges"]) {
        if !known.contains(&name) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", known.join(", ")),
            };
            findings.push(conflict(node, key(name), format!("there is no range `{name}`")).hint(hint));
        }
    }
}

fn users(tree: &Node, findings: &mut Vec<Finding>) {
    let Some(users) = tree.at(&["network", "wireguard", "users"]) else { return };
    let key = "network.wireguard.users";
    let mut seen: Vec<(&str, &Node)> = Vec::new();
    for node in users.items() {
        let Some(name) = node.scalar() else { continue };
        if name == "server" {
            findings.push(
                conflict(node, key, "`server` is what the box itself is called").hint("choose another name"),
            );
        }
        match seen.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => findings.push(
                conflict(node, key, format!("`{name}` is named twice"))
                    .also(&first.place, "here already")
                    .hint("a key and its address belong to one user"),
            ),
            None => seen.push((name, node)),
        }
    }
    if users.scalar().is_none() && users.items().is_empty() {
        findings.push(
            conflict(users, key, "a tunnel that nobody has a key for")
                .hint("name who shall use it, or take `network.wireguard` out"),
        );
    }
}
