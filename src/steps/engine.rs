//! The container engine.

use super::{
    draft::ensure,
    site::{Change, Site},
};
use crate::{
    profile::Purpose,
    step::{Resource, Step, Want},
};

pub(super) fn engine(site: &Site<'_>) -> Step {
    // Files before packages: the daemon starts when it is unpacked, and would make its networks of its own choice.
    let mut wants = site.files("container-engine");
    let names = site.plan.packages.get(&Purpose::Containers).cloned().unwrap_or_default();
    wants.push(Want::Packages { names });
    wants.push(site.unit(&site.plan.os.units.docker, &["container-engine"], Change::Restart));
    ensure("container-engine", "Install the container engine", wants)
        // The daemon reads the trust store when it starts, and its rules go beside the firewall's.
        .needs(["packages", "kernel", "trust", "firewall"])
        .holds([Resource::Apt, Resource::Docker])
        .limit(300, 3600)
        .retried()
        .done()
}
