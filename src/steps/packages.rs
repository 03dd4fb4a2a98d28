//! Where packages come from, those that every host gets, and how they stay safe.

use std::collections::BTreeMap;

use super::{
    draft::{act, argv, ensure},
    site::Site,
};
use crate::{
    plan::{Dns, Sources},
    profile::Purpose,
    step::{Action, Probe, Resource, Step, Want},
};

/// The classic file of sources; where the box file names mirrors, they are the only ones.
const LIST: &str = "/etc/apt/sources.list";

/// The engine has brought it; this sees that nothing of it has gone since.
pub(super) fn bundle(site: &Site<'_>) -> Option<Step> {
    site.plan.apt.bundle.as_ref()?;
    let there = || argv(["%helper", "agent", "bundle-there"]);
    let action = Action::Job { argv: there(), env: BTreeMap::new() };
    let draft = act("bundle", "Check that the box has the bundle", action);
    Some(draft.probe(Probe::Command { argv: there() }).needs(["before"]).done())
}

pub(super) fn sources(site: &Site<'_>) -> Step {
    let mut wants = site.files("package-sources");
    if let Sources::These(_) = site.plan.apt.sources {
        wants.push(Want::NoFile { path: LIST.to_owned() });
    }
    ensure("package-sources", "Set where packages come from and which are held", wants)
        .needs(["before"])
        .needs_if(site.plan.apt.bundle.is_some(), "bundle")
        .holds([Resource::Apt])
        .done()
}

/// All but the container engine, which is told its networks before it first starts.
pub(super) fn base(site: &Site<'_>) -> Step {
    let groups = site.plan.packages.iter().filter(|(purpose, _)| **purpose != Purpose::Containers);
    let names = groups.flat_map(|(_, names)| names.clone()).collect();
    ensure("packages", "Install the base packages", vec![Want::Packages { names }])
        .uses(["package-sources"])
        .needs_if(matches!(site.plan.network.dns, Dns::These(_)), "resolver")
        .holds([Resource::Apt])
        .limit(300, 3600)
        .retried()
        .done()
}

pub(super) fn updates(site: &Site<'_>) -> Step {
    let mut wants = site.files("security-updates");
    wants.push(Want::Unit { name: "apt-daily.timer".to_owned(), files: Vec::new(), reload: false });
    wants.push(Want::Unit { name: "apt-daily-upgrade.timer".to_owned(), files: Vec::new(), reload: false });
    // After the engine: from here on the box's own updates may hold the package manager.
    ensure("security-updates", "Let security updates install themselves", wants)
        .needs(["container-engine"])
        .holds([Resource::Apt])
        .done()
}
