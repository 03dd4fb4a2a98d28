//! What may come in, and what may pass through.

use serde::{Deserialize, Serialize};

use super::{Bound, Internal};

/// Our own nftables table; it sits beside Docker's rules and flushes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    pub table: String,
    /// TCP ports that anybody may reach.
    pub open: Vec<OpenPort>,
    /// Everything that comes in on these is let in; nftables wildcards (`br-*`).
    pub trusted: Vec<String>,
    pub forward: Forward,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPort {
    pub port: u16,
    pub needed_for: String,
}

/// What is done with packets that pass through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Forward {
    /// All pass our table, so that Docker's own rules decide; new connections into `shielded` from elsewhere do not.
    LeaveToDocker { shielded: Vec<String> },
}

pub(super) fn make(bound: &Bound, internal: &Internal) -> Firewall {
    let open = |port: &u16| OpenPort { port: *port, needed_for: "logging in".to_owned() };
    Firewall {
        table: "ciab".to_owned(),
        open: bound.ssh_ports.iter().map(open).collect(),
        trusted: ["lo", &internal.interface, "docker0", "br-*"].map(str::to_owned).to_vec(),
        forward: Forward::LeaveToDocker { shielded: vec![internal.interface.clone()] },
    }
}
