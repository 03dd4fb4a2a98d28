use super::*;

fn needed(engine: &str, services: &[&str]) -> Needed {
    catalog().needed(engine, &services.iter().map(|name| (*name).to_owned()).collect())
}

fn names(needed: &Needed, set: &str) -> Vec<String> {
    needed.names[set].clone()
}

#[test]
fn every_entry_leads_to_one_that_says_how_it_is_made() {
    for (title, set) in &catalog().sets {
        for (name, entry) in &set.secrets {
            let source = entry.same.as_ref().unwrap_or(name);
            let original =
                catalog().original(source).unwrap_or_else(|| panic!("{title}: {name} is {source}"));
            let bare = entry.kind == Word::default() && entry.length.is_none() && entry.of.is_none();
            assert!(
                entry.same.is_none() || bare,
                "{title}: {name} is another one's and says what it is like"
            );
            assert_eq!(original.kind == Word::Crypt, original.of.is_some(), "{title}: {name}");
            assert!(original.kind != Word::Digits || original.length.is_some(), "{title}: {name}");
            if let Some(of) = &original.of {
                assert_eq!(catalog().original(of).map(|entry| entry.kind), Some(Word::Password), "{name}");
            }
        }
    }
}

#[test]
fn a_name_that_stands_in_two_sets_is_made_in_one() {
    let mut makers = BTreeMap::<&str, usize>::new();
    for set in catalog().sets.values() {
        for (name, _) in set.secrets.iter().filter(|(_, entry)| entry.same.is_none()) {
            *makers.entry(name).or_default() += 1;
        }
    }
    assert_eq!(makers.iter().filter(|(_, count)| **count > 1).collect::<Vec<_>>(), []);
}

#[test]
fn services_decide_what_is_made() {
    let few = needed("kolla", &["keystone"]);
    let kolla = names(&few, "kolla");
    assert!(kolla.contains(&"keystone_admin_password".to_owned()));
    assert!(kolla.contains(&"keystone_database_password".to_owned()));
    assert!(!kolla.contains(&"heat_database_password".to_owned()));
    assert!(!kolla.contains(&"docker_registry_password".to_owned()));
    assert!(!few.names.contains_key("manager"), "kolla-ansible has no manager");
    assert!(few.pairs.contains("keystone_ssh_key"));
}

#[test]
fn two_names_of_one_secret_have_one_specification() {
    let needed = needed("osism", &["ceph", "ceph-rgw", "keystone", "netbox", "octavia", "rabbitmq"]);
    for (name, same) in [
        ("manager_listener_broker_password", "rabbitmq_password"),
        ("os_password_admin", "keystone_admin_password"),
        ("os_password_admin_system", "keystone_admin_password"),
        ("os_password_octavia", "octavia_keystone_password"),
        ("fsid", "ceph_cluster_fsid"),
        ("netbox_api_token", "netbox_user_api_token"),
    ] {
        assert_eq!(needed.same.get(name).map(String::as_str), Some(same), "{name}");
        assert!(!needed.specs.iter().any(|spec| spec.name == name), "{name}");
        assert_eq!(needed.specs.iter().filter(|spec| spec.name == same).count(), 1, "{same}");
    }
    // One name in two files.
    for set in ["ceph", "kolla"] {
        assert!(names(&needed, set).contains(&"ceph_rgw_keystone_password".to_owned()), "{set}");
    }
}

#[test]
fn a_secret_is_made_although_only_its_other_name_is_read() {
    let needed = needed("osism", &["ceph"]);
    assert!(needed.specs.iter().any(|spec| spec.name == "ceph_rgw_keystone_password"));
}

#[test]
fn what_a_hash_is_made_from_comes_before_it() {
    let needed = needed("osism", &[]);
    let place = |name: &str| needed.specs.iter().position(|spec| spec.name == name).unwrap();
    assert!(place("operator_password_unhashed") < place("operator_password"));
}

#[test]
fn identifiers_are_no_secrets() {
    for name in ["fsid", "ceph_cluster_fsid"] {
        assert!(crate::secrets::is_public(name), "{name}");
    }
    assert!(!crate::secrets::is_public("netdata_api_key"));
}
