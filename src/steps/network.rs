//! The networks of the box, and the firewall.

use ipnet::IpNet;

use super::{
    draft::{argv, ensure},
    site::{Change, Site},
};
use crate::{
    boxfile::Engine,
    plan::{Addressing, Dns, Resolver, Stack, WAYS, Way},
    step::{Resource, Step, Want},
};

const FAMILY: &str = "inet";
const UNIT: &str = "ciab-nftables.service";
const RULES: &str = "/etc/ciab/nftables.conf";

/// Where systemd-networkd reads files.
const FOLDER: &str = "/etc/systemd/network";
const NETWORKD: &str = "systemd-networkd.service";
const NETWORK_MANAGER: &str = "NetworkManager.service";

/// Name servers first: packages are fetched by name.
pub(super) fn resolver(site: &Site<'_>) -> Option<Step> {
    let network = &site.plan.network;
    let Dns::These(_) = network.dns else { return None };
    let mut wants = site.files("resolver");
    match network.resolver {
        Resolver::Resolved => {
            wants.push(site.unit("systemd-resolved.service", &["resolver"], Change::Restart));
        }
        Resolver::File if site.plan.bound.before.network_manager => {
            wants.push(site.unit(NETWORK_MANAGER, &["resolver", "uplink"], Change::Reload));
        }
        Resolver::File => {}
    }
    Some(
        ensure("resolver", "Set the name servers", wants).needs(["before"]).holds([Resource::Network]).done(),
    )
}

/// What carries the address of the box: cards, bond, bridge, VLAN. The address comes from the old hand to the new one
/// within a second; connections outlive that.
pub(super) fn uplink(site: &Site<'_>) -> Option<Step> {
    let network = &site.plan.network;
    let stack = network.management.stack.as_ref()?;
    let before = &site.plan.bound.before;
    let mut wants = site.files("uplink");
    if before.network_manager {
        wants.push(site.unit(NETWORK_MANAGER, &["resolver", "uplink"], Change::Reload));
    }
    if before.ifupdown {
        wants.push(Want::Released { interface: network.management.interface.clone() });
    }
    wants.push(Want::Unit { name: NETWORKD.to_owned(), files: Vec::new(), reload: true });
    let layers = layers(stack);
    let unused = LAYERS.iter().filter(|(_, name)| !layers.iter().any(|(_, used)| used == name));
    wants.extend(unused.clone().map(|(_, interface)| Want::NoLink { interface: (*interface).to_owned() }));
    // From the bottom: a bridge without a port has no carrier, and a VLAN without a parent is not there.
    for card in &stack.cards {
        wants.push(link(&card.interface, "card", site, "uplink"));
    }
    for (layer, interface) in &layers {
        wants.push(link(interface, layer, site, "uplink"));
    }
    let address = |cidr: &IpNet| Want::Address {
        interface: network.management.address_interface.clone(),
        cidr: cidr.to_string(),
    };
    if matches!(network.management.addressing, Addressing::Static { .. }) {
        wants.extend(network.management.addresses().iter().map(address));
    }
    // Deleted first: a reload leaves an interface alone that is there already.
    let mut reload: Vec<Vec<String>> =
        LAYERS.iter().map(|(_, interface)| argv(["networkctl", "delete", interface])).collect();
    reload.push(argv(["networkctl", "reload"]));
    reload.extend(stack.cards.iter().map(|card| argv(["networkctl", "reconfigure", &card.interface])));
    if before.network_manager {
        reload.push(argv(["systemctl", "reload-or-restart", NETWORK_MANAGER]));
    }
    if before.ifupdown {
        reload.push(argv(["ifup", "--force", &network.management.interface]));
    }
    let step = ensure("uplink", "Set the address that the box is reached at", wants)
        .needs(["internal-network", "ssh-server"])
        .holds([Resource::Network])
        .limit(60, 600)
        .guarded(site.paths("uplink"), reload)
        .done();
    Some(step)
}

/// Layers above the cards, by the name of their files; the interfaces are those of the plan.
const LAYERS: [(&str, &str); 3] = [("bond", "ciab-bond"), ("bridge", "ciab-br"), ("vlan", "ciab-vlan")];

fn layers(stack: &Stack) -> Vec<(&'static str, &str)> {
    let bond = stack.bond.as_ref().map(|bond| ("bond", bond.interface.as_str()));
    let bridge = stack.bridge.as_ref().map(|bridge| ("bridge", bridge.as_str()));
    let vlan = stack.vlan.as_ref().map(|vlan| ("vlan", vlan.interface.as_str()));
    [bond, bridge, vlan].into_iter().flatten().collect()
}

/// An interface from the file `05-ciab-<file>.network`; all files of the step that shape it make it anew.
fn link(interface: &str, file: &str, site: &Site<'_>, step: &str) -> Want {
    let shape = format!("{FOLDER}/05-ciab-{file}.");
    Want::Link {
        interface: interface.to_owned(),
        file: format!("{shape}network"),
        files: site.paths(step).into_iter().filter(|path| path.starts_with(&shape)).collect(),
    }
}

