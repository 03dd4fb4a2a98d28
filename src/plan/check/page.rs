//! Findings as text for a terminal of 80 columns; understandable without colour.

use super::{Finding, Status};
use crate::plan::text::{fold, plural};

/// Where the text of a finding begins: behind the status and the longest id.
const INDENT: usize = 30;
/// Where what helps begins.
const BELOW: usize = 9;

/// What stands against a deployment first, then what is doubtful, then the rest; a summary at the end.
pub fn page(findings: &[Finding]) -> String {
    let mut text = String::new();
    for status in [Status::Fail, Status::Warn, Status::Ignored, Status::Skipped, Status::Pass] {
        let of_status: Vec<&Finding> = findings.iter().filter(|f| f.status == status).collect();
        for (n, finding) in of_status.iter().enumerate() {
            text.push_str(&entry(finding));
            // Several of one id: what helps is said once, below the last.
            let next = of_status.get(n + 1);
            let last = next.is_none_or(|next| (&next.id, &next.hint) != (&finding.id, &finding.hint));
            if let (true, true, Some(hint)) = (last, status >= Status::Warn, &finding.hint) {
                text.push_str(&fold("", hint, BELOW));
            }
        }
    }
    text.push('\n');
    text.push_str(&summary(findings));
    text
}

fn entry(finding: &Finding) -> String {
    let mut said = Vec::new();
    said.extend(finding.subject.as_ref().map(|subject| format!("{subject}:")));
    said.extend(finding.measured.as_ref().map(|measured| format!("{measured};")));
    said.push(finding.message.clone());
    if let (true, Some(needs)) = (finding.status == Status::Fail, &finding.needs) {
        said.push(format!("(needs {needs})"));
    }
    let head = format!("{:<8} {}", word(finding.status), finding.id);
    fold(&head, &said.join(" "), INDENT)
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Skipped => "skipped",
        Status::Ignored => "ignored",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
    }
}

fn summary(findings: &[Finding]) -> String {
    let count = |status| findings.iter().filter(|f| f.status == status).count();
    let fails = count(Status::Fail);
    let rest = format!(
        "{}, {} ignored, {} skipped, {} passed",
        plural(count(Status::Warn), "warning"),
        count(Status::Ignored),
        count(Status::Skipped),
        count(Status::Pass),
    );
    let text = match fails {
        0 => format!("Nothing stands against a deployment; {rest}."),
        _ => format!(
            "{} a deployment; {rest}. `--ignore ID` lets one pass.",
            if fails == 1 { "1 finding stops".to_owned() } else { format!("{fails} findings stop") }
        ),
    };
    fold("", &text, 0)
}
