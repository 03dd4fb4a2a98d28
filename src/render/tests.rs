//! The tree as a whole, on each kind of host.

use super::{testing::*, *};

#[test]
fn every_plan_renders_and_twice_the_same() {
    for (name, plan) in plans() {
        let first = tree(&plan, &secrets(&plan)).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(first, tree(&plan, &secrets(&plan)).unwrap(), "{name}");
        for (path, entry) in &first.0 {
            assert!(entry.text.ends_with('\n'), "{name}: {path} ends without a new line");
            assert!(!entry.text.contains("<<") && !entry.text.contains("<%"), "{name}: {path}");
        }
    }
}

#[test]
fn a_plan_takes_along_what_it_asks_for_and_no_more() {
    let has = |plan: &Plan, path: &str| tree(plan, &secrets(plan)).unwrap().0.contains_key(path);
    let (plain, full, container) = (plan(&DEBIAN, PLAIN), plan(&DEBIAN, FULL), plan(&CONTAINER, PLAIN));
    for path in
        ["/etc/apt/sources.list.d/debian.sources", "/etc/systemd/system/docker.service.d/10-ciab-proxy.conf"]
    {
        assert!(has(&full, path) && !has(&plain, path), "{path}");
    }
    assert!(has(&full, "/etc/ssh/authorized_keys.d/dragon"));
    assert!(has(&plan(&UBUNTU, FULL), "/etc/apt/sources.list.d/ubuntu.sources"));
    assert!(has(&container, "/etc/systemd/system/chrony.service.d/10-ciab.conf"));
    assert!(!has(&container, "/etc/security/limits.d/90-ciab.conf"));
}

#[test]
fn hosts_of_the_box_file_are_the_only_time_servers() {
    let text = |plan: &Plan| tree(plan, &secrets(plan)).unwrap().0["/etc/chrony/chrony.conf"].text.clone();
    let full = text(&plan(&DEBIAN, FULL));
    assert!(full.contains("server 192.0.2.123 iburst\n") && full.contains("pool ntp.example.org iburst"));
    assert!(!full.contains("debian.pool") && !full.contains("sourcedir") && !full.contains("confdir"));
}

#[test]
fn a_hostile_plan_is_refused_wherever_its_value_lands() {
    type Spoil = fn(&mut Plan, String);
    let plans: [(&str, Spoil); 6] = [
        ("fqdn", |plan, text| plan.host.fqdn = text),
        ("no_proxy", |plan, text| {
            if let crate::plan::Proxy::Via { no_proxy, .. } = &mut plan.network.proxy {
                no_proxy.push(text);
            }
        }),
        ("sudo rule", |plan, text| plan.sudo.rule = text),
        ("sshd", |plan, text| drop(plan.ssh.settings.insert("X11Forwarding".into(), text))),
        ("archive", |plan, text| {
            if let crate::plan::Sources::These(sources) = &mut plan.apt.sources {
                sources[0].suites.push(text);
            }
        }),
        ("interface", |plan, text| plan.network.firewall.trusted.push(text)),
    ];
    for (what, spoil) in plans {
        for hostile in ["a\nb", "a\rb", "a\u{0}b"] {
            let mut plan = plan(&DEBIAN, FULL);
            spoil(&mut plan, hostile.to_owned());
            let failure = tree(&plan, &secrets(&plan)).unwrap_err();
            assert!(failure.message.contains("control character"), "{what}: {failure}");
            assert!(failure.message.starts_with("templates/"), "{what}: {failure}");
        }
    }
}

#[test]
fn the_configuration_tree_keeps_copies_of_what_is_not_secret() {
    let plan = plan(&DEBIAN, FULL);
    let tree = tree(&plan, &secrets(&plan)).unwrap();
    let copy = &tree.0["/opt/configuration/host/etc/docker/daemon.json"];
    assert_eq!(copy.text, tree.0["/etc/docker/daemon.json"].text);
    assert_eq!(copy.mode, 0o644);
}

#[test]
fn daemon_json_is_json_and_says_what_the_plan_says() {
    let plan = plan(&DEBIAN, FULL);
    let tree = tree(&plan, &secrets(&plan)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&tree.0["/etc/docker/daemon.json"].text).unwrap();
    assert_eq!(json["log-opts"], serde_json::json!({"max-file": "5", "max-size": "10485760"}));
    assert_eq!(json["bip"], "172.17.0.1/17");
    assert_eq!(json["default-address-pools"], serde_json::json!([{"base": "172.17.128.0/17", "size": 24}]));
    assert_eq!(json["live-restore"], true);
}

#[test]
fn without_the_certificate_nothing_is_rendered() {
    let plan = plan(&DEBIAN, PLAIN);
    assert!(tree(&plan, &Secrets::new()).unwrap_err().message.contains("ca.crt"));
}

/// The longest line of a text, which no other text has.
fn needle(text: &str) -> &str {
    text.lines().max_by_key(|line| line.len()).unwrap_or_default()
}

#[test]
fn a_secret_that_is_made_anew_changes_the_files_that_hold_it_and_no_others() {
    use crate::{boxfile::Engine, secrets::complete};
    for plan in [plan(&DEBIAN, FULL), cloud(Engine::Kolla, &[]), cloud(Engine::Osism, &["ceph"])] {
        let specs = secret_specs(&plan);
        let mut kept = Secrets::new();
        complete(&specs, &mut kept).unwrap();
        let before = tree(&plan, &kept).unwrap();
        let all = Context::new(&plan, &kept);
        let mut plain: Vec<(String, String)> = Vec::new();
        for file in &manifest::read().unwrap().files {
            for context in all.items(file).unwrap().into_iter().filter(|c| c.wanted(file).unwrap()) {
                plain.push((context.path(file).unwrap(), context.text(file).unwrap()));
            }
        }
        // Certificates, and some of each kind.
        for spec in specs.iter().step_by(7).chain(specs.iter().take(2)) {
            let mut next = kept.clone();
            next.retain(|name, _| !spec.names().contains(name));
            complete(&specs, &mut next).unwrap();
            let after = tree(&plan, &next).unwrap();
            let old: Vec<&str> = kept
                .iter()
                .filter(|(name, text)| next.get(*name) != Some(*text))
                .map(|(_, t)| needle(t))
                .collect();
            assert!(!old.is_empty(), "{} was not made anew", spec.name);
            let vault = spec.name.starts_with("vault_");
            for (path, text) in &plain {
                let entry = &before.0[path];
                let encrypted = entry.text.starts_with("$ANSIBLE_VAULT;");
                let holds = old.iter().any(|old| text.contains(old)) || vault && encrypted;
                assert_eq!(after.0[path] != *entry, holds, "{path}: another `{}`", spec.name);
            }
            assert_eq!(before.0.keys().collect::<Vec<_>>(), after.0.keys().collect::<Vec<_>>());
        }
    }
}
