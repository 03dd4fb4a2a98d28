//! The installation, from the first step to the last: read this first.
//!
//! A step is data (`step`): what the box shall be like, how to see that it is, and what to do when in doubt. Steps that
//! do not need each other run side by side, unless they hold the same resource. Files are named in
//! `templates/manifest.yaml` with the step that brings them; a stage adds what is no file.

mod access;
mod clock;
mod configuration;
mod draft;
mod engine;
mod host;
pub mod install;
mod kernel;
pub(crate) mod kolla;
mod network;
mod osism;
mod packages;
mod record;
mod site;
#[cfg(test)]
mod tests;

use self::site::Site;
use crate::{
    boxfile::{Engine, ProfileName, cloud::Backend},
    plan::Plan,
    step::Graph,
    tree::Tree,
};

/// Whether a profile has been taken all the way to what it promises by an engine, with its volumes kept there. Else it is
/// planned, checked and rendered, and `deploy` refuses it.
pub fn carry_through(profile: ProfileName, engine: Engine, volumes: Option<Backend>) -> bool {
    match engine {
        Engine::None => true,
        // No step makes the NFS export yet; with a volume group, no deployment has come to its end yet.
        Engine::Kolla => profile == ProfileName::Core && volumes == Some(Backend::Local),
        Engine::Osism => false,
    }
}

/// Everything that is done to the box, each step behind those it needs.
pub fn list(plan: &Plan, tree: &Tree) -> Graph {
    let site = Site::new(plan, tree);
    let steps = [
        // What `reset` goes back to.
        vec![record::before(&site)],
        // The archives are found by name.
        network::resolver(&site).into_iter().collect(),
        packages::bundle(&site).into_iter().collect(),
        vec![packages::sources(&site), packages::base(&site)],
        vec![clock::zone(&site), clock::clock(&site)],
        vec![host::names(&site), host::limits(&site), host::journal(&site), host::trust(&site)],
        host::locale(&site),
        vec![kernel::kernel(&site)],
        // Each of these may shut the operator out, so each is taken back unless a new login confirms it.
        vec![access::operator(&site), access::sudo(&site), access::server(&site)],
        vec![network::internal(&site)],
        network::uplink(&site).into_iter().chain(network::provider(&site)).collect(),
        vec![network::firewall(&site)],
        network::wireguard(&site).into_iter().collect(),
        vec![engine::engine(&site), packages::updates(&site)],
        vec![configuration::configuration(&site)],
        kolla::plays(&site),
        osism::manager(&site),
    ];
    Graph { steps: steps.into_iter().flatten().collect() }
}
