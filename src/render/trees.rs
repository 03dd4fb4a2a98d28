//! The trees of clouds: what any box file makes of any recorded machine, one of each profile and engine stored whole, and
//! the digests of all others.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use proptest::{
    collection::btree_map,
    option,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};

use super::{stand_ins, tree};
use crate::{
    boxfile::{BoxFile, Engine, layers::Layers, place::Layer},
    facts::{
        Facts,
        machines::{expect, facts, folder, names},
    },
    plan::{Plan, PlanError},
    profile::Profile,
    tree::{Entry, Tree, sha256},
    yaml,
};

/// Profile and engine of the trees that are stored.
const CLOUDS: [(&str, &str); 4] =
    [("core", "kolla"), ("edge", "kolla"), ("edge", "osism"), ("sandbox", "osism")];

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org";

/// A machine, with the system that the engine is for: most were recorded with Debian, which OSISM is not made for.
fn machine(name: &str, engine: Engine) -> Facts {
    let mut found = facts(name);
    if engine == Engine::Osism && found.observed.os.id.as_deref() != Some("ubuntu") {
        found.observed.os = facts("server").observed.os;
    }
    found
}

fn plan(name: &str, boxfile: &BoxFile) -> Result<Plan, Vec<PlanError>> {
    let profile = Profile::load(boxfile.profile).unwrap();
    Plan::make(&machine(name, boxfile.engine), boxfile, &profile, None)
}

fn rendered(plan: &Plan) -> Tree {
    tree(plan, &stand_ins(plan)).unwrap_or_else(|failure| panic!("{failure}"))
}

/// A box file, if there is nothing to say against it.
fn wanted(text: &Value) -> Option<BoxFile> {
    let mut layers = Layers::new();
    layers.document(Layer::File, "box.yaml", text.to_string().as_bytes());
    Some(layers.wanted().ok()?.boxfile)
}

/// As little as an operator can write. Ceph takes the disk that the machine has to spare, and where it has none a volume
/// group.
fn plain(profile: &str, engine: &str, machine: &str) -> BoxFile {
    let mut text = json!({"apiVersion": "ciab/v1", "kind": "Box", "profile": profile, "engine": engine,
        "name": "lab", "domain": "example.org", "access": {"ssh_keys": [KEY]}});
    if profile == "sandbox" {
        let disks = fs::read_to_string(folder().join("disks.yaml")).unwrap();
        let disks: BTreeMap<String, Value> = yaml::from_str(&disks).unwrap();
        match disks.get(machine).map(|roles| &roles["osd"]) {
            Some(disk) => text["disks"] = json!({ "osd": disk }),
            None => text["storage"] = json!({"backend": "ceph", "volume_group": "vg-ceph"}),
        }
    }
    wanted(&text).unwrap()
}

fn boxfiles() -> impl Strategy<Value = Value> {
    let services =
        ["barbican", "ceph-rgw", "cinder", "designate", "grafana", "heat", "horizon", "manila", "octavia"];
    let backends = [
        json!({"backend": "ceph", "volume_group": "v-1"}),
        json!({"backend": "nfs"}),
        json!({"backend": "local"}),
        json!({"backend": "lvm", "volume_group": "v-1"}),
    ];
    let proxies = [
        json!({"http": "http://proxy.example.org:3128"}),
        json!({"https": "http://192.0.2.9:8080", "no_proxy": [".lan"]}),
    ];
    (
        select(CLOUDS.to_vec()),
        "[a-z][a-z0-9]{0,10}|no|on|null|e1",
        btree_map(select(services.to_vec()), any::<bool>(), 0..4),
        option::of(select(backends.to_vec())),
        option::of(select(proxies.to_vec())),
        option::of(select(vec![json!(["192.0.2.53"]), json!(["192.0.2.53", "2001:db8::53"])])),
        option::of(select(vec!["qemu", "kvm"])),
        option::of(select(vec!["10.11.0.0/24", "172.30.9.0/28"])),
    )
        .prop_map(|((profile, engine), name, services, storage, proxy, dns, virtualisation, internal)| {
            let mut text = json!({"apiVersion": "ciab/v1", "kind": "Box", "profile": profile, "engine": engine,
                "name": name, "access": {"ssh_keys": [KEY]}, "services": services,
                "network": {}, "tuning": {}});
            let mut set = |section: &str, key: &str, value: Option<Value>| {
                if let Some(value) = value {
                    text[section][key] = value;
                }
            };
            set("network", "proxy", proxy);
            set("network", "dns", dns);
            set("network", "internal", internal.map(Value::from));
            set("tuning", "virtualisation", virtualisation.map(Value::from));
            if let Some(storage) = storage {
                text["storage"] = storage;
            }
            text
        })
}

/// What PyYAML, which reads YAML 1.1 as Ansible does, makes of texts. One key's reader wants a date, which JSON has not.
fn as_yaml_1_1(texts: &[&str]) -> Vec<Value> {
    const READ: &str = "import json, sys, yaml
def read(value):
    if isinstance(value, dict):
        return {key: str(inner) if key == 'build_date' else read(inner) for key, inner in value.items()}
    return [read(inner) for inner in value] if isinstance(value, list) else value
print(json.dumps([read(yaml.safe_load(text)) for text in json.load(sys.stdin)]))";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(json!(texts).to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 with python3-yaml reads them");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yml") || path.ends_with(".yaml")
}

/// Every text in a document.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, into)),
        Value::Object(map) => map.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}

