//! The table of proofs, pinned beside the list of steps.

use std::{collections::BTreeSet, fmt::Write as _};

use super::*;
use crate::{
    boxfile::Engine,
    render::testing::{cloud, plans},
};

#[test]
fn the_proofs_are_those_that_were_reviewed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verify/cases");
    for (name, plan) in plans() {
        let mut now = String::new();
        for proof in proofs(&plan) {
            let _ = writeln!(now, "{}: {}\n    {}", proof.id, proof.what, proof.expected);
            if let Probe::Command { argv } = &proof.probe {
                let command =
                    argv.iter().skip_while(|word| *word != "--").skip(1).cloned().collect::<Vec<_>>();
                let command = if command.is_empty() { argv.clone() } else { command };
                let _ = writeln!(now, "  $ {}", command.join(" "));
            }
        }
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &now).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), now, "{name}: BLESS=1 takes it over");
    }
}

#[test]
fn ids_are_unique_and_plain() {
    let clouds = [("cloud", cloud(Engine::Kolla, &["barbican", "octavia"]))];
    for (name, plan) in plans().into_iter().chain(clouds) {
        let all = proofs(&plan);
        let ids: BTreeSet<&str> = all.iter().map(|proof| proof.id.as_str()).collect();
        assert_eq!(ids.len(), all.len(), "{name}");
        let good = |c: char| c.is_ascii_lowercase() || c == '-' || c == '.';
        assert!(ids.iter().all(|id| id.starts_with("verify.") && id.chars().all(good)), "{name}");
        let asks = |proof: &Proof| match &proof.probe {
            Probe::Wants(wants) => !wants.is_empty(),
            Probe::Asks { questions, .. } => !questions.is_empty(),
            _ => true,
        };
        let idle: Vec<&str> =
            all.iter().filter(|proof| !asks(proof)).map(|proof| proof.id.as_str()).collect();
        assert!(idle.is_empty(), "{name}: {idle:?} ask nothing, and always pass");
    }
}
