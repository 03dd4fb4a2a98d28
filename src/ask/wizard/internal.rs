//! The box's own networks, which must not hide one that is there already.

use super::{Eyes, Go, Person, Talk, draft::Draft, judge};
use crate::{boxfile::network::Network, failure::Failure, plan::check::Status};

const INTERNAL: &str = "network.internal";
const CONTAINERS: &str = "network.containers";

/// Tried in this order, after the box file's own default: private networks that home routers and other cloud
/// software seldom use (RFC 1918).
const INTERNALS: [&str; 5] =
    ["192.168.17.0/24", "192.168.144.0/24", "172.30.16.0/24", "10.113.16.0/24", "10.213.16.0/24"];
const CONTAINER_NETS: [&str; 4] = ["172.18.0.0/16", "172.28.0.0/16", "10.117.0.0/16", "10.217.0.0/16"];

type Enter = fn(&mut Draft, &str);

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn internal(&mut self) -> Result<Go, Failure> {
        let enter: Enter = |draft, typed| draft.internal = Some(typed.to_owned());
        let usual = Network::default().internal.to_string();
        let (free, reason) = self.free(INTERNAL, &usual, &INTERNALS, enter)?;
        self.explain(&format!(
            "The network on which the services of the box talk to each other; it leaves the box nowhere. {reason}"
        ))?;
        let default = self.draft.internal.clone().unwrap_or(free);
        self.fill(INTERNAL, "Internal network", Some(default), enter).await
    }

    /// Only where the usual one is in the way.
    pub(super) async fn containers(&mut self) -> Result<Go, Failure> {
        let enter: Enter = |draft, typed| draft.containers = Some(typed.to_owned());
        let usual = Network::default().containers.to_string();
        let (free, reason) = self.free(CONTAINERS, &usual, &CONTAINER_NETS, enter)?;
        if free == usual && self.draft.containers.is_none() {
            return Ok(Go::Over);
        }
        self.explain(&format!("The network that containers get their addresses from. {reason}"))?;
        let default = self.draft.containers.clone().unwrap_or(free);
        self.fill(CONTAINERS, "Network of containers", Some(default), enter).await
    }

    /// The first network that nothing speaks against, and why it is offered.
    fn free(
        &self,
        key: &str,
        usual: &str,
        others: &[&str],
        enter: Enter,
    ) -> Result<(String, &'static str), Failure> {
        let facts = self.seen.as_ref().map(|seen| &seen.facts);
        for net in std::iter::once(usual).chain(others.iter().copied()) {
            let mut draft = self.draft.clone();
            enter(&mut draft, net);
            if judge::faults(&draft, key, facts, Status::Warn)?.is_empty() {
                let reason = match (facts, net == usual) {
                    (Some(_), true) => "The usual one overlaps nothing that the box sees.",
                    (Some(_), false) => {
                        "The usual one overlaps a network that the box sees; this one does not."
                    }
                    (None, _) => "This is the usual one; whether the box sees it elsewhere is not known.",
                };
                return Ok((net.to_owned(), reason));
            }
        }
        Ok((usual.to_owned(), "None that is usual is free here: write one of your own."))
    }
}
