//! Reads out of the observed facts what the first run binds.

use std::{collections::BTreeMap, path::Path};

use ipnet::IpNet;

use super::{
    BoundManagement, FileSystem, ModuleState, PlanError,
    bound::{Before, Card, Near},
    selector,
};
use crate::{
    boxfile::{BoxFile, access::Target, names::Role, selector::NicMatch},
    facts::{
        Facts,
        kernel::ModuleState as Seen,
        machine::Container,
        nic::{link::Link, route::Route},
        port::Protocol,
    },
    profile::{Module, Want},
};

/// The well-known port of SSH.
const SSH: u16 = 22;

/// The interface that the box is reached on: the one of `nics.management`, else that of the default route with the
/// lowest metric, else the only one that carries an address. A member of a bond or bridge stands for it.
pub(super) fn management(facts: &Facts, wanted: &BoxFile) -> Result<BoundManagement, PlanError> {
    let routes = facts.observed.routes.as_deref().unwrap_or_default();
    let mut defaults: Vec<&Route> = routes.iter().filter(|r| r.is_default() && r.link.is_some()).collect();
    defaults.sort_by_key(|r| (r.to.addr().is_ipv6(), r.metric.unwrap_or(0)));
    let role = wanted.nics.iter().find(|(role, _)| role.as_str() == "management");
    let mut link = match role {
        Some((_, role)) => by_selector(facts, "management", &role.select)?,
        None => by_route(facts, &defaults)?,
    };
    while let Some(master) = link.master.as_ref().and_then(|name| named(facts, name)) {
        link = master;
    }
    let top = link;
    // Our own layers stand above the card since an earlier run.
    while let Some(below) = is_ours(&link.name).then(|| below(facts, link)).flatten() {
        link = below;
    }
    let gateway = defaults.iter().find(|r| r.link.as_deref() == Some(&top.name)).and_then(|r| r.via);
    let nic = link.nic.as_ref().and_then(|id| facts.identity.nics.iter().find(|n| &n.id == id));
    let mut addresses: Vec<IpNet> =
        top.addresses.iter().filter(|a| a.scope == "global").map(|a| a.net).collect();
    addresses.sort();
    Ok(BoundManagement {
        interface: link.name.clone(),
        mac: nic.and_then(|n| n.mac).or(link.mac),
        mtu: link.mtu,
        dynamic: top.addresses.iter().any(|a| a.scope == "global" && a.dynamic),
        kind: link.kind.clone(),
        addresses,
        gateway,
        set: None,
    })
}

/// The cards of the roles in the box file; those that are known already stay what they are.
pub(super) fn cards(
    facts: &Facts,
    wanted: &BoxFile,
    known: BTreeMap<Role, Card>,
) -> Result<BTreeMap<Role, Card>, Vec<PlanError>> {
    let (mut cards, mut errors) = (known, Vec::new());
    for (role, select) in &wanted.nics {
        // Said by `management` already.
        if cards.contains_key(role) || role.as_str() == "management" {
            continue;
        }
        match by_selector(facts, role.as_str(), &select.select) {
            Ok(link) => {
                let nic = link.nic.as_ref().and_then(|id| facts.identity.nics.iter().find(|n| &n.id == id));
                let mac = nic.and_then(|n| n.mac).or(link.mac);
                cards.insert(role.clone(), Card { interface: link.name.clone(), mac });
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(cards) } else { Err(errors) }
}

/// Every network near the box that is not our own work.
pub(super) fn near(facts: &Facts) -> Vec<Near> {
    let seen = &facts.observed;
    let mut near: Vec<Near> = Vec::new();
    for link in seen.links.iter().filter(|l| l.kind != "loopback" && !is_ours(&l.name)) {
        near.extend(link.addresses.iter().filter(|a| a.scope == "global").map(|a| Near {
            net: a.net.trunc(),
            what: format!("the network of {}", link.name),
            docker: is_dockers(&link.name),
        }));
    }
    let known: Vec<IpNet> = near.iter().map(|n| n.net).collect();
    for route in seen.routes.iter().flatten() {
        let link = route.link.as_deref().unwrap_or("nothing");
        if !is_ours(link) && !route.is_default() && !known.contains(&route.to) {
            let docker = is_dockers(link);
            near.push(Near { net: route.to, what: format!("a route over {link}"), docker });
        }
    }
    let servers = seen.resolver.iter().flat_map(|resolver| &resolver.servers).filter(|s| !s.is_loopback());
    near.extend(servers.map(|s| Near {
        net: IpNet::from(*s),
        what: "a name server".to_owned(),
        docker: false,
    }));
    near.retain(|n| !link_local(n.net));
    near.sort_by(|a, b| (a.net, &a.what).cmp(&(b.net, &b.what)));
    near.dedup();
    near
}

/// Networks that no router passes on: each link has its own.
fn link_local(net: IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.addr().is_link_local(),
        IpNet::V6(net) => net.addr().is_unicast_link_local() || net.addr().is_multicast(),
    }
}

/// Whether an interface is one that a plan makes.
pub(super) fn is_ours(interface: &str) -> bool {
    interface.starts_with("ciab")
}

/// Whether Docker made an interface, by the names it gives.
pub(super) fn is_dockers(interface: &str) -> bool {
    interface == "docker0" || interface.starts_with("br-") || interface.starts_with("veth")
}

/// What configured names and interfaces when the first run began.
pub(super) fn before(facts: &Facts, interface: &str) -> Before {
    let setup = &facts.observed.network_setup;
    let resolver = facts.observed.resolver.clone().unwrap_or_default();
    Before {
        dns: resolver.servers,
        resolved: resolver.resolved,
        ifupdown: setup.ifupdown.iter().any(|name| name == interface),
        network_manager: setup.network_manager,
        files: setup.files.iter().filter(|path| !path.contains("ciab")).cloned().collect(),
    }
}

/// What one of our layers stands on: the device of a VLAN, the member of a bridge or bond that is not ours.
fn below<'a>(facts: &'a Facts, link: &Link) -> Option<&'a Link> {
    let lower = link.on.iter().chain(&link.members);
    let mut lower: Vec<&Link> = lower.filter_map(|name| named(facts, name)).collect();
    lower.sort_by_key(|l| (is_ours(&l.name) && l.kind == "veth", l.name.clone()));
    lower.first().copied()
}

