//! A rendered tree beside what is on the box, for people; the text of a secret file is never part of it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use crate::{
    agent::wire::FileState,
    tree::{Change, Entry, Tree},
};

/// Unchanged lines shown round a change.
const ROUND: usize = 2;
/// Pairs of lines compared at most; beyond, a text is shown as replaced.
const MOST: usize = 4_000_000;

/// One path that a deployment would write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub path: String,
    pub change: Change,
    /// What else is different, and the changed lines.
    pub text: String,
}

/// Every path that is not on the box as the tree has it.
pub fn against(tree: &Tree, there: &BTreeMap<String, FileState>) -> Vec<Difference> {
    let one = |(path, entry): (&String, &Entry)| {
        let (change, text) = compare(entry, there.get(path).unwrap_or(&FileState::Absent));
        (change != Change::Same).then(|| Difference { path: path.clone(), change, text })
    };
    tree.0.iter().filter_map(one).collect()
}

fn compare(entry: &Entry, there: &FileState) -> (Change, String) {
    match there {
        FileState::Absent => (Change::Added, lines(entry, "")),
        FileState::Odd { why } => (Change::Changed, format!("! {why}\n")),
        FileState::Present { mode, owner, group, text } => {
            let mut said = String::new();
            for (what, old, new) in [
                ("mode", format!("{mode:04o}"), format!("{:04o}", entry.mode)),
                ("owner", format!("{owner}:{group}"), format!("{}:{}", entry.owner, entry.group)),
            ] {
                if old != new {
                    let _ = writeln!(said, "! {what} {old} becomes {new}");
                }
            }
            if *text != entry.text {
                said += &lines(entry, text);
            }
            (if said.is_empty() { Change::Same } else { Change::Changed }, said)
        }
    }
}

fn lines(entry: &Entry, old: &str) -> String {
    if entry.secret {
        return "! a secret file, not shown\n".to_owned();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), entry.text.lines().collect());
    let edits = edits(&old, &new);
    let near = |at: usize| edits[at.saturating_sub(ROUND)..(at + ROUND + 1).min(edits.len())].iter();
    let mut text = String::new();
    let mut gap = false;
    for (at, (sign, line)) in edits.iter().enumerate() {
        if near(at).all(|(sign, _)| *sign == ' ') {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) && !text.is_empty() {
            text += "  ...\n";
        }
        let _ = writeln!(text, "{sign} {line}");
    }
    text
}

/// The shortest way from one list of lines to the other: ' ' stays, '-' goes, '+' comes.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    if old.len() * new.len() > MOST {
        let gone = old.iter().map(|line| ('-', *line));
        return gone.chain(new.iter().map(|line| ('+', *line))).collect();
    }
    // Length of the longest common sequence of what is left of both.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for o in (0..old.len()).rev() {
        for n in (0..new.len()).rev() {
            common[o][n] = if old[o] == new[n] {
                common[o + 1][n + 1] + 1
            } else {
                common[o + 1][n].max(common[o][n + 1])
            };
        }
    }
    let (mut o, mut n, mut edits) = (0, 0, Vec::new());
    while o < old.len() || n < new.len() {
        if o < old.len() && n < new.len() && old[o] == new[n] {
            edits.push((' ', old[o]));
            (o, n) = (o + 1, n + 1);
        } else if n == new.len() || (o < old.len() && common[o + 1][n] >= common[o][n + 1]) {
            edits.push(('-', old[o]));
            o += 1;
        } else {
            edits.push(('+', new[n]));
            n += 1;
        }
    }
    edits
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.change {
            Change::Added => "new",
            Change::Changed => "changed",
            Change::Same => "same",
        };
        writeln!(f, "{word}: {}", self.path)?;
        self.text.lines().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(text: &str, mode: u32) -> BTreeMap<String, FileState> {
        let state =
            FileState::Present { mode, owner: "root".into(), group: "root".into(), text: text.into() };
        BTreeMap::from([("/a".to_owned(), state)])
    }

    fn said(entry: Entry, there: &BTreeMap<String, FileState>) -> String {
        let tree = Tree(BTreeMap::from([("/a".to_owned(), entry)]));
        against(&tree, there).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn changed_lines_stand_among_a_few_others() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\nfour\n5\n6\n7\n8\nnine\n";
        insta::assert_snapshot!(said(Entry::public(new), &there(old, 0o600)), @"
        changed: /a
            ! mode 0600 becomes 0644
              2
              3
            - 4
            + four
              5
              6
              7
              8
            - 9
            + nine
        ");
    }

    #[test]
    fn what_is_the_same_is_not_said() {
        assert_eq!(said(Entry::public("x\n"), &there("x\n", 0o644)), "");
    }

    #[test]
    fn a_secret_is_not_shown_in_any_form() {
        for there in [BTreeMap::new(), there("canary-old", 0o600), there("canary-old", 0o644)] {
            let said = said(Entry::secret("canary-new"), &there);
            assert!(!said.is_empty() && !said.contains("canary"), "{said}");
        }
    }
}
