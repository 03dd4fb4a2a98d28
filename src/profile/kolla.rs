//! `profiles/kolla.yaml`: what kolla-ansible is asked to do, step by step, and how the services are asked afterwards.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{question::Question, sequence::Seconds};
use crate::boxfile::{cloud::Backend, document, names::ServiceName};

const FILE: &str = "profiles/kolla.yaml";

/// One step of the sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// The step's name.
    pub id: String,
    /// For people.
    pub title: String,
    #[serde(rename = "do")]
    pub act: Do,
    /// The step is there where this service is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The step is there where volumes are kept so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// The step is there where the box reaches no network, or where it does; left out, in both cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<bool>,
    /// A command that exits with 0 where the step is done already, and with 1 where it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<String>,
    /// What is asked when the step has acted, and whenever somebody wants to know whether it still holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Question>,
    /// Seconds in which the answers may become right after the play has ended.
    #[serde(default)]
    pub within: u32,
    /// Steps that come first; those that are not there are left out.
    #[serde(default)]
    pub needs: Vec<String>,
    pub limit: Seconds,
    /// What an attempt leaves that was cut off, and kolla-ansible takes for whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<Mend>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Do {
    /// Installs packages of the distribution.
    Packages(Vec<String>),
    /// Executes argv on the box; `%venv`, `%root`, `%bundle` and `%python-NAME` are filled in.
    Command(Vec<String>),
    /// Installs these packages of the release into the environment, in the release's versions.
    Python(Vec<String>),
    /// Serves the images of the bundle on loopback.
    Registry,
    /// Lays the files of this step.
    Files,
    /// Makes something of the plan in the cloud, where it is missing there.
    Cloud(Content),
    /// Installs these packages, and makes the group of volumes on the disk that the plan has for them.
    VolumeGroup(Vec<String>),
    /// `kolla-ansible deploy --tags` with these.
    Deploy(Vec<String>),
}

/// Taken away before the next attempt of a step that was never done; what was there before its first one stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mend {
    /// Containers of the container engine, by name.
    pub containers: Vec<String>,
    /// Its volumes, with all that is in them.
    pub volumes: Vec<String>,
}

/// What a cloud has from its first day, beside its services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Networks that lead out.
    Networks,
    /// The flavors of the standards.
    Flavors,
    /// Types of volumes.
    Volumes,
}

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sequence {
    steps: Vec<Play>,
}

/// Every step of kolla-ansible, each behind those it needs.
pub fn kolla() -> &'static [Play] {
    static STEPS: OnceLock<Sequence> = OnceLock::new();
    &STEPS.get_or_init(|| document::embedded(FILE)).steps
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{boxfile::Engine, profile::cloud_services};

    #[test]
    fn every_service_of_the_engine_has_its_step_and_no_other_is_named() {
        let named: Vec<&ServiceName> = kolla().iter().filter_map(|play| play.service.as_ref()).collect();
        for service in cloud_services() {
            let installed = service.engines.contains(&Engine::Kolla);
            assert_eq!(named.contains(&&service.name), installed, "{}", service.name);
        }
    }

    #[test]
    fn whatever_is_deployed_is_asked_more_than_whether_its_containers_run() {
        for play in kolla().iter().filter(|play| matches!(play.act, Do::Deploy(_))) {
            let more = play.asks.iter().any(|ask| !matches!(ask, Question::Containers(_)));
            assert!(more, "{}", play.id);
            assert!(play.within > 0, "{}", play.id);
        }
    }

    /// Everything that has to be done before a step.
    fn before(id: &str) -> BTreeSet<&'static str> {
        let play = kolla().iter().find(|play| play.id == id);
        let needs = play.into_iter().flat_map(|play| &play.needs);
        needs.flat_map(|need| before(need).into_iter().chain([need.as_str()])).collect()
    }

    #[test]
    fn a_service_waits_for_those_that_it_needs() {
        for service in cloud_services() {
            let id = format!("kolla-{}", service.name);
            for need in service.needs.iter().filter(|_| kolla().iter().any(|play| play.id == id)) {
                assert!(
                    before(&id).contains(format!("kolla-{need}").as_str()),
                    "{id} does not wait for {need}"
                );
            }
        }
    }

    #[test]
    fn what_a_step_needs_comes_before_it_and_a_soft_limit_before_the_hard_one() {
        for (at, play) in kolla().iter().enumerate() {
            for need in play.needs.iter().filter(|need| need.starts_with("kolla-")) {
                assert!(kolla()[..at].iter().any(|other| other.id == *need), "{}: {need}", play.id);
            }
            assert!(play.limit.soft < play.limit.hard, "{}", play.id);
        }
    }
}
