//! The networks that a box makes for itself: what each is for, and which are tried in which order.

use std::{collections::BTreeMap, sync::OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{document, nets::Cidr};

pub(super) const FILE: &str = "profiles/networks.yaml";

/// One network, and where it may lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Candidates {
    /// What goes over it.
    pub purpose: String,
    /// The key of the box file that names another one.
    pub key: String,
    /// The engine that has it; left out, all.
    #[serde(default)]
    pub engine: Option<String>,
    /// Tried in this order.
    pub candidates: Vec<Cidr>,
    /// Where the first comes from.
    pub source: String,
}

/// The networks of this program, by name.
pub fn networks() -> &'static BTreeMap<String, Candidates> {
    static NETWORKS: OnceLock<BTreeMap<String, Candidates>> = OnceLock::new();
    NETWORKS.get_or_init(|| document::embedded(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranges in the box file that are used beside `internal`, `containers`, `provider` and `wireguard`.
    const NAMED: [&str; 4] = ["containers", "internal", "provider", "wireguard"];

    #[test]
    fn the_first_candidates_of_all_fit_beside_each_other() {
        let firsts: Vec<(&String, &Cidr)> =
            networks().iter().map(|(name, net)| (name, net.candidates.first().unwrap())).collect();
        for (n, (name, net)) in firsts.iter().enumerate() {
            for (other, with) in &firsts[n + 1..] {
                assert!(!net.overlaps(with), "{name} and {other}");
            }
        }
    }

    #[test]
    fn candidates_are_private_and_keys_name_their_network() {
        let private: Vec<Cidr> =
            ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(|net| net.parse().unwrap()).to_vec();
        for (name, net) in networks() {
            for candidate in &net.candidates {
                assert!(private.iter().any(|all| all.0.contains(&candidate.0)), "{name}: {candidate}");
            }
            if !NAMED.contains(&name.as_str()) {
                assert_eq!(net.key, format!("network.ranges.{name}"));
            }
        }
    }
}
