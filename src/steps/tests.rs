//! The installation as a list, pinned: `BLESS=1 cargo test steps` writes it anew.

use std::{collections::BTreeMap, fmt::Write as _};

use super::*;
use crate::{
    render::{self, testing::*},
    step::{Action, Step, Want},
};

fn graph(plan: &Plan) -> Graph {
    list(plan, &render::tree(plan, &secrets(plan)).unwrap())
}

/// A step for people who review a change of the installation.
fn lines(step: &Step) -> String {
    let join =
        |ids: &[crate::step::StepId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let mut text = format!("{}: {}\n", step.id, step.title);
    for (word, value) in [("needs", join(&step.needs)), ("uses", join(&step.uses))] {
        if !value.is_empty() {
            let _ = writeln!(text, "    {word} {value}");
        }
    }
    let holds: Vec<String> =
        step.holds.iter().map(|r| serde_json::to_value(r).unwrap().as_str().unwrap().to_owned()).collect();
    if !holds.is_empty() {
        let _ = writeln!(text, "    holds {}", holds.join(" "));
    }
    let _ = write!(text, "    limit {} {}", step.limit.soft, step.limit.hard);
    let _ = writeln!(text, "{}", if step.guard.is_some() { ", guarded" } else { "" });
    match &step.action {
        Action::Ensure(wants) => {
            for want in wants {
                let after = match want {
                    Want::Unit { files, reload, .. } if !files.is_empty() => {
                        format!(
                            ", {} for {}",
                            if *reload { "reloaded" } else { "restarted" },
                            files.join(" ")
                        )
                    }
                    _ => String::new(),
                };
                let _ = writeln!(text, "  - {}{after}", want.subject());
            }
        }
        Action::Job { argv, .. } => {
            let _ = writeln!(text, "  $ {}", argv.join(" "));
        }
        Action::Put { root, tree, .. } => {
            let _ = writeln!(text, "  > {root}: {} files", tree.0.len());
        }
        other => {
            let _ = writeln!(text, "  ? {other:?}");
        }
    }
    text
}

#[test]
fn every_installation_is_the_one_that_was_reviewed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/steps/cases");
    for (name, plan) in plans() {
        let now: Vec<String> = graph(&plan).steps.iter().map(lines).collect();
        let now = now.join("\n");
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &now).unwrap();
        }
        let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(reviewed, now, "{name}: BLESS=1 takes it over");
    }
}

#[test]
fn no_graph_has_faults_and_every_step_waits_for_the_record() {
    for (name, plan) in plans() {
        let graph = graph(&plan);
        assert_eq!(graph.faults(), Vec::<String>::new(), "{name}");
        let mut behind = vec!["before"];
        for step in &graph.steps[1..] {
            assert!(step.before().any(|id| behind.contains(&id.as_str())), "{name}: {}", step.id);
            behind.push(step.id.as_str());
        }
    }
}

#[test]
fn every_file_of_the_tree_is_brought_by_exactly_one_step() {
    for (name, plan) in plans() {
        let tree = render::tree(&plan, &secrets(&plan)).unwrap();
        let mut count: BTreeMap<String, usize> = tree.0.keys().map(|path| (path.clone(), 0)).collect();
        let mut bring = |path: &str| *count.entry(path.to_owned()).or_default() += 1;
        for step in &list(&plan, &tree).steps {
            match &step.action {
                Action::Ensure(wants) => wants.iter().for_each(|want| match want {
                    Want::File { path, .. } => bring(path),
                    Want::Trusted { name, .. } => {
                        bring(&format!("/usr/local/share/ca-certificates/{name}.crt"))
                    }
                    _ => {}
                }),
                Action::Put { tree, .. } => tree.0.keys().for_each(|path| bring(path)),
                _ => {}
            }
        }
        let odd: Vec<_> = count.iter().filter(|(_, n)| **n != 1).collect();
        assert!(odd.is_empty(), "{name}: {odd:?}");
    }
}

#[test]
fn the_same_plan_gives_the_same_graph() {
    for (_, plan) in plans() {
        assert_eq!(graph(&plan), graph(&plan));
    }
}

#[test]
fn guards_name_the_files_that_their_step_writes_and_nothing_secret_is_said() {
    for (name, plan) in plans() {
        for step in graph(&plan).steps.iter().filter(|step| step.guard.is_some()) {
            let guard = step.guard.as_ref().unwrap();
            let Action::Ensure(wants) = &step.action else { panic!("{name}: {}", step.id) };
            for want in wants {
                if let Want::File { path, .. } | Want::NoFile { path } = want {
                    assert!(guard.files.contains(path), "{name}: {}: {path}", step.id);
                }
            }
        }
    }
}
