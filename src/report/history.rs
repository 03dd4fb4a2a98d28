//! Events of the record as text, for whoever looks at a run from elsewhere.

use super::line;
use crate::event::Event;

/// Dated lines, as a run without a terminal prints them. Lines of the record that are damaged are left out.
pub fn history(lines: &[String]) -> String {
    let mut text = String::new();
    for event in lines.iter().filter_map(|line| event(line)) {
        for (_, said) in line::lines(&event.kind) {
            text += &format!("{} {said}\n", event.at.get(..19).unwrap_or(&event.at));
        }
    }
    text
}

/// An event from its line in the record.
pub fn event(line: &str) -> Option<Event> {
    serde_json::from_str(line).ok()
}
