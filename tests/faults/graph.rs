//! The graph that the faults strike: twelve short steps with every action, resource and word for doubt.
//!
//! Each job first adds a synced line to `/srv/count/<step>`, so that it shows how often it acted. A job and the
//! check of a file pass a place of their own in their middle (`MIDDLE`), as the helper passes those of its own.

use std::collections::BTreeMap;

use ciab::{
    step::{Action, Graph, Guard, InDoubt, Limit, Probe, Resource, Retry, Step, StepId, Want},
    tree::{Entry, Tree},
};

/// The place in the middle of an action; `ciab::failpoint` has the others.
pub(crate) const MIDDLE: &str = "action-middle";

/// The step that runs only when another is in doubt.
pub(crate) const ON_DEMAND: &str = "mend";

/// The step that only the operator may let act again.
pub(crate) const STOPS: &str = "once";

/// Steps that are jobs, which count.
pub(crate) const COUNTED: &[&str] = &["again", "exact", "bootstrap", "mend", "once", "last"];

/// Holds the shell script in the middle of its action as `failpoint::hit` holds the helper.
const HOLD: &str = r#"
p=/run/ciab-failpoint/action-middle
if mv $p $p.hit 2>/dev/null; then echo $$ > $p.hit; while [ -e $p.hit ]; do sleep 0.01; done; fi
"#;

/// What restores the order after a fault, all of it.
pub(crate) fn graph() -> Graph {
    Graph {
        steps: vec![
            step("base", "Lay the ground", ensure(base())).holds(&[Resource::Apt]).done(),
            step("again", "Do what may be repeated", job("again", "keep again made"))
                .needs(&["base"])
                .holds(&[Resource::Docker])
                .probe(command("test -s /srv/effect/again"))
                .done(),
            step("unit", "Start a service", ensure(unit())).needs(&["base"]).holds(&[Resource::Apt]).done(),
            step("exact", "Do what its probe can judge", job("exact", "keep exact 'these words'"))
                .uses(&["again"])
                .probe(Probe::Wants(vec![file("/srv/effect/exact", "these words\n")]))
                .doubt(InDoubt::TrustProbe)
                .done(),
            step("tree", "Lay the configuration", put())
                .needs(&["base"])
                .holds(&[Resource::ConfigTree])
                .doubt(InDoubt::TrustProbe)
                .done(),
            // Half of what it does satisfies its probe, and it refuses to go on from there.
            step(ON_DEMAND, "Remove half a bootstrap", job("mend", "rm -f /srv/half /srv/whole"))
                .holds(&[Resource::Docker])
                .probe(command("test ! -e /srv/half && test ! -e /srv/whole"))
                .done(),
            step("bootstrap", "Do what half an action spoils", job("bootstrap", BOOTSTRAP))
                .needs(&["again"])
                .holds(&[Resource::Docker])
                .probe(command("test -e /srv/half || test -e /srv/whole"))
                .doubt(InDoubt::Repair(id(ON_DEMAND)))
                .done(),
            step("network", "Change what may cut the operator off", ensure(network()))
                .needs(&["unit"])
                .holds(&[Resource::Network])
                .guard(Guard {
                    files: vec!["/etc/fault-network.conf".into()],
                    reload: vec![argv("echo reverted >> /run/fault-reverted")],
                    seconds: 30,
                })
                .done(),
            step(STOPS, "Do what only the operator may repeat", job("once", "keep once made"))
                .needs(&["base"])
                .holds(&[Resource::Apt, Resource::Docker])
                .probe(command("test -s /srv/effect/once"))
                .doubt(InDoubt::Stop)
                .done(),
            step("restart", "Restart the box", Action::Reboot)
                .needs(&["exact", "tree", "bootstrap", "network", "once"])
                .probe(Probe::Rebooted)
                .doubt(InDoubt::TrustProbe)
                .done(),
            step("service", "Wait for the service", Action::Wait { every: 1 })
                .needs(&["restart"])
                .probe(command("systemctl is-active --quiet fault.service"))
                .done(),
            step("last", "Do the rest", job("last", "keep last \"$(cat /opt/tree/words/one)\""))
                .needs(&["service"])
                .uses(&["tree"])
                .probe(command("grep -q 'word one' /srv/effect/last"))
                .done(),
        ],
    }
}

/// The graph up to a step, without it: what is to be done before the fault shall strike at that step.
pub(crate) fn before(step: &str) -> Graph {
    let whole = graph();
    let end = whole.steps.iter().position(|s| s.id.as_str() == step).unwrap_or(whole.steps.len());
    Graph { steps: whole.steps[..end].to_vec() }
}

