//! The cloud: what its services answer, and what it does when it is used.
//!
//! What the services are asked stands in `profiles/kolla.yaml`, with the steps that set them up; what is done in the cloud
//! is done by `templates/usr/local/lib/ciab/cloud/` on the box, as its administrator.

use super::{Proof, proof};
use crate::{
    boxfile::Engine,
    plan::{Cloud, Plan},
    profile::{self, Content, Play, Question},
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
    let asked = profile::kolla().iter().filter(|play| !play.asks.is_empty());
    let mut all: Vec<Proof> = asked.filter(on).map(|play| answers(play, plan)).collect();
    all.push(used("catalog", "Every API stands in the catalog, with TLS", "all there", &catalog(cloud)));
    all.push(used(
        "quotas",
        "The limits of a project can be read",
        "limits of servers and networks",
        &["quotas"],
    ));
    all.push(used("image", "An image is uploaded, read back and removed", "the same bytes", &["image"]));
    all.push(used(
        "group",
        "A new project lets nobody in, and its own out (scs-0115)",
        "rules of the default security group",
        &["group"],
    ));
    let flavors = profile::flavors().mandatory.len();
    all.push(there(
        "flavors",
        "The flavors that every SCS cloud has are there (scs-0103)",
        &format!("{flavors} of {flavors}"),
        Content::Flavors,
        plan,
    ));
    if !cloud.volume_types.is_empty() {
        let names: Vec<&str> = cloud.volume_types.iter().map(|kind| kind.name.as_str()).collect();
        let what = "The types of volumes are there, with what they promise (scs-0114)";
        all.push(there("volume-types", what, &names.join(", "), Content::Volumes, plan));
    }
    if let Some((offline, network)) = plan.offline.as_ref().zip(plan.network.provider.keys().next()) {
        let guest = format!("{}/guests", offline.folder);
        all.push(used(
            "server",
            "A server boots, shows its address, metadata and entropy, answers on a floating address until its group closes",
            "console, HTTP, and silence",
            &["server", &guest, network.as_str()],
        ));
        if cloud.has("cinder") {
            all.push(used(
                "volume",
                "A server writes to a volume, and finds that again when it is given to it anew",
                "what the server wrote",
                &["volume", &guest, network.as_str()],
            ));
        }
        if cloud.has("octavia") {
            all.push(used(
                "balancer",
                "A load balancer shows who asks; a dead member is heard without a monitor, and left out with one",
                "the client's address, and no lost connection",
                &["balancer", &guest, network.as_str()],
            ));
        }
    }
    all
}

/// What the service of a step is asked.
fn answers(play: &Play, plan: &Plan) -> Proof {
    let id = play.id.replacen("kolla-", "cloud-", 1);
    let settled = |ask: Question| match ask {
        Question::Containers(names) => Question::Healthy(names),
        ask => ask,
    };
    let questions: Vec<_> =
        play.asks.iter().map(|ask| settled(ask.filled(|word| kolla::fill(word, plan)))).collect();
    let expected: Vec<String> = questions.iter().map(Question::subject).collect();
    let asked = proof(&id, &play.title, expected.join(", "), Probe::Asks { questions, within: 0 });
    Proof { within: AFTER_RESTART, ..asked }
}

/// What the plan wants in the cloud stands there.
fn there(id: &str, what: &str, expected: &str, content: Content, plan: &Plan) -> Proof {
    asked(id, what, expected, kolla::compared(content, plan))
}

fn used(id: &str, what: &str, expected: &str, words: &[&str]) -> Proof {
    asked(id, what, expected, kolla::cloud(words))
}

fn asked(id: &str, what: &str, expected: &str, argv: Vec<String>) -> Proof {
    let asked = proof(&format!("cloud-{id}"), what, expected, Probe::Command { argv });
    Proof { within: AFTER_RESTART, ..asked }
}

fn catalog(cloud: &Cloud) -> Vec<&'static str> {
    let kinds = cloud.catalogue().flat_map(|service| service.endpoints.iter().map(|end| end.kind.as_str()));
    ["catalog"].into_iter().chain(kinds.filter(|kind| !NOT_IN_CATALOG.contains(kind))).collect()
}
