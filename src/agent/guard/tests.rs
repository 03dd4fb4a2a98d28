use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::agent::want::testing::Box;

const FILES: [&str; 3] = ["/etc/network/a", "/etc/network/link", "/etc/network/new"];

fn boxed() -> Box {
    let b = Box::new();
    b.file("/proc/sys/kernel/random/boot_id", "one\n");
    b.file("/proc/1/stat", "1 (sys) temd) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 1000\n");
    b.file(FILES[0], "old");
    fs::set_permissions(b.host.path(FILES[0]).unwrap(), fs::Permissions::from_mode(0o640)).unwrap();
    durable::link(&PathBuf::from("a"), &b.host.path(FILES[1]).unwrap()).unwrap();
    b
}

fn step() -> StepId {
    StepId::new("network").unwrap()
}

fn arm_it(b: &Box, attempt: u32) {
    let guard = Guard {
        files: FILES.map(str::to_owned).to_vec(),
        reload: vec![vec!["networkctl".into(), "reload".into()]],
        seconds: 90,
    };
    let of = Attempt { step: &step(), attempt };
    arm(of, &guard, "/var/lib/ciab/bin/x", Timestamp::UNIX_EPOCH, &b.host).unwrap();
}

fn change(b: &Box) {
    b.file(FILES[0], "changed");
    durable::write(&b.host.path(FILES[1]).unwrap(), b"a file now", Meta::READABLE).unwrap();
    b.file(FILES[2], "new");
}

fn assert_old(b: &Box) {
    let mode = fs::metadata(b.host.path(FILES[0]).unwrap()).unwrap().permissions().mode() & 0o7777;
    assert_eq!((b.text(FILES[0]).as_str(), mode), ("old", 0o640));
    assert_eq!(fs::read_link(b.host.path(FILES[1]).unwrap()).unwrap(), PathBuf::from("a"));
    assert!(!b.host.path(FILES[2]).unwrap().exists());
}