fn named<'a>(facts: &'a Facts, name: &str) -> Option<&'a Link> {
    facts.observed.links.iter().find(|link| link.name == name)
}

fn by_selector<'a>(facts: &'a Facts, role: &str, select: &NicMatch) -> Result<&'a Link, PlanError> {
    let key = format!("nics.{role}");
    let nic = selector::resolve_nic(role, select, facts).map_err(|error| {
        let message = std::iter::once(error.message).chain(error.devices).collect::<Vec<_>>().join("; ");
        PlanError::impossible(&key, message, error.hint)
    })?;
    facts.link_of(nic).ok_or_else(|| {
        PlanError::impossible(
            &key,
            format!("the network card {} shows as no interface", nic.id),
            "Look whether its driver is loaded, and whether another namespace has it.",
        )
    })
}

fn by_route<'a>(facts: &'a Facts, defaults: &[&Route]) -> Result<&'a Link, PlanError> {
    if let [first, second, ..] = defaults
        && (first.to, first.metric) == (second.to, second.metric)
        && first.link != second.link
    {
        return Err(PlanError::impossible(
            "nics.management",
            format!(
                "two default routes have the same metric, over {} and {}",
                first.link.as_deref().unwrap_or_default(),
                second.link.as_deref().unwrap_or_default()
            ),
            "Take one of them away, or name the network card in `nics.management.match`.",
        ));
    }
    let carriers: Vec<&Link> = facts
        .observed
        .links
        .iter()
        .filter(|l| l.kind != "loopback" && l.up && l.addresses.iter().any(|a| a.scope == "global"))
        .collect();
    let found = match (defaults.first().and_then(|r| r.link.as_deref()), carriers.as_slice()) {
        (Some(name), _) => named(facts, name),
        (None, [only]) => Some(*only),
        (None, _) => None,
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = carriers.iter().map(|l| l.name.as_str()).collect();
        let found = if names.is_empty() { "none has an address".to_owned() } else { names.join(", ") };
        PlanError::impossible(
            "nics.management",
            format!("there is no default route, and which interface the box is reached on is open: {found}"),
            "Set a default route, or name the network card in `nics.management.match`.",
        )
    })
}

/// The well-known port and the one we log in to, as far as they are listened on.
pub(super) fn ssh_ports(facts: &Facts, wanted: &BoxFile) -> Vec<u16> {
    let target = match &wanted.access.target {
        Target::Ssh(login) => login.port,
        Target::Local => None,
    };
    let mut known: Vec<u16> = target.into_iter().chain([SSH]).collect();
    known.sort_unstable();
    known.dedup();
    let listened = |port: &u16| match &facts.observed.listeners {
        Some(all) => all.iter().any(|l| l.protocol == Protocol::Tcp && l.port == *port),
        None => true,
    };
    let open: Vec<u16> = known.iter().copied().filter(listened).collect();
    // Nothing listens where we know to look (a forwarded port): keep both open rather than lock anybody out.
    if open.is_empty() { known } else { open }
}

