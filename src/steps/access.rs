//! Who may log in, who may become root, and how the SSH server asks.
//!
//! Doors are opened before others are closed: the operator's key works before passwords stop to.

use super::{
    draft::{argv, ensure},
    site::{Change, Site},
};
use crate::step::{Step, Want};

pub(super) fn operator(site: &Site<'_>) -> Step {
    let ssh = &site.plan.os.units.ssh;
    let name = site.plan.access.operator.to_string();
    // systemd-journal reads logs without becoming root.
    let groups = ["sudo", "systemd-journal"].map(str::to_owned).to_vec();
    let mut wants = vec![
        Want::User { name, groups, shell: "/bin/bash".to_owned() },
        // Running before the check of its files, which looks for the folder that its start makes.
        Want::Unit { name: ssh.clone(), files: Vec::new(), reload: true },
    ];
    wants.extend(site.files("operator"));
    wants.push(running(site));
    ensure("operator", "Make the operator's account and let its keys in", wants)
        .needs(["packages", "names"])
        .guarded(site.paths("operator"), vec![reload(site)])
        .done()
}

pub(super) fn sudo(site: &Site<'_>) -> Step {
    ensure("sudo", "Let the operator become root", site.files("sudo"))
        .needs(["operator"])
        .guarded(site.paths("sudo"), Vec::new())
        .done()
}

pub(super) fn server(site: &Site<'_>) -> Step {
    let mut wants = site.files("ssh-server");
    wants.push(running(site));
    ensure("ssh-server", "Close the SSH server to passwords", wants)
        .needs(["sudo"])
        .guarded(site.paths("ssh-server"), vec![reload(site)])
        .done()
}

/// The server with all its files, those too that a later step writes: two lists for one unit would each take the
/// other's changes for its own, for ever.
fn running(site: &Site<'_>) -> Want {
    site.unit(&site.plan.os.units.ssh, &["operator", "ssh-server"], Change::Reload)
}

fn reload(site: &Site<'_>) -> Vec<String> {
    argv(["systemctl", "reload-or-restart", &site.plan.os.units.ssh])
}
