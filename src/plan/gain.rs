//! What switching a service off gives back.

use serde::{Deserialize, Serialize};

use super::Cloud;
use crate::{
    boxfile::names::ServiceName,
    profile::{CloudService, sizing_rules},
    units::Bytes,
};

/// Services that may be switched off together, and what that gives back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// The one that is meant, and those that do not work without it.
    pub services: Vec<ServiceName>,
    pub memory: Bytes,
    /// Of the file system with the images of containers.
    pub disk: Bytes,
}

/// One for each service that is on and that a cloud does without, the most memory first.
pub(super) fn gains(cloud: &Cloud) -> Vec<Gain> {
    let on: Vec<&CloudService> = cloud.catalogue().collect();
    let mut gains: Vec<Gain> = on
        .iter()
        .filter_map(|service| {
            let with = leaning_on(service, &on);
            let may = with.iter().all(|service| !service.required && !service.implied);
            may.then(|| Gain {
                services: with.iter().map(|service| service.name.clone()).collect(),
                memory: Bytes(with.iter().map(|service| memory(service, cloud)).sum()),
                disk: Bytes(with.iter().map(|service| service.disk.0).sum()),
            })
        })
        .collect();
    gains.sort_by(|a, b| b.memory.cmp(&a.memory).then_with(|| a.services.cmp(&b.services)));
    gains
}

/// A service and those that are on and need it, directly or through others.
fn leaning_on<'a>(service: &'a CloudService, on: &[&'a CloudService]) -> Vec<&'a CloudService> {
    let mut with = vec![service];
    // Each stands behind those it needs, so one walk finds all.
    for other in on {
        let needs = other.needs.iter().any(|need| with.iter().any(|service| service.name == *need));
        if needs && !with.iter().any(|service| service.name == other.name) {
            with.push(other);
        }
    }
    with
}

/// What a service takes at the sizes that were decided.
fn memory(service: &CloudService, cloud: &Cloud) -> u64 {
    let rules = sizing_rules();
    let sizing = &cloud.sizing;
    let more = u64::from(sizing.workers.saturating_sub(1));
    let workers = rules.workers.memory.get(&service.name).map_or(0, |each| each.0 * more);
    let heap = match sizing.search_heap {
        Some(heap) if service.name.as_str() == "opensearch" => {
            2 * heap.0.saturating_sub(rules.memory.search_heap.least.0)
        }
        _ => 0,
    };
    service.memory.0 + workers + heap
}

/// In words: `opensearch (2.5 GiB)`, `gnocchi with ceilometer (760 MiB)`.
pub(super) fn in_words(gain: &Gain) -> String {
    let names: Vec<String> = gain.services.iter().map(ToString::to_string).collect();
    let names = match names.split_first() {
        Some((first, [])) => first.clone(),
        Some((first, rest)) => format!("{first} with {}", rest.join(", ")),
        None => String::new(),
    };
    format!("{names} ({})", gain.memory.human())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boxfile::{BoxFile, ProfileName},
        plan::{Plan, sample},
        profile::Profile,
    };

    #[test]
    fn what_needs_a_service_goes_with_it_and_what_a_cloud_needs_stays() {
        let text = r#"{"apiVersion": "ciab/v1", "kind": "Box", "profile": "edge", "engine": "kolla"}"#;
        let wanted: BoxFile = serde_json::from_str(text).unwrap();
        let profile = Profile::load(ProfileName::Edge).unwrap();
        let gains = Plan::make(&sample::server(), &wanted, &profile, None).unwrap().fit.gains;
        let words: Vec<String> = gains.iter().map(in_words).collect();
        assert!(words[0].starts_with("key-value with designate ("), "{words:?}");
        assert!(words.iter().any(|gain| gain.starts_with("cinder (")), "{words:?}");
        for needed in ["keystone", "mariadb", "ovn", "nova"] {
            assert!(!words.iter().any(|gain| gain.contains(needed)), "{needed}: {words:?}");
        }
        assert!(gains.is_sorted_by(|a, b| a.memory >= b.memory));
    }
}
