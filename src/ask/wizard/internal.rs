//! The box's own networks, which must not hide one that is there already.

use super::{Eyes, Go, Person, Talk, draft::Draft, judge};
use crate::{failure::Failure, plan::check::Status, profile::networks};

const INTERNAL: &str = "network.internal";
const CONTAINERS: &str = "network.containers";

type Enter = fn(&mut Draft, &str);

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn internal(&mut self) -> Result<Go, Failure> {
        let enter: Enter = |draft, typed| draft.internal = Some(typed.to_owned());
        let (free, reason) = self.free(INTERNAL, &candidates("internal"), enter)?;
        self.explain(&format!(
            "The network on which the services of the box talk to each other; it leaves the box nowhere. {reason}"
        ))?;
        let default = self.draft.internal.clone().unwrap_or(free);
        self.fill(INTERNAL, "Internal network", Some(default), enter).await
    }

    /// Only where the usual one is in the way.
    pub(super) async fn containers(&mut self) -> Result<Go, Failure> {
        let enter: Enter = |draft, typed| draft.containers = Some(typed.to_owned());
        let all = candidates("containers");
        let (free, reason) = self.free(CONTAINERS, &all, enter)?;
        if all.first() == Some(&free) && self.draft.containers.is_none() {
            return Ok(Go::Over);
        }
        self.explain(&format!("The network that containers get their addresses from. {reason}"))?;
        let default = self.draft.containers.clone().unwrap_or(free);
        self.fill(CONTAINERS, "Network of containers", Some(default), enter).await
    }

    /// The first network that nothing speaks against, and why it is offered.
    fn free(&self, key: &str, all: &[String], enter: Enter) -> Result<(String, &'static str), Failure> {
        let facts = self.seen.as_ref().map(|seen| &seen.facts);
        for (n, net) in all.iter().enumerate() {
            let mut draft = self.draft.clone();
            enter(&mut draft, net);
            if judge::faults(&draft, key, facts, Status::Warn)?.is_empty() {
                let reason = match (facts, n == 0) {
                    (Some(_), true) => "The usual one overlaps nothing that the box sees.",
                    (Some(_), false) => {
                        "The usual one overlaps a network that the box sees; this one does not."
                    }
                    (None, _) => "This is the usual one; whether the box sees it elsewhere is not known.",
                };
                return Ok((net.clone(), reason));
            }
        }
        Ok((
            all.first().cloned().unwrap_or_default(),
            "None that is usual is free here: write one of your own.",
        ))
    }
}

/// The networks that are tried, the usual one first.
fn candidates(name: &str) -> Vec<String> {
    networks().get(name).into_iter().flat_map(|all| &all.candidates).map(ToString::to_string).collect()
}