pub(super) fn module(facts: &Facts, name: &str) -> ModuleState {
    let inside = !matches!(facts.observed.container, None | Some(Container::None));
    let Some(modules) = &facts.observed.kernel.modules else {
        return if inside { ModuleState::Absent } else { ModuleState::Load };
    };
    match modules.iter().find(|m| m.name == name).map(|m| m.state) {
        Some(Seen::Builtin) => ModuleState::Present,
        Some(Seen::Loaded) if inside => ModuleState::Present,
        Some(Seen::Available) if inside => ModuleState::Absent,
        Some(Seen::Loaded | Seen::Available) => ModuleState::Load,
        None => ModuleState::Absent,
    }
}

/// As [`module`]; what is required and of which nothing is told counts as built in. It cannot be loaded where no
/// list of modules is, and a step that finds it lacking says so.
pub(super) fn needed_module(facts: &Facts, need: &Module) -> ModuleState {
    match module(facts, &need.name) {
        ModuleState::Absent
            if need.want == Want::Required && facts.observed.kernel.untold.contains(&need.name) =>
        {
            ModuleState::Present
        }
        state => state,
    }
}

/// The file system that holds a folder now.
pub(super) fn file_system(facts: &Facts, folder: &str) -> Option<FileSystem> {
    let mounts = facts.observed.mounts.as_deref()?;
    let holds = |point: &str| Path::new(folder).starts_with(point);
    let mount = mounts.iter().filter(|m| holds(&m.point)).max_by_key(|m| m.point.len())?;
    Some(FileSystem { fs: mount.fs.clone(), size: mount.size, available: mount.available })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    fn wanted(more: &str) -> BoxFile {
        serde_json::from_str(&format!(
            r#"{{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base"{more}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn the_box_is_reached_over_the_best_default_route() {
        let mut facts = sample::server();
        let management = |facts: &Facts| management(facts, &wanted(""));
        assert_eq!(management(&facts).unwrap().interface, "eno1");

        let mut second = facts.observed.routes.clone().unwrap()[0].clone();
        second.link = Some("eno2".into());
        facts.observed.routes.as_mut().unwrap().push(second);
        let error = management(&facts).unwrap_err();
        assert_eq!(error.message, "two default routes have the same metric, over eno1 and eno2");

        facts.observed.routes.as_mut().unwrap()[0].metric = Some(100);
        assert_eq!(management(&facts).unwrap().interface, "eno2", "the lower metric wins");

        facts.observed.routes = Some(Vec::new());
        assert_eq!(management(&facts).unwrap().interface, "eno1", "the only one that carries an address");
        facts.observed.links[1].addresses.clear();
        assert!(management(&facts).is_err());
    }

    #[test]
    fn the_box_file_may_name_the_card() {
        let mut facts = sample::server();
        let management = |facts: &Facts, mac: &str| {
            management(
                facts,
                &wanted(&format!(r#", "nics": {{"management": {{"match": {{"mac": "{mac}"}}}}}}"#)),
            )
        };
        assert_eq!(management(&facts, "3c:ec:ef:00:00:02").unwrap().interface, "eno2");
        assert!(management(&facts, "3c:ec:ef:00:00:09").is_err());
        facts.observed.links[2].master = Some("eno1".into());
        assert_eq!(management(&facts, "3c:ec:ef:00:00:02").unwrap().interface, "eno1", "of a bond, the bond");
    }

    #[test]
    fn ports_of_ssh_are_never_locked_out() {
        let mut facts = sample::server();
        let at = |target: &str| wanted(&format!(r#", "access": {{"target": "{target}"}}"#));
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10")), [22]);
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10:2222")), [22], "a forwarded port");
        facts.observed.listeners.as_mut().unwrap()[0].port = 2222;
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10:2222")), [2222]);
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10")), [22], "none found: the usual one stays open");
        facts.observed.listeners = None;
        assert_eq!(ssh_ports(&facts, &at("root@192.0.2.10:2222")), [22, 2222]);
    }

    #[test]
    fn a_container_is_asked_to_load_nothing() {
        let facts = sample::container();
        assert_eq!(module(&facts, "overlay"), ModuleState::Present);
        assert_eq!(module(&facts, "dummy"), ModuleState::Absent);
        assert_eq!(module(&sample::server(), "dummy"), ModuleState::Load);
    }

    #[test]
    fn a_kernel_without_lists_is_asked_to_load_nothing() {
        let mut facts = sample::server();
        facts.observed.kernel.modules = Some(Vec::new());
        facts.observed.kernel.untold = vec!["dummy".into(), "veth".into()];
        let profile = crate::profile::Profile::load(crate::boxfile::ProfileName::Base).unwrap();
        let state = |name: &str| {
            let need = profile.needs.modules.iter().find(|need| need.name == name).unwrap();
            needed_module(&facts, need)
        };
        assert_eq!(state("veth"), ModuleState::Present, "required, and nothing says that it is not there");
        assert_eq!(state("dummy"), ModuleState::Absent, "done without");
        assert_eq!(state("bridge"), ModuleState::Absent, "said not to be there");
    }
}
