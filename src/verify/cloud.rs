//! The cloud: what its services answer, and what it does when it is used.
//!
//! What the services are asked stands in `profiles/kolla.yaml`, with the steps that set them up; what is done in the cloud
//! is done by `templates/usr/local/lib/ciab/cloud.py.j2` on the box, as its administrator.

use super::{Proof, proof};
use crate::{
    boxfile::Engine,
    plan::{Cloud, Plan},
    profile::{self, Play, Question},
    step::Probe,
    steps::kolla,
};

/// Services answer a while after a restart of the box: 42 to 60 s measured, 106 s for what counts as up.
const AFTER_RESTART: u32 = 180;
/// What answers on a port and stands in no catalog.
const NOT_IN_CATALOG: [&str; 9] = [
    "mariadb",
    "memcached",
    "rabbitmq",
    "key-value",
    "ovn-northbound",
    "ovn-southbound",
    "compute-metadata",
    "novnc",
    "horizon",
];

pub(super) fn proofs(plan: &Plan) -> Vec<Proof> {
    let Some(cloud) = plan.cloud.as_ref().filter(|_| plan.engine == Engine::Kolla) else { return Vec::new() };
    let on = |play: &&Play| play.service.as_ref().is_some_and(|service| cloud.has(service.as_str()));
    let mut all: Vec<Proof> = profile::kolla().iter().filter(on).map(|play| answers(play, plan)).collect();
    all.push(used("catalog", "Every API stands in the catalog, with TLS", "all there", &catalog(cloud)));
    all.push(used(
        "quotas",
        "The limits of a project can be read",
        "limits of servers and networks",
        &["quotas"],
    ));
    all.push(used("image", "An image is uploaded, read back and removed", "the same bytes", &["image"]));
    if let Some((offline, network)) = plan.offline.as_ref().zip(plan.network.provider.keys().next()) {
        let guest = format!("{}/guests", offline.folder);
        all.push(used(
            "server",
            "A server boots, shows its address and metadata, answers on a floating address until its security group closes",
            "console, HTTP, and silence",
            &["server", &guest, network.as_str()],
        ));
    }
    all
}

/// What the service of a step is asked.
fn answers(play: &Play, plan: &Plan) -> Proof {
    let id = play.id.replacen("kolla-", "cloud-", 1);
    let questions: Vec<_> = play.asks.iter().map(|ask| ask.filled(|word| kolla::fill(word, plan))).collect();
    let expected: Vec<String> = questions.iter().map(Question::subject).collect();
    let asked = proof(&id, &play.title, expected.join(", "), Probe::Asks { questions, within: 0 });
    Proof { within: AFTER_RESTART, ..asked }
}

fn used(id: &str, what: &str, expected: &str, words: &[&str]) -> Proof {
    proof(&format!("cloud-{id}"), what, expected, Probe::Command { argv: kolla::cloud(words) })
}

fn catalog(cloud: &Cloud) -> Vec<&'static str> {
    let kinds = cloud.catalogue().flat_map(|service| service.endpoints.iter().map(|end| end.kind.as_str()));
    ["catalog"].into_iter().chain(kinds.filter(|kind| !NOT_IN_CATALOG.contains(kind))).collect()
}
