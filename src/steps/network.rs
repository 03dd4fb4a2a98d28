//! The internal network and the firewall.

use super::{
    draft::{argv, ensure},
    site::{Change, Site},
};
use crate::step::{Resource, Step, Want};

const FAMILY: &str = "inet";
const UNIT: &str = "ciab-nftables.service";
const RULES: &str = "/etc/ciab/nftables.conf";

pub(super) fn internal(site: &Site<'_>) -> Step {
    let internal = &site.plan.network.internal;
    let mut wants = site.files("internal-network");
    // Not restarted for a changed file: other interfaces may be its own. The address is told to it.
    wants.push(Want::Unit { name: "systemd-networkd.service".to_owned(), files: Vec::new(), reload: true });
    wants.push(Want::Address {
        interface: internal.interface.clone(),
        cidr: internal.interface_address().to_string(),
    });
    ensure("internal-network", "Set up the internal network", wants)
        .needs(["packages"])
        .holds([Resource::Network])
        .guarded(
            site.paths("internal-network"),
            vec![
                // Deleted first: a reload leaves an interface alone that is there already.
                argv(["networkctl", "delete", &internal.interface]),
                argv(["networkctl", "reload"]),
            ],
        )
        .done()
}

/// The unit loads the table at each boot; the want sees rules that somebody changed by hand.
pub(super) fn firewall(site: &Site<'_>) -> Step {
    let table = &site.plan.network.firewall.table;
    let mut wants = site.files("firewall");
    wants.push(site.unit(UNIT, &["firewall"], Change::Reload));
    wants.push(Want::NftTable {
        family: FAMILY.to_owned(),
        name: table.clone(),
        text: site.text(RULES).to_owned(),
    });
    ensure("firewall", "Raise the firewall", wants)
        .needs(["packages", "ssh-server", "internal-network"])
        .holds([Resource::Network])
        .guarded(
            site.paths("firewall"),
            vec![
                // Right whether or not there was a table before: the new one goes, and the unit brings the old one
                // back if there was one; else it does not exist, and its failure means nothing.
                argv(["nft", "delete", "table", FAMILY, table]),
                argv(["systemctl", "daemon-reload"]),
                argv(["systemctl", "restart", UNIT]),
            ],
        )
        .done()
}
