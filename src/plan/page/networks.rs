//! The networks of a plan as lines of its page.

use super::{line, list_of};
use crate::plan::{Addressing, Network, Plan, Way};

/// The network that the box is reached on.
pub(super) fn management(network: &Network) -> String {
    let own = &network.management;
    let addressing = match &own.addressing {
        Addressing::Keep { addresses, .. } => {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("left as it is ({})", list_of(&list))
        }
        Addressing::Dhcp => "from DHCP".to_owned(),
        Addressing::Static { address, gateway, address6, gateway6, vlan } => {
            let router = |gateway: &Option<_>| gateway.as_ref().map(|g| format!("gateway {g}"));
            let list = [
                Some(address.to_string()),
                Some(router(gateway).unwrap_or_else(|| "no gateway".to_owned())),
                address6.map(|a| a.to_string()),
                router(gateway6),
                vlan.map(|tag| format!("VLAN {tag}")),
            ];
            list.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    };
    let Some(stack) = &own.stack else { return format!("{}: {addressing}", own.interface) };
    let cards: Vec<&str> = stack.cards.iter().map(|card| card.interface.as_str()).collect();
    let layers = [
        Some(cards.join(" and ")),
        stack.bond.as_ref().map(|bond| bond.interface.clone()),
        stack.bridge.clone(),
        stack.vlan.as_ref().map(|vlan| vlan.interface.clone()),
    ];
    let path: Vec<String> = layers.into_iter().flatten().collect();
    format!("{}: {addressing}", path.join(" under "))
}

/// Networks that the software uses inside of the box.
pub(super) fn inside(network: &Network) -> String {
    let list: Vec<String> = network.ranges.iter().map(|(name, cidr)| format!("{name} {cidr}")).collect();
    if list.is_empty() { String::new() } else { line("ranges", &list.join(", ")) }
}

/// Networks of virtual machines, and what has to be told to a router so that others reach them.
pub(super) fn provider(network: &Network) -> String {
    let mut text = String::new();
    for (name, own) in &network.provider {
        let Some(physical) = network.physical.iter().find(|p| p.name == own.physical) else { continue };
        let outer = physical.outer.as_deref().unwrap_or_default();
        let bridge = network.management.stack.as_ref().and_then(|stack| stack.bridge.as_deref());
        let way = match physical.way {
            Way::Card => format!("on the card {}", physical.interface),
            Way::Routed => format!("routed and hidden by the box at {outer}"),
            Way::Bridged => format!("a neighbour of the box on {}", bridge.unwrap_or_default()),
        };
        let tag = own.vlan.map_or(String::new(), |tag| format!(", VLAN {tag}"));
        let six = own.cidr6.map_or(String::new(), |cidr| format!(" and {cidr}"));
        let said = format!(
            "{}{six}, {way}{tag}; router {}, pool {} to {}; {} gives {} to {}",
            own.cidr,
            own.gateway,
            own.pool.first,
            own.pool.last,
            physical.name,
            physical.interface,
            physical.bridge
        );
        text.push_str(&line(name.as_str(), &said));
    }
    for route in &network.routes {
        let via = route.via.map_or("the address of the box".to_owned(), |via| via.to_string());
        text.push_str(&line("LAN route", &format!("ip route add {} via {via}", route.to)));
    }
    text
}

pub(super) fn wireguard(network: &Network) -> String {
    let Some(own) = &network.wireguard else { return String::new() };
    let users: Vec<String> = own.users.iter().map(|(name, address)| format!("{name} {address}")).collect();
    let at = own.endpoint.as_ref().map_or("an address that is leased".to_owned(), ToString::to_string);
    line(
        "WireGuard",
        &format!("{}: {} at {at}, UDP {}; {}", own.interface, own.cidr, own.port, users.join(", ")),
    )
}

/// Networks that are not where they usually are.
pub(super) fn instead(network: &Network) -> String {
    let moved =
        network.decided.iter().filter_map(|(key, decided)| Some((key, decided, decided.instead.as_ref()?)));
    moved.map(|(key, decided, why)| line("moved", &format!("{key} is {}: {why}", decided.cidr))).collect()
}

/// Lines for /etc/hosts of whoever uses the box, as it has them itself.
pub(super) fn names(plan: &Plan) -> String {
    let lines = plan.host.hosts.iter().map(|(address, names)| format!("{address} {}", names.join(" ")));
    lines.collect::<Vec<_>>().join("; ")
}
