//! The operating system: release, service manager, free space, kernel.

use super::{
    Applies, Case, Check,
    verdict::{Verdict, at_least},
};
use crate::{
    facts::machine::Container,
    plan::{cloud, host, seen::file_system},
    profile::Want,
};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "os.release", applies: Applies::Always, judge: release },
    Check { id: "os.systemd", applies: Applies::Always, judge: systemd },
    Check { id: "os.units-failed", applies: Applies::Always, judge: units_failed },
    Check { id: "os.space", applies: Applies::First, judge: space },
    Check { id: "os.kernel-module", applies: Applies::Always, judge: modules },
];

fn release(case: &Case<'_>) -> Vec<Verdict> {
    let os = &case.facts.observed.os;
    let (Some(id), Some(version)) = (&os.id, &os.version) else {
        // Nothing can be chosen without it, so this is more than not known.
        let reason = case.facts.why_unknown("observed.os.id").unwrap_or("the box does not tell");
        return vec![Verdict::fail(format!("the release is unknown: {reason}"))];
    };
    let engine = cloud::chosen(case.wanted, case.bound);
    let systems = host::systems(case.profile, engine);
    let titles: Vec<&str> = systems.iter().map(|os| os.title.as_str()).collect();
    let measured = os.name.clone().unwrap_or_else(|| format!("{id} {version}"));
    let who = engine
        .map_or("the profile".to_owned(), |release| format!("engine {} {}", release.engine, release.name));
    let verdict = match systems.iter().any(|os| os.id == *id && os.version == *version) {
        true => Verdict::pass(format!("{who} is made for it")),
        false => Verdict::fail(format!("{who} is not made for it")),
    };
    vec![verdict.measured(measured).needs(titles.join(" or "))]
}

fn systemd(case: &Case<'_>) -> Vec<Verdict> {
    let Some(systemd) = &case.facts.observed.systemd else {
        return vec![Verdict::unknown(case.facts, "observed.systemd")];
    };
    let version = systemd.version.map_or("systemd".to_owned(), |v| format!("systemd {v}"));
    let verdict = match systemd.running {
        true => Verdict::pass("it runs the box"),
        false => Verdict::fail("it does not run the box"),
    };
    vec![verdict.measured(version)]
}

fn units_failed(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match &case.facts.observed.systemd {
        Some(systemd) if systemd.running => match systemd.state.as_deref() {
            Some(state @ ("degraded" | "maintenance")) => Verdict::warn("a unit has failed").measured(state),
            Some(state) => Verdict::pass("none").measured(state),
            None => Verdict::unknown(case.facts, "observed.systemd.state"),
        },
        Some(_) | None => Verdict::skipped("systemd does not run the box"),
    };
    vec![verdict]
}

fn space(case: &Case<'_>) -> Vec<Verdict> {
    let judge = |(folder, need): (&String, _)| match file_system(case.facts, folder).map(|fs| fs.available) {
        Some(Some(free)) => at_least(free, need, |n| n.human()).about(folder),
        Some(None) | None => Verdict::unknown(case.facts, "observed.mounts").about(folder),
    };
    case.profile.needs.space.iter().map(judge).collect()
}

fn modules(case: &Case<'_>) -> Vec<Verdict> {
    let wanted = &case.profile.needs.modules;
    let Some(there) = &case.facts.observed.kernel.modules else {
        return vec![Verdict::unknown(case.facts, "observed.kernel.modules")];
    };
    let inside = !matches!(case.facts.observed.container, None | Some(Container::None));
    let lacking: Vec<Verdict> = wanted
        .iter()
        .filter(|module| !there.iter().any(|t| t.name == module.name))
        .map(|module| {
            if case.facts.observed.kernel.untold.contains(&module.name) {
                return Verdict::unknown(case.facts, "observed.kernel.modules").about(&module.name);
            }
            let load = "In a container the kernel is the host's: load it there.";
            let left_out = format!("left out, and with it: {}", module.needed_for);
            match module.want {
                Want::Required if inside => {
                    // It may be there to be loaded, where the container cannot see it.
                    Verdict::warn(format!("not seen, and needed for {}", module.needed_for)).hint(load)
                }
                Want::Required => Verdict::fail(format!("needed for {}", module.needed_for)),
                Want::Optional if inside => Verdict::warn(left_out).hint(load),
                Want::Optional => Verdict::warn(left_out),
            }
            .about(&module.name)
            .measured("absent")
        })
        .collect();
    if lacking.is_empty() {
        let release = case.facts.observed.kernel.release.clone();
        let verdict = Verdict::pass(format!("the kernel has all {}", wanted.len()));
        return vec![match release {
            Some(release) => verdict.measured(release),
            None => verdict,
        }];
    }
    lacking
}
