//! Main memory.

use super::{
    Applies, Case, Check,
    verdict::{Verdict, at_least},
};
use crate::{facts::machine::Hypervisor, plan::gain::in_words};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "memory.size", applies: Applies::Always, judge: size },
    Check { id: "memory.ecc", applies: Applies::Always, judge: ecc },
];

fn size(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match case.facts.identity.memory.size {
        Some(size) => {
            let verdict = at_least(size, &case.profile.needs.memory, |n| n.human());
            fits(case).unwrap_or(verdict)
        }
        None => Verdict::unknown(case.facts, "identity.memory.size"),
    };
    vec![verdict]
}

/// Judges by what was planned, where the profile's numbers let a box pass on which the chosen services do not fit.
fn fits(case: &Case<'_>) -> Option<Verdict> {
    let plan = case.plan.ok().filter(|plan| plan.cloud.is_some())?;
    let memory = plan.fit.memory.as_ref()?;
    let needs = &case.profile.needs.memory;
    if memory.has < needs.minimum {
        return None;
    }
    let verdict = if memory.left.0 == 0 {
        Verdict::fail("the services that are on do not fit").needs(memory.taken.human())
    } else if plan.fit.flavors.iter().all(|flavor| flavor.times == 0) {
        Verdict::warn("the services fit, and no server of a mandatory SCS flavor beside them")
    } else {
        return None;
    };
    let gains: Vec<String> = plan.fit.gains.iter().take(3).map(in_words).collect();
    let verdict = verdict.measured(memory.has.human());
    Some(match gains.is_empty() {
        true => verdict,
        false => verdict.hint(format!("Give it more memory, or switch off {}.", gains.join(", "))),
    })
}

fn ecc(case: &Case<'_>) -> Vec<Verdict> {
    let bare = matches!(case.facts.identity.hypervisor, None | Some(Hypervisor::None));
    let verdict = match case.facts.identity.memory.ecc {
        Some(true) => Verdict::pass("errors are corrected").measured("ECC"),
        _ if !bare => Verdict::skipped("a virtual machine does not see its host's memory"),
        Some(false) => Verdict::warn("errors go unnoticed").measured("no ECC"),
        None => Verdict::unknown(case.facts, "identity.memory.ecc"),
    };
    vec![verdict]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boxfile::{BoxFile, ProfileName},
        plan::{Plan, check::Status, sample},
        profile::Profile,
        units::Bytes,
    };

    fn judged(memory: Bytes) -> Verdict {
        let text = r#"{"apiVersion": "ciab/v1", "kind": "Box", "profile": "core", "engine": "kolla"}"#;
        let wanted: BoxFile = serde_json::from_str(text).unwrap();
        let mut profile = Profile::load(ProfileName::Core).unwrap();
        profile.needs.memory.minimum = Bytes::gib(1);
        let mut facts = sample::server();
        facts.identity.memory.size = Some(memory);
        let plan = Plan::make(&facts, &wanted, &profile, None).unwrap();
        let case = Case {
            facts: &facts,
            measured: None,
            wanted: &wanted,
            profile: &profile,
            plan: Ok(&plan),
            bound: None,
        };
        size(&case).remove(0)
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_to_switch_off() {
        let little = judged(Bytes::gib(4));
        assert_eq!(little.status, Status::Fail);
        assert!(little.hint.is_some_and(|hint| hint.contains("switch off cinder (")));
        let tight = judged(Bytes::mib(5300));
        assert_eq!((tight.status, tight.hint.is_some()), (Status::Warn, true), "{}", tight.message);
        assert_eq!(judged(Bytes::gib(64)).status, Status::Pass);
    }
}
