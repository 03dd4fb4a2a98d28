//! Names, clock, packages, kernel, logs, trust and the configuration tree.

use super::{Proof, says, unit, wants};
use crate::{
    boxfile::system::Upgrades,
    plan::{HostKind, ModuleState, Plan},
    profile::LimitItem,
    render,
    step::Want,
};

/// With `iburst` the first answers are in after seconds; a server that is slow to be found takes longer.
const CLOCK: u32 = 90;

pub(super) fn proofs(plan: &Plan) -> Vec<Proof> {
    let mut all = vec![
        wants(
            "host-name",
            "The host has its name",
            vec![Want::Hostname { name: plan.host.name.to_string() }],
        ),
        says(
            "names",
            "The host's full name leads to its internal address",
            vec![format!("{} {}*", plan.network.internal.address, plan.host.fqdn)],
            &["getent", "hosts", &plan.host.fqdn],
        ),
        wants(
            "time-zone",
            "The time zone is set",
            vec![Want::TimeZone { name: plan.host.timezone.to_string() }],
        ),
        clock(plan),
        wants("packages", "The packages are installed", vec![packages(plan)]),
        held(plan),
        updates(plan),
        wants("modules", "The kernel has its modules", modules(plan)),
        wants("sysctl", "The kernel has its parameters", sysctls(plan)),
        says(
            "journal",
            "The journal is bounded",
            vec![format!("SystemMaxUse={}", plan.journald.system_max_use.0)],
            &["systemd-analyze", "cat-config", "systemd/journald.conf"],
        ),
        says(
            "trust",
            "Programs trust the authority of this box",
            vec!["*: OK".to_owned()],
            &["openssl", "verify", "-CApath", "/etc/ssl/certs", "/usr/local/share/ca-certificates/ciab.crt"],
        ),
        says(
            "configuration",
            "The configuration tree is committed",
            Vec::new(),
            &["git", "-C", &plan.config.root, "status", "--porcelain"],
        ),
    ];
    if plan.os.kind == HostKind::Machine {
        all.extend(limits(plan));
    }
    all
}

fn clock(plan: &Plan) -> Proof {
    let lines = vec!["Leap status : Normal".to_owned()];
    let question = says("clock", "The clock follows its time servers", lines, &["chronyc", "-n", "tracking"]);
    let servers: Vec<String> = plan.network.ntp.iter().map(ToString::to_string).collect();
    Proof { within: CLOCK, expected: format!("follows {}", servers.join(" or ")), ..question }
}

fn packages(plan: &Plan) -> Want {
    Want::Packages { names: plan.packages.values().flatten().cloned().collect() }
}

fn held(plan: &Plan) -> Proof {
    let lines = plan.apt.held.iter().map(|name| format!("{name} -> * with priority 50")).collect();
    says("held", "Updates leave the container engine alone", lines, &["apt-cache", "policy"])
}

fn updates(plan: &Plan) -> Proof {
    let on = u8::from(plan.apt.upgrades == Upgrades::Security);
    let origin = match plan.os.id.as_str() {
        "ubuntu" => format!("origin=Ubuntu,archive={}", plan.apt.security_suite),
        _ => format!("origin=Debian,codename={},label=Debian-Security", plan.apt.security_suite),
    };
    let lines = vec![
        format!("APT::Periodic::Unattended-Upgrade \"{on}\";"),
        format!("Unattended-Upgrade::Origins-Pattern:: \"{origin}\";"),
    ];
    let what = "Security updates install themselves, as far as the box file lets them";
    says("security-updates", what, lines, &["apt-config", "dump"])
}

fn modules(plan: &Plan) -> Vec<Want> {
    let there = plan.kernel.modules.iter().filter(|module| module.state == ModuleState::Load);
    there.map(|module| Want::Module { name: module.name.clone() }).collect()
}

fn sysctls(plan: &Plan) -> Vec<Want> {
    let want = |sysctl: &crate::plan::KernelSysctl| Want::Sysctl {
        key: sysctl.key.to_string(),
        value: sysctl.value.to_string(),
    };
    render::settable(plan).map(want).collect()
}

/// What a new login of the operator really has.
fn limits(plan: &Plan) -> Vec<Proof> {
    let operator = plan.access.operator.as_str();
    let proof = |limit: &crate::profile::Limit| {
        let (name, option) = match limit.item {
            LimitItem::Nofile => ("limit-nofile", "ulimit -Hn"),
            LimitItem::Nproc => ("limit-nproc", "ulimit -Hu"),
        };
        let argv = ["su", "--login", operator, "--command", option];
        says(name, "A login of the operator has its limit", vec![limit.value.to_string()], &argv)
    };
    plan.limits.iter().map(proof).collect()
}

/// The units of the host that have no promise of their own.
pub(super) fn units(plan: &Plan) -> Vec<Want> {
    let units = &plan.os.units;
    [&units.chrony, &units.docker, &units.ssh].map(|name| unit(name)).to_vec()
}
