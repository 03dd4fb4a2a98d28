//! systemd itself, in a disposable host, as `want::real_tests` says.

use std::{
    fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use super::{bus, *};
use crate::agent::want::real_tests::here;

const NAME: &str = "ciab-try-bus-1.service";
const OUT: &str = "/tmp/ciab-try-bus";

/// Runs a line of shell as a transient service, and after it the other line.
fn run(line: &str, after: &str, seconds: u64) -> Result<()> {
    start(&Transient {
        name: NAME,
        description: "a try; with 100 % and $HOME",
        start: &["/bin/sh", "-c", line],
        stop_post: &["/bin/sh", "-c", after],
        output: OUT.as_ref(),
        runtime_max: Duration::from_secs(seconds),
        stop_timeout: Duration::from_secs(300),
    })
}

/// What was written once the unit is gone.
fn out() -> String {
    let start = Instant::now();
    while !units(&[NAME]).unwrap().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(20));
    }
    fs::read_to_string(OUT).unwrap()
}

fn fresh() {
    let _host = here();
    let _ = fs::remove_file(OUT);
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn a_name_is_refused_while_it_is_loaded_and_the_unit_is_gone_afterwards() {
    fresh();
    run("echo first; umask; sleep 1; exit 3", "echo $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS", 60).unwrap();
    let error = format!("{:#}", run("echo second", "true", 60).unwrap_err());
    assert!(error.contains(NAME), "{error}");
    let unit = &units(&["ciab-try-*.service"]).unwrap()[0];
    assert_eq!(unit.name, NAME);
    assert!(["activating", "active"].contains(&unit.active.as_str()), "{unit:?}");
    assert_eq!(out(), "first\n0077\nexit-code exited 3\n");
    run("echo third", "true", 60).unwrap();
    assert!(out().ends_with("exited 3\nthird\n"));
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn the_deadline_ends_it_and_words_come_as_they_are() {
    fresh();
    run("echo '$$ 100 % %n'; sleep 60", "echo $SERVICE_RESULT", 1).unwrap();
    assert!(["$$ 100 % %n\ntimeout\n", "$ 100 % %n\ntimeout\n"].contains(&out().as_str()), "{}", out());
}

#[test]
#[ignore = "changes the machine it runs on; run inside a disposable host"]
fn systemd_and_the_system_bus_say_the_same() {
    let _host = here();
    let ask = |mut bus: bus::Bus| bus.property(PROPERTIES, MANAGER, "SystemState").unwrap();
    let private = ask(bus::Bus::private("/run/systemd/private").unwrap());
    assert_eq!(private, state().unwrap());
    assert!(["running", "degraded"].contains(&private.as_str()), "{private}");
    let system = PathBuf::from("/run/dbus/system_bus_socket");
    assert_eq!(private, ask(bus::Bus::system(system.to_str().unwrap()).unwrap()));
}
