//! What laying a tree would change: a unified difference, without a word of what is secret.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use similar::TextDiff;

use super::words::clean;
use crate::tree::{Entry, Tree};

/// After this the difference becomes coarser, not wrong.
const PATIENCE: Duration = Duration::from_secs(2);
/// Larger files are only said to differ.
const LARGEST: usize = 1 << 20;

/// A file as it is on the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub mode: u32,
    pub owner: String,
    pub group: String,
    pub text: String,
}

/// The difference between the box and the tree; empty where there is none. A path that is not among `found`, or
/// is `None` there, is not on the box.
pub fn diff(tree: &Tree, found: &BTreeMap<String, Option<Found>>) -> String {
    let mut page = String::new();
    for (path, entry) in &tree.0 {
        match found.get(path) {
            Some(Some(there)) => changed(&mut page, path, there, entry),
            _ => added(&mut page, path, entry),
        }
    }
    page
}

fn added(page: &mut String, path: &str, entry: &Entry) {
    let Entry { mode, owner, group, .. } = entry;
    let _ = writeln!(page, "new {} ({mode:04o} {owner}:{group})", clean(path));
    texts(page, path, None, entry);
}

fn changed(page: &mut String, path: &str, there: &Found, entry: &Entry) {
    let was = format!("{:04o} {}:{}", there.mode, there.owner, there.group);
    let becomes = format!("{:04o} {}:{}", entry.mode, entry.owner, entry.group);
    if was != becomes {
        let _ = writeln!(page, "mode {}: {} becomes {becomes}", clean(path), clean(&was));
    }
    if there.text != entry.text {
        texts(page, path, Some(&there.text), entry);
    }
}

fn texts(page: &mut String, path: &str, there: Option<&str>, entry: &Entry) {
    let path = clean(path);
    if entry.secret {
        let _ = writeln!(page, "{path}: secret, differs");
        return;
    }
    if there.map_or(0, str::len).max(entry.text.len()) > LARGEST {
        let _ = writeln!(page, "{path}: differs, too large to show");
        return;
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(there.unwrap_or(""), &entry.text);
    let before = if there.is_some() { format!("box{path}") } else { "/dev/null".into() };
    let text = diff.unified_diff().header(&before, &format!("tree{path}")).to_string();
    page.push_str(&visible(&text));
}

/// The same text with its control characters written out: a carriage return is a difference too.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, Entry)]) -> Tree {
        Tree(entries.iter().map(|(path, entry)| ((*path).to_owned(), entry.clone())).collect())
    }

    fn found(mode: u32, text: &str) -> Option<Found> {
        Some(Found { mode, owner: "root".into(), group: "root".into(), text: text.into() })
    }

    #[test]
    fn differences_are_unified_and_modes_are_said() {
        let tree = tree(&[
            ("/etc/a", Entry::public("one\ntwo\nthree\n")),
            ("/etc/b", Entry::public("new")),
            ("/etc/c", Entry::public("same\n")),
        ]);
        let found = BTreeMap::from([
            ("/etc/a".to_owned(), found(0o600, "one\n2\nthree\n")),
            ("/etc/b".to_owned(), None),
            ("/etc/c".to_owned(), found(0o644, "same\n")),
        ]);
        assert_eq!(
            diff(&tree, &found),
            "\
mode /etc/a: 0600 root:root becomes 0644 root:root
--- box/etc/a
+++ tree/etc/a
@@ -1,3 +1,3 @@
 one
-2
+two
 three
new /etc/b (0644 root:root)
--- /dev/null
+++ tree/etc/b
@@ -0,0 +1 @@
+new
\\ No newline at end of file
"
        );
    }

    #[test]
    fn no_word_of_a_secret_is_shown_old_or_new() {
        let tree = tree(&[("/k", Entry::secret("canary-new")), ("/n", Entry::secret("canary-first"))]);
        let page = diff(&tree, &BTreeMap::from([("/k".to_owned(), found(0o600, "canary-old"))]));
        assert_eq!(page, "/k: secret, differs\nnew /n (0600 root:root)\n/n: secret, differs\n");
    }

    #[test]
    fn what_stands_in_a_file_is_written_out_and_cannot_write_to_the_terminal() {
        let tree = tree(&[("/a", Entry::public("\x1b[2Jx\r\n\ty\n"))]);
        assert!(diff(&tree, &BTreeMap::new()).ends_with("\n+\\u{1b}[2Jx\\r\n+\ty\n"));
    }
}
