//! What the host is called, what it speaks, how much it may use and log, and whom it trusts.

use std::collections::BTreeMap;

use super::{
    draft::{act, argv, ensure},
    site::{Change, Site},
};
use crate::step::{Action, Probe, Resource, Step, Want};

/// The authority's certificate as `update-ca-certificates` finds it.
const AUTHORITY: &str = "ciab";

pub(super) fn names(site: &Site<'_>) -> Step {
    // The file first: a name that cannot be resolved makes every sudo wait.
    let mut wants = site.files("names");
    wants.push(Want::Hostname { name: site.plan.host.name.to_string() });
    ensure("names", "Set the host name and the names of other hosts", wants).needs(["before"]).done()
}

/// Guarded: a login whose limits cannot be set is refused.
pub(super) fn limits(site: &Site<'_>) -> Step {
    ensure("limits", "Set the limits of logins", site.files("limits"))
        .needs(["before"])
        .guarded(site.paths("limits"), Vec::new())
        .done()
}

pub(super) fn journal(site: &Site<'_>) -> Step {
    let mut wants = site.files("journal");
    wants.push(site.unit("systemd-journald.service", &["journal"], Change::Restart));
    ensure("journal", "Bound the journal by the size of the disk", wants).needs(["before"]).done()
}

pub(super) fn trust(site: &Site<'_>) -> Step {
    let pem = site.text("/usr/local/share/ca-certificates/ciab.crt").to_owned();
    let wants = vec![Want::Trusted { name: AUTHORITY.to_owned(), pem }];
    ensure("trust", "Trust the authority of this box", wants).needs(["packages"]).limit(60, 900).done()
}

/// A locale other than the C library's own has to be made.
pub(super) fn locale(site: &Site<'_>) -> Vec<Step> {
    let locale = site.plan.host.locale.as_str();
    let mut wants = Vec::new();
    let built_in = locale == "C.UTF-8";
    if !built_in {
        wants.push(Want::Packages { names: vec!["locales".to_owned()] });
    }
    wants.extend(site.files("locale"));
    let set = ensure("locale", "Set the locale", wants)
        .needs(["packages"])
        .holds([Resource::Apt])
        .limit(120, 1800)
        .retried()
        .done();
    if built_in {
        return vec![set];
    }
    let made = act(
        "locale-made",
        "Make the locale",
        Action::Job { argv: argv(["locale-gen"]), env: BTreeMap::new() },
    )
    // The archive names a locale as the C library spells its character set.
    .probe(Probe::Command {
        argv: argv(["grep", "-qaF", &locale.replace("UTF-8", "utf8"), "/usr/lib/locale/locale-archive"]),
    })
    .uses(["locale"])
    .limit(60, 600)
    .done();
    vec![set, made]
}
