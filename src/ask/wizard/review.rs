//! The file before it is written, and what `ciab check` would say about it.

use super::{Answer, Eyes, Go, Person, Talk, fold, judge};
use crate::{
    failure::Failure,
    plan::check::{Finding, Status},
};

/// Where the file goes, and what is known of this machine.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// As it was named.
    pub path: String,
    /// The text of the file that stands there already.
    pub there: Option<String>,
    /// The proxy of this machine's environment.
    pub proxy: Option<String>,
}

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn review(&mut self) -> Result<Go, Failure> {
        let text = self.draft.text()?;
        self.person.say(&format!("\nThe box file:\n\n{text}"))?;
        if let Some(faults) = judge::whole(&self.draft)? {
            self.person.say(&faults)?;
            self.person.say("\nSo it cannot be written as it is.")?;
            let items = vec!["leave without writing".to_owned()];
            return Ok(match self.choose("And now", items, 0).await? {
                Answer::Given(_) => Go::Leave,
                Answer::Back => Go::Back,
            });
        }
        self.foresee()?;
        let (write, default) = match &self.target.there {
            None => (format!("write {}", self.target.path), 0),
            Some(there) => {
                let difference = similar::TextDiff::from_lines(there.as_str(), &text);
                let difference = difference.unified_diff().header("there now", "new").to_string();
                self.person.say(&format!("There is a {} already:\n{difference}", self.target.path))?;
                // What somebody wrote is not lost by pressing Enter once too often.
                (format!("replace {}", self.target.path), 1)
            }
        };
        let items = vec![write, "leave without writing".to_owned()];
        Ok(match self.choose("And now", items, default).await? {
            Answer::Given(0) => Go::Write,
            Answer::Given(_) => Go::Leave,
            Answer::Back => Go::Back,
        })
    }

    /// What would stand against a deployment, as far as a look tells.
    fn foresee(&mut self) -> Result<(), Failure> {
        let Some(seen) = &self.seen else { return Ok(()) };
        let Ok(wanted) = judge::wanted(&self.draft)? else { return Ok(()) };
        let findings = judge::judged(&wanted, &seen.facts)?;
        let line = |finding: &Finding| {
            let about = finding.subject.as_ref().map(|subject| format!(" {subject}:")).unwrap_or_default();
            fold(&format!("  {}{about} {}", finding.id, finding.message))
        };
        for (status, head) in [
            (Status::Fail, "`ciab check` will hold this against the box:"),
            (Status::Warn, "`ciab check` will warn of this:"),
        ] {
            let lines: Vec<String> = findings.iter().filter(|f| f.status == status).map(line).collect();
            if !lines.is_empty() {
                self.person.say(&format!("{head}\n{}\n", lines.join("\n")))?;
            }
        }
        Ok(())
    }
}
