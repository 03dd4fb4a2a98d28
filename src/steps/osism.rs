//! OSISM's manager: what it is set up with, and what it is asked for. The steps stand in `profiles/osism.yaml`.

use super::{
    draft::{Draft, act, ensure},
    site::Site,
};
use crate::{
    boxfile::Engine,
    plan::Cloud,
    profile::{self, Act, Below, Stage},
    step::{Action, Probe, Resource, Step, Want},
    tree::Tree,
};

/// Ansible for the plays that run on the box itself, and nothing else.
pub(super) const VENV: &str = "/opt/ciab/osism";
/// Between two looks at the manager's containers.
const LOOK: u32 = 5;

/// Everything that the manager has to do, for a cloud of this engine.
pub(super) fn manager(site: &Site<'_>) -> Vec<Step> {
    let Some(cloud) = &site.plan.cloud else { return Vec::new() };
    if site.plan.engine != Engine::Osism {
        return Vec::new();
    }
    let stages: Vec<&Stage> = profile::osism().iter().filter(|stage| wanted(stage, cloud)).collect();
    let there = |name: &str| !name.starts_with("osism-") || stages.iter().any(|stage| stage.id == name);
    let step = |stage: &&Stage| {
        let needs = stage.needs.iter().filter(|name| there(name));
        step(stage, site, cloud).needing(needs.map(String::as_str)).done()
    };
    stages.iter().map(step).collect()
}

fn wanted(stage: &Stage, cloud: &Cloud) -> bool {
    let below = cloud.storage.ceph.as_ref().map(|ceph| match ceph.devices.is_empty() {
        true => Below::Group,
        false => Below::Disks,
    });
    stage.service.as_ref().is_none_or(|service| cloud.has(service.as_str()))
        && stage.storage.is_none_or(|storage| below == Some(storage))
}

fn step(stage: &Stage, site: &Site<'_>, cloud: &Cloud) -> Draft {
    let fill =
        |words: &[String]| -> Vec<String> { words.iter().map(|word| filled(word, site, cloud)).collect() };
    let words = |head: &[&str], rest: &[String]| -> Vec<String> {
        head.iter().map(ToString::to_string).chain(fill(rest)).collect()
    };
    let holds = match stage.holds.is_empty() {
        true => Probe::Action,
        false => Probe::Command { argv: fill(&stage.holds) },
    };
    let run = site.plan.config.root.clone() + "/environments/manager/run.sh";
    let (argv, probe) = match &stage.act {
        Act::Command(argv) => (fill(argv), holds),
        Act::Play(play) => (vec![run, play.clone()], holds),
        Act::Client(rest) => (words(&["docker", "exec", "osismclient", "osism"], rest), holds),
        Act::Apply(rest) => {
            let rest = fill(rest);
            let role = role(&rest);
            let ask = words(&["%helper", "agent", "osism-applied", "--role", &role], &[]);
            let apply = ["%helper", "agent", "osism-apply", "--step", &stage.id, "--role", &role, "--"];
            (words(&apply, &rest), Probe::Command { argv: ask })
        }
        Act::Packages(names) => {
            let wants = vec![Want::Packages { names: names.clone() }];
            return ensure(&stage.id, &stage.title, wants)
                .limit(stage.limit.soft, stage.limit.hard)
                .holds([Resource::Apt]);
        }
        Act::Healthy(containers) => {
            let argv = words(&["%helper", "agent", "healthy"], containers);
            let limit = stage.limit;
            let wait = act(&stage.id, &stage.title, Action::Wait { every: LOOK });
            return wait.probe(Probe::Command { argv }).limit(limit.soft, limit.hard);
        }
    };
    let mut env = site.proxy();
    if let Some(environment) = &stage.environment {
        // No program asks for it: it is what makes the step another one when its files have changed.
        env.insert("CIAB_INPUTS".to_owned(), inputs(site, environment, stage));
    }
    let draft = act(&stage.id, &stage.title, Action::Job { argv, env });
    let draft = draft.probe(probe).limit(stage.limit.soft, stage.limit.hard).retried();
    match &stage.act {
        Act::Play(_) => draft.holds([Resource::Docker]),
        _ => draft,
    }
}

/// A word with what is filled in: where things are, and versions of the release.
fn filled(word: &str, site: &Site<'_>, cloud: &Cloud) -> String {
    let key_value = serde_json::to_value(cloud.release.key_value).ok();
    let word = match (word, key_value.as_ref().and_then(|value| value.as_str())) {
        ("key-value", Some(name)) => name,
        (word, _) => word,
    };
    let mut word = word.replace("%venv", VENV).replace("%root", &site.plan.config.root);
    // The longest name first: one is the beginning of another.
    for (name, version) in cloud.release.python.iter().rev() {
        word = word.replace(&format!("%python-{name}"), version);
    }
    word
}

/// The role as its worker knows it, osism/python-osism 0.20260808.0, `_prepare_task`.
fn role(words: &[String]) -> String {
    let role = words.last().map_or("", String::as_str);
    let short = role.strip_prefix("ceph-").or(role.strip_prefix("kolla-"));
    short.unwrap_or(role).to_owned()
}

/// A digest of the files that a step reads: those of every environment, its own, and of the overlays those of all
/// services and of its own. A secret file is left out: its digest would stand where everybody reads it.
fn inputs(site: &Site<'_>, environment: &str, stage: &Stage) -> String {
    let root = format!("{}/", site.plan.config.root);
    let service = stage.service.as_ref().map_or("", |service| service.as_str());
    let reads = |path: &str| {
        let Some(inside) = path.strip_prefix(&root) else { return false };
        let overlay = inside.strip_prefix("environments/kolla/files/overlays/");
        let own = |rest: &str| !rest.contains('/') || rest.starts_with(&format!("{service}/"));
        let above = inside.strip_prefix("environments/").is_some_and(|rest| !rest.contains('/'));
        inside.starts_with("inventory/")
            || above
            || inside.starts_with(&format!("environments/{environment}/")) && overlay.is_none_or(own)
    };
    let files = site.tree.0.iter().filter(|(path, entry)| !entry.secret && reads(path));
    Tree(files.map(|(path, entry)| (path.clone(), entry.clone())).collect()).digest()
}
