//! Kernel modules and parameters.

use super::{draft::ensure, site::Site};
use crate::{
    plan::ModuleState,
    render,
    step::{Step, Want},
};

pub(super) fn kernel(site: &Site<'_>) -> Step {
    // The files make it last, the wants make it so now; modules first, for they bring parameters.
    let mut wants = site.files("kernel");
    let load = site.plan.kernel.modules.iter().filter(|module| module.state == ModuleState::Load);
    wants.extend(load.map(|module| Want::Module { name: module.name.clone() }));
    wants.extend(
        render::settable(site.plan)
            .map(|sysctl| Want::Sysctl { key: sysctl.key.to_string(), value: sysctl.value.to_string() }),
    );
    ensure("kernel", "Load kernel modules and set kernel parameters", wants).needs(["packages"]).done()
}