const BOOTSTRAP: &str = r#"
if [ -e /srv/half ] || [ -e /srv/whole ]; then echo "there is half a bootstrap here" >&2; exit 17; fi
echo half > /srv/half; sync /srv/half /srv; hold; mv /srv/half /srv/whole
"#;

fn base() -> Vec<Want> {
    let check =
        vec!["sh".into(), "-c".into(), format!("{HOLD}\ngrep -q words \"$1\""), "check".into(), "%".into()];
    vec![
        Want::Folder { path: "/srv/effect".into(), mode: 0o755, owner: "root".into(), group: "root".into() },
        Want::User { name: "fault".into(), groups: vec!["users".into()], shell: "/bin/sh".into() },
        Want::File {
            path: "/etc/fault.conf".into(),
            entry: Entry { owner: "fault".into(), mode: 0o640, ..Entry::public("a file with words\n") },
            check,
        },
        Want::NoFile { path: "/etc/fault-old.conf".into() },
        file("/etc/fault-second.conf", "a second file\n"),
    ]
}

fn unit() -> Vec<Want> {
    let path = "/etc/systemd/system/fault.service";
    let text = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\n\n[Install]\nWantedBy=multi-user.target\n";
    vec![
        file(path, text),
        Want::Unit { name: "fault.service".into(), files: vec![path.into()], reload: false },
    ]
}

fn network() -> Vec<Want> {
    let check = vec!["sh".into(), "-c".into(), HOLD.into()];
    vec![Want::File { path: "/etc/fault-network.conf".into(), entry: Entry::public("new network\n"), check }]
}

fn put() -> Action {
    let mut tree = Tree::default();
    for name in ["one", "two", "three"] {
        tree.0.insert(format!("/opt/tree/words/{name}"), Entry::public(format!("word {name}\n")));
    }
    tree.0.insert("/opt/tree/secret".into(), Entry::secret("a secret word\n"));
    Action::Put { root: "/opt/tree".into(), tree, message: "Lay the words".into() }
}

fn file(path: &str, text: &str) -> Want {
    Want::File { path: path.into(), entry: Entry::public(text), check: vec![] }
}

/// A job that counts, may be held in its middle, and keeps its effect by a rename that nobody syncs.
fn job(name: &str, act: &str) -> Action {
    let script = format!(
        r#"set -e; umask 022
mkdir -p /srv/count /srv/effect
echo "$(cat /proc/sys/kernel/random/boot_id) $$" >> /srv/count/{name}
sync /srv/count/{name} /srv/count /srv
hold() {{ :;{HOLD}}}
keep() {{ echo "$2" > "/srv/effect/$1.new"; hold; mv "/srv/effect/$1.new" "/srv/effect/$1"; }}
echo "this is {name}"
{act}
"#
    );
    Action::Job { argv: argv(&script), env: BTreeMap::new() }
}

fn ensure(wants: Vec<Want>) -> Action {
    Action::Ensure(wants)
}

fn command(script: &str) -> Probe {
    Probe::Command { argv: argv(script) }
}

fn argv(script: &str) -> Vec<String> {
    vec!["sh".into(), "-c".into(), script.into()]
}

fn id(name: &str) -> StepId {
    StepId::new(name).expect("a step's name in this file")
}

struct Making(Step);

/// A step that may be repeated and is judged by its own action, unless more is said.
fn step(name: &str, title: &str, action: Action) -> Making {
    Making(Step {
        id: id(name),
        title: title.into(),
        needs: vec![],
        uses: vec![],
        holds: vec![],
        action,
        probe: Probe::Action,
        limit: Limit { soft: 20, hard: 120 },
        retry: Retry::default(),
        in_doubt: InDoubt::RunAgain,
        guard: None,
        mend: None,
    })
}

impl Making {
    fn needs(mut self, names: &[&str]) -> Self {
        self.0.needs = names.iter().map(|name| id(name)).collect();
        self
    }
    fn uses(mut self, names: &[&str]) -> Self {
        self.0.uses = names.iter().map(|name| id(name)).collect();
        self
    }
    fn holds(mut self, what: &[Resource]) -> Self {
        self.0.holds = what.to_vec();
        self
    }
    fn probe(mut self, probe: Probe) -> Self {
        self.0.probe = probe;
        self
    }
    fn doubt(mut self, word: InDoubt) -> Self {
        self.0.in_doubt = word;
        self
    }
    fn guard(mut self, guard: Guard) -> Self {
        self.0.guard = Some(guard);
        self
    }
    fn done(self) -> Step {
        self.0
    }
}
