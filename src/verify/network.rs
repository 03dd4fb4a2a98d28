//! The internal network and the firewall.

use super::{Proof, says, unit, wants};
use crate::{plan::Plan, step::Want};

pub(super) fn proofs(plan: &Plan) -> Vec<Proof> {
    let internal = &plan.network.internal;
    let firewall = &plan.network.firewall;
    let mut rules = vec!["type filter hook input priority filter; policy drop;".to_owned()];
    rules.extend(firewall.open.iter().map(|open| format!("tcp dport {} accept*", open.port)));
    vec![
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
    ]
}