/// Ways out for virtual machines.
pub(super) fn provider(site: &Site<'_>) -> Option<Step> {
    let network = &site.plan.network;
    if network.physical.is_empty() {
        return None;
    }
    let mut wants = site.files("provider");
    let outer: Vec<&str> = network.physical.iter().filter_map(|way| way.outer.as_deref()).collect();
    // A pair that changes from routed to bridged changes the name of its outer end, and is made anew.
    let names = || (1..=WAYS).flat_map(|n| ["ciab-gw", "ciab-up"].map(|name| numbered(name, n)));
    wants.extend(
        names().filter(|name| !outer.contains(&name.as_str())).map(|interface| Want::NoLink { interface }),
    );
    for (n, way) in network.physical.iter().enumerate() {
        wants.push(link(&way.interface, &format!("way{}", n + 1), site, "provider"));
        if let Some(outer) = &way.outer {
            wants.push(link(outer, &format!("outer{}", n + 1), site, "provider"));
        }
    }
    let mut reload: Vec<Vec<String>> =
        names().map(|interface| argv(["networkctl", "delete", &interface])).collect();
    reload.push(argv(["networkctl", "reload"]));
    let bridged = network.physical.iter().any(|way| way.way == Way::Bridged);
    let step = ensure("provider", "Lay the ways out for virtual machines", wants)
        .needs(["internal-network", if bridged { "uplink" } else { "ssh-server" }])
        .holds([Resource::Network])
        .limit(60, 600)
        .guarded(site.paths("provider"), reload)
        .done();
    Some(step)
}

/// `ciab-gw`, `ciab-gw2`, ...
fn numbered(name: &str, number: usize) -> String {
    if number == 1 { name.to_owned() } else { format!("{name}{number}") }
}

/// The tunnel for people from outside, and a file for each of them.
pub(super) fn wireguard(site: &Site<'_>) -> Option<Step> {
    let tunnel = site.plan.network.wireguard.as_ref()?;
    let mut wants = site.files("wireguard");
    wants.push(link(&tunnel.interface, "wg", site, "wireguard"));
    let step = ensure("wireguard", "Open the tunnel for people from outside", wants)
        .needs(["internal-network", "firewall"])
        .holds([Resource::Network])
        .guarded(
            site.paths("wireguard"),
            vec![argv(["networkctl", "delete", &tunnel.interface]), argv(["networkctl", "reload"])],
        )
        .done();
    Some(step)
}

pub(super) fn internal(site: &Site<'_>) -> Step {
    let internal = &site.plan.network.internal;
    let mut wants = site.files("internal-network");
    // Not restarted for a changed file: other interfaces may be its own. The address is told to it.
    wants.push(Want::Unit { name: "systemd-networkd.service".to_owned(), files: Vec::new(), reload: true });
    wants.push(Want::Address {
        interface: internal.interface.clone(),
        cidr: internal.interface_address().to_string(),
    });
    wants.extend(internal.address6.zip(internal.cidr6).map(|(address, cidr)| Want::Address {
        interface: internal.interface.clone(),
        cidr: cidr.at(address).to_string(),
    }));
    if site.plan.engine != Engine::None {
        let vip = internal.vip;
        let length = if vip.is_ipv4() { 32 } else { 128 };
        wants.push(Want::Address { interface: "lo".to_owned(), cidr: format!("{vip}/{length}") });
    }
    ensure("internal-network", "Set up the internal network", wants)
        .needs(["packages"])
        .holds([Resource::Network])
        .guarded(
            site.paths("internal-network"),
            vec![
                // Deleted first: a reload leaves an interface alone that is there already.
                argv(["networkctl", "delete", &internal.interface]),
                argv(["networkctl", "reload"]),
            ],
        )
        .done()
}

/// The unit loads the table at each boot; the want sees rules that somebody changed by hand.
pub(super) fn firewall(site: &Site<'_>) -> Step {
    let table = &site.plan.network.firewall.table;
    let mut wants = site.files("firewall");
    wants.push(site.unit(UNIT, &["firewall"], Change::Reload));
    wants.push(Want::NftTable {
        family: FAMILY.to_owned(),
        name: table.clone(),
        text: site.text(RULES).to_owned(),
    });
    ensure("firewall", "Raise the firewall", wants)
        .needs(["packages", "ssh-server", "internal-network"])
        .holds([Resource::Network])
        .guarded(
            site.paths("firewall"),
            vec![
                // Right whether or not there was a table before: the new one goes, and the unit brings the old one
                // back if there was one; else it does not exist, and its failure means nothing.
                argv(["nft", "delete", "table", FAMILY, table]),
                argv(["systemctl", "daemon-reload"]),
                argv(["systemctl", "restart", UNIT]),
            ],
        )
        .done()
}
