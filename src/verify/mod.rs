//! What a prepared host promises, each promise with the question that proves it on the box.
//!
//! The questions go to the programs that keep the promise (sshd, dockerd, chronyd, the kernel) and not to the files that
//! were written for them: a file that nobody reads proves nothing.

mod access;
mod cloud;
mod containers;
pub mod expiry;
mod host;
mod network;
pub mod prove;
pub mod says;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{
    plan::Plan,
    step::{Probe, Want},
};

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// `verify.<thing>`; users rely on it.
    pub id: String,
    /// For people: "Passwords do not log in".
    pub what: String,
    /// What the box has to say, for the table.
    pub expected: String,
    /// How it is asked.
    pub probe: Probe,
    /// Seconds in which the promise may come true: a clock needs a few to be set.
    pub within: u32,
}

/// Every promise of the plan, in the order of the table.
pub fn proofs(plan: &Plan) -> Vec<Proof> {
    let all = [
        host::proofs(plan),
        expiry::proofs(),
        access::proofs(plan),
        network::proofs(plan),
        containers::proofs(plan),
        cloud::proofs(plan),
    ];
    // What the plan has none of is nothing that could fail.
    let promised = |proof: &Proof| !matches!(&proof.probe, Probe::Wants(wants) if wants.is_empty());
    all.into_iter().flatten().filter(promised).collect()
}

/// A promise that holds at once or not at all.
fn proof(id: &str, what: &str, expected: impl Into<String>, probe: Probe) -> Proof {
    Proof { id: format!("verify.{id}"), what: what.to_owned(), expected: expected.into(), probe, within: 0 }
}

/// States of the box.
fn wants(id: &str, what: &str, wants: Vec<Want>) -> Proof {
    let expected: Vec<String> = wants.iter().map(Want::subject).collect();
    proof(id, what, expected.join(", "), Probe::Wants(wants))
}

/// Lines that a command has to say; none at all means that it has to be silent.
fn says(id: &str, what: &str, lines: Vec<String>, argv: &[&str]) -> Proof {
    let expected = if lines.is_empty() { "nothing".to_owned() } else { lines.join(", ") };
    proof(id, what, expected, Probe::Command { argv: says::argv(&lines, argv) })
}

fn unit(name: &str) -> Want {
    Want::Unit { name: name.to_owned(), files: Vec::new(), reload: false }
}
