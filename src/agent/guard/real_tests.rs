//! The guard for real, with systemd's own timer: in a disposable host, as `want::real_tests` says.
//!
//! The test binary stands for the helper: a script calls it as systemd would call `agent revert`.

use std::{env, process::Command};

use super::*;
use crate::agent::want::real_tests::here;

const HELPER: &str = "/var/lib/ciab/bin/try-revert";
const FILE: &str = "/etc/ciab-guard-try";
const RELOADED: &str = "/run/ciab-guard-try";

fn ready() -> Host {
    let host = here();
    let test = env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nCIAB_DISPOSABLE_HOST=1 CIAB_REVERT=\"$3 $4\" exec {} --ignored --nocapture --exact \
         agent::guard::real_tests::as_the_helper\n",
        test.display()
    );
    durable::write(HELPER.as_ref(), script.as_bytes(), Meta { mode: 0o755, owner: None }).unwrap();
    host
}

/// Arms and changes as a step would; nothing of an earlier run of the test is left.
fn changed(step: &StepId, seconds: u32, host: &Host) {
    let _ = fs::remove_dir_all(host.state(format!("guard/{step}")));
    durable::write(FILE.as_ref(), b"old", Meta::READABLE).unwrap();
    let guard =
        Guard { files: vec![FILE.into()], reload: vec![vec!["touch".into(), RELOADED.into()]], seconds };
    arm(Attempt { step, attempt: 1 }, &guard, HELPER, Timestamp::now(), host).unwrap();
    durable::write(FILE.as_ref(), b"changed", Meta::READABLE).unwrap();
}

fn units(step: &StepId) -> String {
    let pattern = format!("ciab-revert-{step}*");
    let argv = ["list-units", "--all", "--no-legend", "--plain", &pattern];
    let loaded = Command::new("systemctl").args(argv).output().unwrap().stdout;
    let files =
        Command::new("find").args(["/etc/systemd/system", "-name", &pattern]).output().unwrap().stdout;
    String::from_utf8([loaded, files].concat()).unwrap()
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn as_the_helper() {
    let Ok(words) = env::var("CIAB_REVERT") else { return };
    let (step, attempt) = words.split_once(' ').unwrap();
    let of = Attempt { step: &StepId::new(step).unwrap(), attempt: attempt.parse().unwrap() };
    println!("{:?}", revert(of, &here()).unwrap());
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn the_timer_takes_back_what_nobody_confirms() {
    let host = ready();
    let step = StepId::new("try-timer").unwrap();
    let of = Attempt { step: &step, attempt: 1 };
    changed(&step, 3, &host);
    // An action that is still at work must not write over what comes back.
    let action = format!("while sleep 0.01; do echo changed > {FILE}; done");
    let argv = ["systemd-run", "--quiet", "--unit=ciab-try-timer-1", "sh", "-c", &action];
    host.call(argv).ok().unwrap();
    assert!(matches!(state(of, &host).unwrap(), GuardState::Armed { .. }));
    // The deadline is real time here, and slack is for a loaded machine.
    let start = Instant::now();
    while matches!(state(of, &host).unwrap(), GuardState::Armed { .. }) && start.elapsed().as_secs() < 30 {
        sleep(Duration::from_millis(100));
    }
    assert_eq!(state(of, &host).unwrap(), GuardState::Reverted { complaints: vec![] });
    assert!(start.elapsed().as_secs() >= 2, "{:?}", start.elapsed());
    assert_eq!(fs::read_to_string(FILE).unwrap(), "old");
    assert!(fs::exists(RELOADED).unwrap());
    sleep(Duration::from_secs(2));
    assert_eq!(units(&step), "");
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn what_is_confirmed_is_not_taken_back() {
    let host = ready();
    let step = StepId::new("try-confirm").unwrap();
    changed(&step, 3, &host);
    confirm(Attempt { step: &step, attempt: 1 }, &host).unwrap();
    assert_eq!(units(&step), "");
    sleep(Duration::from_secs(4));
    assert_eq!(fs::read_to_string(FILE).unwrap(), "changed");
}

/// Run twice, with a boot (or a power cut) in between.
#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn what_is_armed_comes_back_at_a_boot() {
    let host = ready();
    let step = StepId::new("try-boot").unwrap();
    match state(Attempt { step: &step, attempt: 1 }, &host).unwrap() {
        GuardState::None => {
            changed(&step, 3600, &host);
            println!("now boot the host and run this again");
        }
        found => {
            assert_eq!(found, GuardState::Reverted { complaints: vec![] });
            assert_eq!(fs::read_to_string(FILE).unwrap(), "old");
            assert_eq!(units(&step), "");
        }
    }
}
