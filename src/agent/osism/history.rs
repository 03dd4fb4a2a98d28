//! What OSISM's manager remembers of plays: one JSON line when a play begins and one when it ends
//! (osism/python-osism, `log_play_execution`), and the tasks that wait or run now (`osism task list`).

use std::collections::BTreeSet;

use serde::Deserialize;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Line {
    /// The id of the task.
    pub(super) request_id: String,
    /// RFC 3339, always UTC, so that two of them compare as texts.
    pub(super) timestamp: String,
    /// As the worker got it: without `ceph-` or `kolla-` before it.
    pub(super) role: String,
    pub(super) result: Word,
}

/// What a line says of its play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Started,
    Success,
    Failure,
}

/// Every line that can be read: the last one may be half written, and older managers wrote other fields.
pub(super) fn lines(text: &str) -> Vec<Line> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The last word about a task.
pub(super) fn last(lines: &[Line], id: &str) -> Option<Word> {
    lines.iter().rev().find(|line| line.request_id == id).map(|line| line.result)
}

/// The task of a role that began at this time or later; the first one, which is the one that was asked for.
pub(super) fn begun(lines: &[Line], role: &str, since: &str) -> Option<String> {
    let same =
        |line: &&Line| line.role == role && line.result == Word::Started && line.timestamp.as_str() >= since;
    lines.iter().find(same).map(|line| line.request_id.clone())
}

/// The ids in the table that `osism task list` prints: whatever in it has the form of a UUID.
pub(super) fn listed(table: &str) -> BTreeSet<String> {
    let words = table.split(|c: char| c.is_whitespace() || c == '|');
    words.filter(|word| is_id(word)).map(str::to_owned).collect()
}

/// Whether a text has the form of a task's id, a UUID.
pub(super) fn is_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.concat().bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "11111111-2222-4333-8444-555555555555";
    const TWO: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

    fn text() -> String {
        let line = |id, at, role, result| {
            format!(
                r#"{{"timestamp":"2026-11-25T{at}.123456Z","request_id":"{id}","worker":"kolla-ansible","worker_version":"0.20260814.0","environment":"kolla","role":"{role}","hosts":["box"],"arguments":"-e kolla_action=deploy","result":"{result}"}}"#
            )
        };
        [
            line(ONE, "10:00:00", "keystone", "started"),
            line(ONE, "10:05:00", "keystone", "failure"),
            line(TWO, "10:06:00", "keystone", "started"),
            r#"{"timestamp":"2026-11-25T10:"#.to_owned(),
        ]
        .join("\n")
    }

    #[test]
    fn the_last_word_counts_and_half_a_line_says_nothing() {
        let lines = lines(&text());
        assert_eq!(lines.len(), 3);
        assert_eq!(last(&lines, ONE), Some(Word::Failure));
        assert_eq!(last(&lines, TWO), Some(Word::Started));
        assert_eq!(last(&lines, "00000000-0000-4000-8000-000000000000"), None);
    }

    #[test]
    fn a_play_is_found_by_role_and_time() {
        let lines = lines(&text());
        assert_eq!(begun(&lines, "keystone", "2026-11-25T10:05:30Z").as_deref(), Some(TWO));
        assert_eq!(begun(&lines, "keystone", "2026-11-25T09:00:00Z").as_deref(), Some(ONE));
        assert_eq!(begun(&lines, "glance", "2026-11-25T09:00:00Z"), None);
        assert_eq!(begun(&lines, "keystone", "2026-11-25T11:00:00Z"), None);
    }

    #[test]
    fn ids_are_read_off_the_table() {
        let table = format!("+---+\n| Worker | ID |\n| kolla@x | {ONE} | osism.tasks.kolla.run | ACTIVE |\n");
        assert_eq!(listed(&table), BTreeSet::from([ONE.to_owned()]));
        assert!(!is_id("11111111-2222-4333-8444-55555555555g"));
    }
}
