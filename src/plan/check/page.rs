//! Findings as text for a terminal of 80 columns; understandable without colour.

use super::{Finding, Status};
use crate::plan::text::{fold, plural};

/// Where the text of a finding begins: behind the status and the id.
const INDENT: usize = 27;

/// What stands against a deployment first, then what is doubtful, then the rest; a summary at the end.
pub fn page(findings: &[Finding]) -> String {
    let mut text = String::new();
    for status in [Status::Fail, Status::Warn, Status::Ignored, Status::Skipped, Status::Pass] {
        for finding in findings.iter().filter(|f| f.status == status) {
            text.push_str(&entry(finding));
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
    let head = format!("{:<8} {:<18}", word(finding.status), finding.id);
    let mut text = fold(&head, &said.join(" "), INDENT);
    let shown = matches!(finding.status, Status::Fail | Status::Warn);
    for (name, value) in [("needs", &finding.needs), ("hint", &finding.hint)] {
        if let (true, Some(value)) = (shown, value) {
            text.push_str(&fold("", &format!("{name}: {value}"), INDENT));
        }
    }
    text
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
