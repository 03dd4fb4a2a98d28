//! What the tests found, as JSON and as the table that is made from it.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::strike::{self, Struck, Verdict};

/// A whole run of the tests.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) commit: String,
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) mode: String,
    pub(crate) seed: String,
    pub(crate) seconds: f64,
    pub(crate) combinations: Vec<Struck>,
    pub(crate) cases: Vec<Case>,
}

/// A case with a name of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) outcome: Verdict,
    pub(crate) exits: Vec<i32>,
    pub(crate) seconds: f64,
    pub(crate) notes: Vec<String>,
}

impl Results {
    pub(crate) fn new(mode: &str, seed: &str) -> Self {
        Self {
            commit: commit(),
            date: jiff::Timestamp::now().to_string(),
            machine: format!("{}, {} CPUs", said("uname", &["-srm"]), said("nproc", &[])),
            mode: mode.into(),
            seed: seed.into(),
            seconds: 0.0,
            combinations: vec![],
            cases: vec![],
        }
    }

    /// Whether anything failed; what was not reached is told, and is no pass either.
    pub(crate) fn failed(&self) -> usize {
        let all = self.combinations.iter().map(|c| c.outcome).chain(self.cases.iter().map(|c| c.outcome));
        all.filter(|outcome| *outcome == Verdict::Failed).count()
    }

    /// Adds what came out, in place of what was there before.
    pub(crate) fn add(&mut self, struck: Struck) {
        match self.combinations.iter_mut().find(|c| c.place == struck.place && c.fault == struck.fault) {
            Some(old) => *old = struck,
            None => self.combinations.push(struck),
        }
    }

    pub(crate) fn add_case(&mut self, case: Case) {
        match self.cases.iter_mut().find(|c| c.name == case.name) {
            Some(old) => *old = case,
            None => self.cases.push(case),
        }
    }

    pub(crate) fn has_passed(&self, place: &str, fault: &str) -> bool {
        let passed = self.combinations.iter().filter(|c| c.outcome == Verdict::Passed);
        passed.into_iter().any(|c| c.place == place && c.fault == fault)
    }

    pub(crate) fn case_passed(&self, name: &str) -> bool {
        self.cases.iter().any(|case| case.name == name && case.outcome == Verdict::Passed)
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_vec_pretty(self)?).with_context(|| format!("write {}", path.display()))
    }

    pub(crate) fn load(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))
    }

    fn commits(&self) -> String {
        let mut all: Vec<&str> =
            self.combinations.iter().map(|c| &c.commit[..c.commit.len().min(10)]).collect();
        all.sort_unstable();
        all.dedup();
        format!("Commit {}", all.join(" and "))
    }

    /// The page `docs/faults.md`.
    pub(crate) fn page(&self) -> String {
        let all = strike::all("");
        let faults: Vec<String> = all.iter().fold(Vec::new(), |mut faults, c| {
            let fault = c.fault.to_string();
            if !faults.contains(&fault) {
                faults.push(fault);
            }
            faults
        });
        let mut places: Vec<&str> = all.iter().map(|c| c.place).collect();
        places.dedup();
        let mut cells: BTreeMap<(&str, &str), String> = BTreeMap::new();
        for result in &self.combinations {
            let (place, fault) = (result.place.as_str(), result.fault.as_str());
            let cell = match result.outcome {
                Verdict::Passed => {
                    format!("`{}` +{}, {:.0} s", result.step, result.recoveries, result.seconds)
                }
                Verdict::NotReached => format!("`{}` not reached", result.step),
                Verdict::Failed => format!("`{}` **failed**", result.step),
            };
            cells.insert((place, fault), cell);
        }
        let mut page = format!(
            "# Faults\n\nMade by `cargo test --test faults --features failpoints -- --table`; not written by hand.\n\n\
             Each cell: the step that was at the place, engines started in addition to the first, wall time. \
             A place is where a process is held while the fault is done (`src/failpoint.rs`); `action-middle` is \
             in the graph's own jobs (`tests/faults/graph.rs`). After each, the box is compared file by file with \
             one that met no fault, no finished action has run twice, and another run finds nothing to do.\n\n\
             {}, {}, {}, {} of {} combinations passed, {:.0} s.\n\n",
            self.commits(),
            self.date,
            self.machine,
            self.combinations.iter().filter(|c| c.outcome == Verdict::Passed).count(),
            self.combinations.len(),
            self.seconds
        );
        let _ = writeln!(page, "| place | {} |", faults.join(" | "));
        let _ = writeln!(page, "|---|{}", "---|".repeat(faults.len()));
        for place in places {
            let row: Vec<&str> =
                faults.iter().map(|f| cells.get(&(place, f.as_str())).map_or("", String::as_str)).collect();
            let _ = writeln!(page, "| `{place}` | {} |", row.join(" | "));
        }
        page.push_str("\n| case | outcome | exit statuses | seconds |\n|---|---|---|---|\n");
        for case in &self.cases {
            let outcome = match case.outcome {
                Verdict::Passed => "passed".to_owned(),
                Verdict::NotReached => case.notes.join("; "),
                Verdict::Failed => format!("**failed**: {}", case.notes.join("; ")),
            };
            let exits: Vec<String> = case.exits.iter().map(ToString::to_string).collect();
            let _ =
                writeln!(page, "| {} | {outcome} | {} | {:.0} |", case.name, exits.join(", "), case.seconds);
        }
        let digest = digest(&page);
        let _ = writeln!(page, "\n{DIGEST}{digest} -->");
        page
    }
}

const DIGEST: &str = "<!-- made from target/faults.json; digest ";

fn digest(text: &str) -> String {
    ciab::tree::sha256(text.as_bytes())
}

/// Refuses a page that was changed by hand.
pub(crate) fn check_page(page: &str) -> Result<()> {
    let (body, rest) =
        page.rsplit_once(&format!("\n{DIGEST}")).context("docs/faults.md has no line with its digest")?;
    ensure!(
        rest.trim_end().strip_suffix(" -->") == Some(&digest(body)),
        "docs/faults.md was changed by hand: make it with `make faults`"
    );
    Ok(())
}

/// The commit that is tested.
pub(crate) fn commit() -> String {
    said("git", &["rev-parse", "HEAD"])
}

fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
