//! The configuration tree: what was decided, in a git repository on the box.

use super::{draft::act, site::Site};
use crate::{
    step::{Action, Resource, Step},
    tree::Tree,
};

pub(super) fn configuration(site: &Site<'_>) -> Step {
    let root = &site.plan.config.root;
    let below = format!("{root}/");
    let files = site.tree.0.iter().filter(|(path, _)| path.starts_with(&below));
    let tree = Tree(files.map(|(path, entry)| (path.clone(), entry.clone())).collect());
    let message = format!("Configure {}", site.plan.host.fqdn);
    act("configuration", "Write down the configuration", Action::Put { root: root.clone(), tree, message })
        .needs(["packages"])
        .holds([Resource::ConfigTree])
        .done()
}