fn units(b: &Box) -> Vec<String> {
    let folder = b.host.path("/etc/systemd/system").unwrap();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> =
        files.filter(|entry| entry.file_type().unwrap().is_file()).map(|e| e.file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn what_nobody_confirms_comes_back_and_only_once() {
    let b = boxed();
    arm_it(&b, 1);
    assert_eq!(
        units(&b),
        ["ciab-revert-network-boot.service", "ciab-revert-network.service", "ciab-revert-network.timer"]
    );
    assert!(b.ran().contains(&"systemctl restart -- ciab-revert-network.timer".to_owned()));
    change(&b);
    let step = step();
    let of = Attempt { step: &step, attempt: 1 };
    let reverted = GuardState::Reverted { complaints: vec![] };
    assert_eq!(revert(of, &b.host).unwrap(), reverted);
    assert_old(&b);
    assert!(units(&b).is_empty());
    let ran = b.ran();
    let at = |line: &str| ran.iter().position(|ran| ran == line).unwrap();
    assert!(at("systemctl stop -- ciab-network-1.service") < at("networkctl reload"));
    b.file(FILES[0], "later");
    assert_eq!(revert(of, &b.host).unwrap(), reverted);
    assert_eq!(b.text(FILES[0]), "later");
    assert_eq!(
        confirm(of, &b.host).unwrap_err().to_string(),
        "the change of network was taken back before it was confirmed"
    );
}

#[test]
fn what_is_confirmed_stays() {
    let b = boxed();
    arm_it(&b, 1);
    change(&b);
    let step = step();
    let of = Attempt { step: &step, attempt: 1 };
    confirm(of, &b.host).unwrap();
    confirm(of, &b.host).unwrap();
    assert_eq!(revert(of, &b.host).unwrap(), GuardState::Confirmed);
    assert_eq!(b.text(FILES[0]), "changed");
    assert!(units(&b).is_empty());
    assert!(!b.ran().contains(&"networkctl reload".to_owned()));
}

#[test]
fn after_another_boot_files_come_back_and_nothing_is_reloaded() {
    let b = boxed();
    arm_it(&b, 1);
    change(&b);
    b.file("/proc/1/stat", "1 (systemd) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 78 1000\n");
    revert(Attempt { step: &step(), attempt: 1 }, &b.host).unwrap();
    assert_old(&b);
    assert!(!b.ran().contains(&"networkctl reload".to_owned()));
}

#[test]
fn the_next_attempt_saves_the_old_state_and_not_half_of_the_change() {
    let b = boxed();
    arm_it(&b, 1);
    change(&b);
    arm_it(&b, 2);
    assert_old(&b);
    let step = step();
    assert!(matches!(
        state(Attempt { step: &step, attempt: 1 }, &b.host).unwrap(),
        GuardState::Reverted { .. }
    ));
    assert!(matches!(state(Attempt { step: &step, attempt: 2 }, &b.host).unwrap(), GuardState::Armed { .. }));
    // A late revert of the first leaves the second armed.
    revert(Attempt { step: &step, attempt: 1 }, &b.host).unwrap();
    assert_eq!(units(&b).len(), 3);
}

#[test]
fn a_timer_that_does_not_run_stops_the_change() {
    let b = boxed().says("systemctl is-active", 3, "");
    let guard = Guard { files: vec![], reload: vec![], seconds: 90 };
    let of = Attempt { step: &step(), attempt: 1 };
    assert!(arm(of, &guard, "/x", Timestamp::UNIX_EPOCH, &b.host).is_err());
    assert!(matches!(state(of, &b.host).unwrap(), GuardState::Reverted { .. }));
    assert!(units(&b).is_empty());
}

#[test]
fn a_reload_that_fails_is_told_and_stops_nothing() {
    let b = boxed().says("networkctl", 1, "no networkd");
    arm_it(&b, 1);
    change(&b);
    let GuardState::Reverted { complaints } = revert(Attempt { step: &step(), attempt: 1 }, &b.host).unwrap()
    else {
        panic!("not reverted")
    };
    assert_old(&b);
    assert!(complaints[0].contains("no networkd"), "{complaints:?}");
}

#[test]
fn confirmed_and_reverted_at_once_one_of_them_wins() {
    for _ in 0..20 {
        let b = boxed();
        arm_it(&b, 1);
        change(&b);
        let step = step();
        let of = Attempt { step: &step, attempt: 1 };
        let (confirmed, reverted) = std::thread::scope(|scope| {
            let confirm = scope.spawn(|| confirm(of, &b.host));
            let revert = scope.spawn(|| revert(of, &b.host).unwrap());
            (confirm.join().unwrap().is_ok(), revert.join().unwrap())
        });
        let content = b.text(FILES[0]);
        match reverted {
            GuardState::Confirmed => assert!(confirmed && content == "changed"),
            GuardState::Reverted { .. } => assert!(!confirmed && content == "old"),
            other => panic!("{other:?}"),
        }
        assert!(units(&b).is_empty());
    }
}

#[test]
fn what_cannot_be_restored_stays_armed_for_the_next_try() {
    let b = boxed();
    arm_it(&b, 1);
    change(&b);
    let place = b.host.path(FILES[2]).unwrap();
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    let step = step();
    let of = Attempt { step: &step, attempt: 1 };
    assert!(revert(of, &b.host).unwrap_err().to_string().contains("restore /etc/network/new"));
    assert_eq!((b.text(FILES[0]).as_str(), units(&b).len()), ("old", 3));
    fs::remove_dir(&place).unwrap();
    revert(of, &b.host).unwrap();
    assert_old(&b);
}

#[test]
fn what_was_cut_while_it_was_armed_takes_nothing_back() {
    let b = boxed();
    arm_it(&b, 1);
    let step = step();
    let of = Attempt { step: &step, attempt: 1 };
    // As it is when the power fails just before the last write.
    fs::remove_file(folder(of, &b.host).join("armed.json")).unwrap();
    b.file(FILES[0], "the operator's");
    assert_eq!(revert(of, &b.host).unwrap(), GuardState::None);
    assert_eq!(b.text(FILES[0]), "the operator's");
    assert!(units(&b).is_empty());
    arm_it(&b, 2);
    assert!(confirm(of, &b.host).is_err());
}
