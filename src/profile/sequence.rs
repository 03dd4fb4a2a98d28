//! `profiles/osism.yaml`: what OSISM's manager is asked to do, step by step.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{document, names::ServiceName};

const FILE: &str = "profiles/osism.yaml";

/// One step of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The step's name.
    pub id: String,
    /// For people.
    pub title: String,
    #[serde(rename = "do")]
    pub act: Act,
    /// What is read below `environments/`, or `inventory`; when it changes the step runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The step is there where this service is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The step is there with this below Ceph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Below>,
    /// A command that exits with 0 where the step is done already, and with 1 where it is not.
    #[serde(default)]
    pub holds: Vec<String>,
    /// Steps that come first; those that are not there are left out.
    #[serde(default)]
    pub needs: Vec<String>,
    pub limit: Seconds,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Act {
    /// Installs packages of the distribution.
    Packages(Vec<String>),
    /// Executes argv on the box; `%venv`, `%root` and `%python-NAME` are filled in.
    Command(Vec<String>),
    /// Runs a play of `environments/manager/run.sh` on the box.
    Play(String),
    /// Applies a role: the words of `osism apply`, the role being the last one.
    Apply(Vec<String>),
    /// Asks the manager for something that is no play: words of `osism`.
    Client(Vec<String>),
    /// Waits for containers.
    Healthy(Vec<String>),
}

/// What Ceph keeps its data in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Below {
    /// Whole disks.
    Disks,
    /// A volume group that was there before.
    Group,
}

/// How long a step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    pub soft: u32,
    pub hard: u32,
}

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sequence {
    steps: Vec<Stage>,
}

/// Every step of OSISM's manager, each behind those it needs.
pub fn osism() -> &'static [Stage] {
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
        let named: Vec<&ServiceName> = osism().iter().filter_map(|stage| stage.service.as_ref()).collect();
        for service in cloud_services() {
            let installed = service.engines.contains(&Engine::Osism);
            assert_eq!(named.contains(&&service.name), installed, "{}", service.name);
        }
    }

    /// Everything that has to be done before a step.
    fn before(id: &str) -> BTreeSet<&'static str> {
        let stage = osism().iter().find(|stage| stage.id == id);
        let needs = stage.into_iter().flat_map(|stage| &stage.needs);
        needs.flat_map(|need| before(need).into_iter().chain([need.as_str()])).collect()
    }

    #[test]
    fn a_service_waits_for_those_that_it_needs() {
        for service in cloud_services() {
            let id = format!("osism-{}", service.name);
            for need in service.needs.iter().filter(|_| osism().iter().any(|stage| stage.id == id)) {
                assert!(
                    before(&id).contains(format!("osism-{need}").as_str()),
                    "{id} does not wait for {need}"
                );
            }
        }
    }

    #[test]
    fn what_a_step_needs_comes_before_it() {
        for (at, stage) in osism().iter().enumerate() {
            for need in stage.needs.iter().filter(|need| need.starts_with("osism-")) {
                assert!(osism()[..at].iter().any(|other| other.id == *need), "{}: {need}", stage.id);
            }
        }
    }

    #[test]
    fn a_soft_limit_comes_before_the_hard_one() {
        for stage in osism() {
            assert!(stage.limit.soft < stage.limit.hard, "{}", stage.id);
        }
    }
}
