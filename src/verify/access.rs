//! Who gets in, and who becomes root.

use super::{Proof, host, says, wants};
use crate::plan::Plan;

pub(super) fn proofs(plan: &Plan) -> Vec<Proof> {
    let operator = plan.access.operator.as_str();
    vec![
        wants("units", "The services run, and will after a restart", host::units(plan)),
        says("ssh-server", "The SSH server lets in keys alone", sshd(plan), &["sshd", "-T"]),
        says(
            "sudo",
            "The operator becomes root",
            vec!["(ALL : ALL) NOPASSWD: ALL".to_owned()],
            &["sudo", "-n", "-l", "-U", operator],
        ),
    ]
}

/// The settings as `sshd -T` spells them: names in lower case, and an old word for one value.
fn sshd(plan: &Plan) -> Vec<String> {
    let spelt = |(key, value): (&String, &String)| {
        let value = if value == "prohibit-password" { "without-password" } else { value };
        format!("{} {value}", key.to_lowercase())
    };
    let keys = "authorizedkeysfile * /etc/ssh/authorized_keys.d/%u".to_owned();
    plan.ssh.settings.iter().map(spelt).chain([keys]).collect()
}
