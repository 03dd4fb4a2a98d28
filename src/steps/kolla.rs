//! kolla-ansible in an environment of its own on the box, service by service. The steps stand in `profiles/kolla.yaml`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    draft::{Draft, act, ensure},
    site::{Change, Site},
};
use crate::{
    boxfile::Engine,
    plan::{Cloud, Plan, VOLUMES},
    profile::{self, Content, Do, Play},
    scs::Definition,
    step::{Action, Extent, Probe, Resource, Step, Want},
    tool,
    tree::Tree,
};

/// kolla-ansible and what it needs, and the client of OpenStack.
pub(crate) const VENV: &str = "/opt/ciab/kolla";
/// What ciab does in the cloud, and how it proves that the cloud works.
const CLOUD: &str = "/usr/local/lib/ciab/cloud";
/// Serves the images of the bundle.
const REGISTRY: &str = "ciab-registry.service";
/// What the distribution's package starts by itself, on the same port and with another folder.
const OTHER_REGISTRY: &str = "docker-registry.service";

/// Everything that kolla-ansible has to do, for a cloud of this engine.
pub(super) fn plays(site: &Site<'_>) -> Vec<Step> {
    let Some(cloud) = &site.plan.cloud else { return Vec::new() };
    if site.plan.engine != Engine::Kolla {
        return Vec::new();
    }
    let plays: Vec<&Play> = profile::kolla().iter().filter(|play| wanted(play, site, cloud)).collect();
    let there = |name: &str| match name {
        "provider" => !site.plan.network.physical.is_empty(),
        name => !name.starts_with("kolla-") || plays.iter().any(|play| play.id == name),
    };
    let step = |play: &&Play| {
        let needs = play.needs.iter().map(String::as_str).filter(|name| there(name));
        step(play, site, cloud).needing(needs).done()
    };
    plays.iter().map(step).collect()
}

fn wanted(play: &Play, site: &Site<'_>, cloud: &Cloud) -> bool {
    play.service.as_ref().is_none_or(|service| cloud.has(service.as_str()))
        && play.backend.is_none_or(|backend| backend == cloud.storage.backend)
        && play.offline.is_none_or(|offline| offline == site.plan.offline.is_some())
}

fn step(play: &Play, site: &Site<'_>, cloud: &Cloud) -> Draft {
    let fill = |words: &[String]| -> Vec<String> { words.iter().map(|word| filled(word, site)).collect() };
    let job = |argv, env| act(&play.id, &play.title, Action::Job { argv, env });
    let draft = match &play.act {
        Do::Packages(names) => {
            let wants = vec![Want::Packages { names: names.clone() }];
            ensure(&play.id, &play.title, wants).holds([Resource::Apt]).retried()
        }
        Do::VolumeGroup(packages) => {
            let wants = volume_group(packages, site.plan, cloud);
            ensure(&play.id, &play.title, wants).holds([Resource::Apt]).retried()
        }
        Do::Registry => ensure(&play.id, &play.title, registry(site)).holds([Resource::Apt]).retried(),
        Do::Files => ensure(&play.id, &play.title, site.files(&play.id)),
        Do::Command(argv) => job(fill(argv), BTreeMap::new()),
        Do::Python(names) => {
            let asked = Probe::Command { argv: installed(names, cloud) };
            job(install(names, site, cloud), site.proxy()).probe(asked).retried()
        }
        Do::Cloud(content) => {
            let asked = Probe::Command { argv: compared(*content, site.plan) };
            job(made(*content, site.plan), BTreeMap::new()).probe(asked)
        }
        Do::Deploy(tags) => job(deploy(tags, site, cloud), environment(play, site)),
    };
    let draft = draft.limit(play.limit.soft, play.limit.hard).mended(play.mend.clone());
    let questions = play.asks.iter().map(|ask| ask.filled(|word| filled(word, site))).collect::<Vec<_>>();
    match (play.holds.is_empty(), &play.act) {
        (false, _) => draft.probe(Probe::Command { argv: fill(&play.holds) }),
        (true, Do::Deploy(_)) => draft.probe(Probe::Asks { questions, within: play.within }),
        (true, _) => draft,
    }
}

/// A word with what is filled in: where things are, and who answers where.
pub(crate) fn fill(word: &str, plan: &Plan) -> String {
    let Some(cloud) = &plan.cloud else { return word.to_owned() };
    let bundle = plan.offline.as_ref().map_or("", |offline| offline.folder.as_str());
    word.replace("%venv", VENV)
        .replace("%root", &plan.config.root)
        .replace("%bundle", bundle)
        .replace("%api", &cloud.api.fqdn)
        .replace("%vip", &cloud.api.vip.to_string())
        .replace("%internal", &plan.network.internal.address.to_string())
}

fn filled(word: &str, site: &Site<'_>) -> String {
    fill(word, site.plan)
}

/// Our own words to the cloud, for the client in the environment.
pub(crate) fn cloud(words: &[&str]) -> Vec<String> {
    // Python would leave its own copy of each module beside it.
    let program = [format!("{VENV}/bin/python"), "-B".to_owned(), CLOUD.to_owned()];
    program.into_iter().chain(words.iter().map(|word| (*word).to_owned())).collect()
}

/// Makes this in the cloud, as the plan has it.
fn made(content: Content, plan: &Plan) -> Vec<String> {
    let (word, json) = wanted_there(content, plan);
    cloud(&[word, &json])
}

/// Asks whether it is there.
pub(crate) fn compared(content: Content, plan: &Plan) -> Vec<String> {
    let (word, json) = wanted_there(content, plan);
    cloud(&[word, "--check", &json])
}

