//! The internal network and the firewall.

use super::{Proof, says, unit, wants};
use crate::{
    plan::{Physical, Plan},
    step::Want,
};

pub(super) fn proofs(plan: &Plan) -> Vec<Proof> {
    let internal = &plan.network.internal;
    let firewall = &plan.network.firewall;
    let mut rules = vec!["type filter hook input priority filter; policy drop;".to_owned()];
    rules.extend(
        firewall
            .open
            .iter()
            .map(|open| format!("{} dport {} accept*", open.transport.name().to_lowercase(), open.port)),
    );
    let mut proofs = vec![
        wants(
            "internal-network",
            "The internal network is there without a cable",
            vec![
                Want::Address {
                    interface: internal.interface.clone(),
                    cidr: internal.interface_address().to_string(),
                },
                unit("systemd-networkd.service"),
            ],
        ),
        says(
            "firewall",
            "The firewall lets in what is open and nothing else",
            rules,
            &["nft", "list", "chain", "inet", &firewall.table, "input"],
        ),
        wants(
            "firewall-at-boot",
            "The firewall comes back after a restart",
            vec![unit("ciab-nftables.service")],
        ),
    ];
    proofs.extend(uplink(plan));
    proofs.extend(ways(plan));
    proofs
}

/// The address that the box was given, on what shall carry it.
fn uplink(plan: &Plan) -> Option<Proof> {
    let management = &plan.network.management;
    management.stack.as_ref()?;
    let interface = &management.address_interface;
    let address = |net: &ipnet::IpNet| Want::Address { interface: interface.clone(), cidr: net.to_string() };
    let addresses: Vec<Want> = management.addresses().iter().map(address).collect();
    if addresses.is_empty() {
        let argv = ["networkctl", "--no-pager", "status", interface];
        return Some(says("uplink", "The box has a leased address", vec!["*(DHCP4 *".to_owned()], &argv));
    }
    Some(wants("uplink", "The box has the address that it was given", addresses))
}

/// The routers of virtual machines, and that packets of theirs are hidden.
fn ways(plan: &Plan) -> Vec<Proof> {
    let network = &plan.network;
    let router = |way: &Physical| -> Vec<Want> {
        let interface = way.outer.clone().unwrap_or_default();
        let on = |net: &crate::boxfile::nets::InterfaceAddress| Want::Address {
            interface: interface.clone(),
            cidr: net.to_string(),
        };
        way.addresses.iter().map(on).collect()
    };
    let routers: Vec<Want> = network.physical.iter().flat_map(router).collect();
    let mut proofs = Vec::new();
    if !routers.is_empty() {
        proofs.push(wants("routers", "Virtual machines have a router", routers));
    }
    if !network.firewall.masquerade.is_empty() {
        let rules = network.firewall.masquerade.iter().map(|_| "*masquerade".to_owned()).collect();
        let argv = ["nft", "list", "chain", "inet", &network.firewall.table, "postrouting"];
        proofs.push(says(
            "masquerade",
            "Virtual machines reach the outside under the box's address",
            rules,
            &argv,
        ));
    }
    proofs
}
