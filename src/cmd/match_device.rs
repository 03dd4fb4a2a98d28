//! `ciab match`: tries a selector on the box, and says for every device why it matches or does not.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{detect, look::Look};
use crate::{
    facts::{Facts, source::ThisBox},
    failure::{Exit, Failure},
    plan::selector::{
        Verdict, describe_disk, describe_nic, match_disks, match_nics, parse_disk_filter, parse_nic_filter,
    },
};

/// The version of the document of `--json`.
pub const SCHEMA: &str = "ciab/match/v1";

/// Tries a selector on the box; says for every device why it matches or does not.
#[derive(Args, Clone, Debug)]
pub struct MatchArgs {
    /// What to select.
    pub kind: Kind,
    /// Conditions, all of which must be met, such as serial=S4* or size>=200GiB.
    #[arg(value_name = "FILTER", required = true)]
    pub filter: Vec<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// The box file that says where the box is; ./box.yaml when left out, and this machine when there is none.
    #[arg(long = "box", value_name = "BOX")]
    pub file: Option<PathBuf>,
    /// Try it on the box in this recording of `ciab detect --record`.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Disk,
    Nic,
}

/// The answer in both forms.
#[derive(Clone, Debug)]
pub struct Matched {
    pub text: String,
    pub json: Value,
}

/// Judges each device of the box that is meant, or of the recording that was named.
pub async fn run(args: &MatchArgs) -> Result<Matched, Failure> {
    let facts = match (&args.replay, detect::far(args.file.as_deref())?) {
        (Some(file), _) => Facts::read(&detect::load(file)?),
        (None, Some(file)) => Facts::read(&Look::at(&file.load()?.boxfile).await?.recording().await?),
        (None, None) => Facts::read(&ThisBox::default()),
    };
    judge(args.kind, &args.filter, &facts)
}

/// Judges each device; a filter that cannot be read is the only failure.
pub fn judge(kind: Kind, filter: &[String], facts: &Facts) -> Result<Matched, Failure> {
    let usage = |message: String| {
        Failure::new(Exit::Usage, format!("read the filter: {message}"))
            .hint("Write conditions as property=pattern, such as serial=S4* or size>=200GiB.")
    };
    let (selector, verdicts) = match kind {
        Kind::Disk => {
            let select = parse_disk_filter(filter).map_err(usage)?;
            (describe_disk(&select), match_disks(&select, facts))
        }
        Kind::Nic => {
            let select = parse_nic_filter(filter).map_err(usage)?;
            (describe_nic(&select), match_nics(&select, facts))
        }
    };
    Ok(Matched {
        text: page(kind, &selector, &verdicts),
        json: json!({ "schema": SCHEMA, "selector": selector, "devices": verdicts }),
    })
}

/// A block for each device: its verdict, what it is, then every reason on a line of its own.
fn page(kind: Kind, selector: &str, verdicts: &[Verdict]) -> String {
    let noun = match kind {
        Kind::Disk => "disk",
        Kind::Nic => "network card",
    };
    let mut text = String::new();
    for verdict in verdicts {
        let judgement = match (verdict.matches, verdict.is_candidate()) {
            (false, _) => "no    ",
            (true, false) => "unfit ",
            (true, true) => "yes   ",
        };
        text.push_str(&format!("{judgement}  {}\n        {}\n", verdict.device, verdict.about));
        let unmet = verdict.conditions.iter().filter(|c| !c.met).map(ToString::to_string);
        let reasons = unmet.chain(verdict.obstacles.iter().cloned());
        let warnings = verdict.warnings.iter().map(|warning| format!("note: {warning}"));
        for line in reasons.chain(warnings) {
            text.push_str(&format!("        - {line}\n"));
        }
    }
    let candidates = verdicts.iter().filter(|v| v.is_candidate()).count();
    let devices = verdicts.len();
    text.push_str(&format!("{candidates} of {devices} {noun}s can be taken ({selector})\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::source::Recording;

    #[test]
    fn a_filter_that_cannot_be_read_is_a_usage_error() {
        let facts = Facts::read(&Recording::default());
        let failure = judge(Kind::Disk, &["serail=x".into()], &facts).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(
            failure.message.starts_with("read the filter: unknown field `serail`"),
            "{}",
            failure.message
        );
        let none = judge(Kind::Nic, &["driver=igb".into()], &facts).unwrap();
        assert_eq!(none.text, "0 of 0 network cards can be taken (driver igb)\n");
        assert_eq!(none.json.as_object().unwrap().keys().next().unwrap(), "schema");
    }
}
