//! The support bundle: one text file that a person can read from the top and a mail can carry.

use std::{collections::BTreeMap, fmt::Write as _};

/// The bundle's text: what failed first, then every part under its name.
pub fn bundle(name: &str, parts: &BTreeMap<String, String>) -> String {
    let mut text = format!("ciab support bundle of {name}\nciab {}\n", env!("CARGO_PKG_VERSION"));
    let failed = parts.iter().filter(|(part, end)| part.ends_with("/end") && !end.contains("\"code\":0"));
    for (part, _) in failed {
        let out = format!("{}/out", part.trim_end_matches("/end"));
        let last: Vec<&str> = parts.get(&out).map(|text| text.lines().collect()).unwrap_or_default();
        let _ = writeln!(text, "\nfailed: {part}");
        for line in last.iter().skip(last.len().saturating_sub(20)) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text += "\nparts:\n";
    for (part, body) in parts {
        let _ = writeln!(text, "    {part} ({} lines)", body.lines().count());
    }
    for (part, body) in parts {
        let _ = write!(text, "\n===== {part}\n{}", body.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_stands_at_the_top() {
        let parts = BTreeMap::from([
            ("steps/a/1/end".to_owned(), r#"{"exit":{"code":0}}"#.to_owned()),
            ("steps/b/2/end".to_owned(), r#"{"exit":{"code":1}}"#.to_owned()),
            ("steps/b/2/out".to_owned(), "one\nthe reason\n".to_owned()),
        ]);
        let text = bundle("lab", &parts);
        let top = text.split("parts:").next().unwrap();
        assert!(
            top.contains("steps/b/2/end") && top.contains("the reason") && !top.contains("steps/a"),
            "{top}"
        );
    }
}
