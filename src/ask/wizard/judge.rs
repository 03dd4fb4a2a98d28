//! What the checks of the box file, and of the box, have against an answer.

use super::Draft;
use crate::{
    boxfile::{
        fault::{Colour, Fault, Findings},
        layers::Layers,
        place::Layer,
        wanted::Wanted,
    },
    facts::Facts,
    failure::Failure,
    plan::{
        Plan,
        check::{self, Case, Finding, Status},
    },
    profile::Profile,
};

/// The draft as a box file, without the environment and flags of this very process: the file shall be good alone.
pub(super) fn wanted(draft: &Draft) -> Result<Result<Wanted, Findings>, Failure> {
    let mut layers = Layers::new();
    layers.document(Layer::File, "box.yaml", draft.text()?.as_bytes());
    Ok(layers.wanted())
}

/// What is wrong with the value of a key, and what helps. That other keys are missing yet is no fault of this one,
/// and what a check of the box says counts from this status on.
pub(super) fn faults(
    draft: &Draft,
    key: &str,
    facts: Option<&Facts>,
    from: Status,
) -> Result<Vec<String>, Failure> {
    let below = format!("{key}.");
    let about = |name: &str| name == key || name.starts_with(&below);
    let mut faults: Vec<String> = match wanted(draft)? {
        Err(findings) => {
            let own = findings.list().iter().filter(|finding| {
                finding.fault != Fault::MissingKey && finding.key.as_deref().is_some_and(about)
            });
            own.map(|finding| said(&finding.message, finding.hint.as_deref())).collect()
        }
        Ok(wanted) => {
            let findings = facts.map(|facts| judged(&wanted, facts)).transpose()?.unwrap_or_default();
            let own = findings
                .into_iter()
                .filter(|finding| finding.status >= from && finding.subject.as_deref().is_some_and(about));
            own.map(|finding| said(&finding.message, finding.hint.as_deref())).collect()
        }
    };
    // One answer may stand under two keys.
    faults.dedup();
    Ok(faults)
}

/// Everything that is wrong with the whole draft, as `ciab validate` says it.
pub(super) fn whole(draft: &Draft) -> Result<Option<String>, Failure> {
    Ok(wanted(draft)?.err().map(|findings| findings.text(Colour::Plain)))
}

/// What `ciab check` would say against the box without trying anything on it.
pub(super) fn judged(wanted: &Wanted, facts: &Facts) -> Result<Vec<Finding>, Failure> {
    let profile = Profile::load(wanted.boxfile.profile)?;
    let plan = Plan::make(facts, &wanted.boxfile, &profile, None);
    let case = Case {
        facts,
        measured: None,
        wanted: &wanted.boxfile,
        profile: &profile,
        plan: plan.as_ref().map_err(Vec::as_slice),
        bound: None,
    };
    Ok(check::judge(&case, &[]).into_iter().filter(|finding| finding.status >= Status::Warn).collect())
}

/// A sentence or two.
fn said(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("That does not do: {message}. {}", sentence(hint)),
        None => format!("That does not do: {message}."),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