fn wanted_there(content: Content, plan: &Plan) -> (&'static str, String) {
    // Addresses, names and numbers always have a JSON form.
    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap_or_default()
    }
    match content {
        Content::Networks => ("networks", json(&plan.network.provider)),
        Content::Flavors => {
            let all: Vec<Definition> = profile::flavors().mandatory.iter().map(Into::into).collect();
            ("flavors", json(&all))
        }
        Content::Volumes => ("volumes", json(&plan.cloud.as_ref().map(|cloud| &cloud.volume_types))),
    }
}

/// On the disk of its role; without one, a group that somebody else has made.
fn volume_group(packages: &[String], plan: &Plan, cloud: &Cloud) -> Vec<Want> {
    let mut wants = vec![Want::Packages { names: packages.to_vec() }];
    let disk = plan.disks.iter().find(|(role, _)| role.as_str() == VOLUMES).and_then(|(_, all)| all.first());
    let on = disk.map(|disk| Extent { disk: disk.name(), partition: None });
    wants.extend(cloud.storage.volume_group.clone().map(|name| Want::VolumeGroup { name, on }));
    wants
}

fn registry(site: &Site<'_>) -> Vec<Want> {
    let mut wants = vec![
        Want::Packages { names: vec!["docker-registry".to_owned()] },
        Want::NoUnit { name: OTHER_REGISTRY.to_owned() },
    ];
    wants.extend(site.files("kolla-registry"));
    wants.push(site.unit(REGISTRY, &["kolla-registry"], Change::Restart));
    wants
}

/// These packages of the release as pip writes them, with their versions.
fn pinned<'a>(names: &'a [String], cloud: &'a Cloud) -> impl Iterator<Item = (&'a str, &'a str)> {
    names.iter().filter_map(|name| Some((name.as_str(), cloud.release.python.get(name)?.as_str())))
}

fn install(names: &[String], site: &Site<'_>, cloud: &Cloud) -> Vec<String> {
    let mut argv = vec![format!("{VENV}/bin/pip"), "install".into(), "--quiet".into(), "--no-input".into()];
    if let Some(offline) = &site.plan.offline {
        argv.push(format!("--index-url=file://{}/python/simple/", offline.folder));
    }
    argv.extend(pinned(names, cloud).map(|(name, version)| format!("{name}=={version}")));
    argv
}

fn installed(names: &[String], cloud: &Cloud) -> Vec<String> {
    let wanted: Vec<String> =
        pinned(names, cloud).map(|(name, version)| format!("'{name}': '{version}'")).collect();
    // A package that is not there raises an error, which ends with 1 as well.
    let asks = format!(
        "import importlib.metadata as m, sys; sys.exit(any(m.version(n) != v for n, v in {{{}}}.items()))",
        wanted.join(", ")
    );
    vec![format!("{VENV}/bin/python"), "-c".to_owned(), asks]
}

fn deploy(tags: &[String], site: &Site<'_>, cloud: &Cloud) -> Vec<String> {
    let key_value = serde_json::to_value(cloud.release.key_value).ok();
    let tag = |tag: &String| match (tag.as_str(), key_value.as_ref().and_then(|value| value.as_str())) {
        ("key-value", Some(name)) => name.to_owned(),
        _ => tag.clone(),
    };
    let root = &site.plan.config.root;
    let tags = tags.iter().map(tag).collect::<Vec<_>>().join(",");
    [
        format!("{VENV}/bin/kolla-ansible"),
        "deploy".into(),
        format!("--inventory={root}/kolla/inventory/hosts.yml"),
        format!("--configdir={root}/kolla"),
        format!("--passwords={root}/kolla/passwords.yml"),
        format!("--tags={tags}"),
    ]
    .to_vec()
}

fn environment(play: &Play, site: &Site<'_>) -> BTreeMap<String, String> {
    let word = |name: &str, text: String| (name.to_owned(), text);
    BTreeMap::from([
        // kolla-ansible finds ansible-playbook by its name.
        word("PATH", format!("{VENV}/bin:{}", tool::PATH)),
        word("ANSIBLE_COLLECTIONS_PATH", format!("{VENV}/collections")),
        // One process a task, and no copy of each module in a file. With mitogen (0.3.39) it would be one for all tasks; but
        // `kolla_container` imports its worker inside a function, which mitogen does not see and does not send.
        word("ANSIBLE_PIPELINING", "True".to_owned()),
        word("ANSIBLE_NOCOLOR", "True".to_owned()),
        // The output is kept and shown here; whoever runs Ansible by hand on this box has a file of their own.
        word("ANSIBLE_LOCALHOST_WARNING", "False".to_owned()),
        // No program asks for it: it is what makes the step another one when its files have changed.
        word("CIAB_INPUTS", inputs(play, site)),
    ])
}

/// A digest of the files that a play reads: what is for all services, and of the overrides those of its own. A secret file
/// is left out: its digest would stand where everybody reads it.
fn inputs(play: &Play, site: &Site<'_>) -> String {
    let root = format!("{}/kolla/", site.plan.config.root);
    let service = play.service.as_ref().map_or("", |service| service.as_str());
    let reads = |path: &str| {
        let Some(inside) = path.strip_prefix(&root) else { return false };
        match inside.strip_prefix("config/") {
            // `config/galera.cnf` is for MariaDB alone, and so on: a play more is not worth a table.
            Some(rest) => !rest.contains('/') || rest.starts_with(&format!("{service}/")),
            None => true,
        }
    };
    let files = site.tree.0.iter().filter(|(path, entry)| !entry.secret && reads(path));
    Tree(files.map(|(path, entry)| (path.clone(), entry.clone())).collect()).digest()
}