/// What is wrong with a tree, whichever box it is for.
fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, entry) in &tree.0 {
        for rest in ["<<", ">>", "<%", "%>", "<#", "CHANGEME", "TODO"] {
            // A here-document and an arrow in a comment are none of ours: no such file has one.
            if entry.text.contains(rest) {
                faults.push(format!("{path} holds `{rest}`"));
            }
        }
        if entry.secret && entry.mode & 0o077 != 0 {
            faults.push(format!("{path} is secret and others may read it"));
        }
    }
    let documents: Vec<(&String, &Entry)> = tree.0.iter().filter(|(path, _)| is_yaml(path)).collect();
    let read = as_yaml_1_1(&documents.iter().map(|(_, entry)| entry.text.as_str()).collect::<Vec<_>>());
    for ((path, entry), theirs) in documents.into_iter().zip(read) {
        let ours: Value = yaml::from_str(&entry.text).unwrap();
        if ours != theirs {
            faults.push(format!("{path} means other things in YAML 1.1 and 1.2"));
        }
        let mut named = Vec::new();
        texts(&theirs, &mut named);
        let inside =
            |text: &String| text.starts_with("/opt/configuration/") && !text.contains(char::is_whitespace);
        let below =
            |text: &String| tree.0.keys().any(|path| path == text || path.starts_with(&format!("{text}/")));
        faults.extend(
            named
                .iter()
                .filter(|text| inside(text) && !below(text))
                .map(|text| format!("{path} names {text}")),
        );
    }
    faults
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_global_rejects: 4096, ..ProptestConfig::default() })]

    #[test]
    fn any_box_file_on_any_machine_makes_a_tree_that_every_reader_reads_alike(
        text in boxfiles(), machine in any::<Index>()
    ) {
        let boxfile = wanted(&text);
        prop_assume!(boxfile.is_some());
        let names = names();
        let plan = plan(&names[machine.index(names.len())], &boxfile.unwrap());
        prop_assume!(plan.is_ok());
        prop_assert_eq!(faults(&rendered(&plan.unwrap())), Vec::<String>::new());
    }
}

#[test]
fn what_is_wrong_with_a_tree_is_found() {
    let with =
        |path: &str, text: &str| faults(&Tree(BTreeMap::from([(path.to_owned(), Entry::public(text))])));
    assert!(with("/a.yml", "a: \"yes\"\n").is_empty());
    for (path, text) in [
        ("/a.yml", "a: yes\n"),
        ("/a.yml", "a: 0o17\nb: 1:30\n"),
        ("/a.yml", "a: /opt/configuration/nothing\n"),
        ("/a.conf", "a = <% b\n"),
    ] {
        assert_eq!(with(path, text).len(), 1, "{text}");
    }
}

/// The text of a file without its secrets: the values of a document, and what is between the lines of PEM.
fn masked(entry: &Entry) -> String {
    if let Some((head, _)) =
        entry.text.split_once('\n').filter(|(head, _)| head.starts_with("$ANSIBLE_VAULT;"))
    {
        return format!("{head}\n(secret)\n");
    }
    if !entry.secret {
        return entry.text.clone();
    }
    let mut kept = Vec::new();
    for line in entry.text.lines() {
        match line.split_once(": ") {
            Some((name, _)) if !line.starts_with('#') => kept.push(format!("{name}: (secret)")),
            _ if line.starts_with('#')
                || line.starts_with("-----")
                || line.ends_with(':')
                || line == "---" =>
            {
                kept.push(line.to_owned());
            }
            _ => {}
        }
    }
    kept.join("\n") + "\n"
}

/// The machine that the stored trees are for.
const MACHINE: &str = "nuc";

#[test]
fn a_tree_of_each_profile_and_engine_is_what_is_stored() {
    for (profile, engine) in CLOUDS {
        let stored = folder().join(format!("tree-{profile}-{engine}"));
        let tree = rendered(&plan(MACHINE, &plain(profile, engine, MACHINE)).unwrap());
        for (path, entry) in &tree.0 {
            let place = stored.join(path.trim_start_matches('/'));
            if std::env::var_os("BLESS").is_some() {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
            }
            expect(&place, &masked(entry));
        }
        let known = files(&stored, &stored);
        let gone: Vec<&String> = known.iter().filter(|path| !tree.0.contains_key(*path)).collect();
        assert!(gone.is_empty(), "{gone:?} in {} are no longer rendered: take them away", stored.display());
    }
}

fn files(folder: &Path, root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, root)),
            false => found.push(format!("/{}", path.strip_prefix(root).unwrap().display())),
        }
    }
    found
}

#[test]
fn every_other_tree_has_the_digest_that_is_stored() {
    let mut lines = Vec::new();
    for (profile, engine) in CLOUDS {
        for machine in names() {
            let boxfile = plain(profile, engine, &machine);
            let said = match plan(&machine, &boxfile) {
                Ok(plan) => {
                    let tree = rendered(&plan);
                    let parts = tree.0.iter().map(|(path, entry)| {
                        format!("{path} {:04o} {}\n", entry.mode, sha256(entry.text.as_bytes()))
                    });
                    let digest = sha256(parts.collect::<String>().as_bytes());
                    format!("{} files {}", tree.0.len(), &digest[..16])
                }
                Err(errors) => {
                    let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
                    format!("refused: {}", keys.join(", "))
                }
            };
            lines.push(format!("{profile} {engine} {machine}: {said}\n"));
        }
    }
    expect(&folder().join("trees.txt"), &lines.concat());
}
