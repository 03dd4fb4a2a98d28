//! How times are said, and how texts from a box are made safe to show.

use std::time::Duration;

/// A measured time: `0.4 s`, `12 s`, `1 min 40 s`, `2 h 5 min`.
pub(super) fn took(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=9 if time.as_millis() < 9_950 => format!("{:.1} s", time.as_secs_f64()),
        0..=59 => format!("{} s", (time.as_millis() + 500) / 1000),
        60..=3599 => parts(seconds / 60, "min", seconds % 60, "s"),
        _ => parts(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

/// A time that still goes on, in whole seconds.
pub(super) fn whole(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { took(time) }
}

/// An estimated time, no more exact than it deserves.
pub(super) fn about(time: Duration) -> String {
    let minutes = (time.as_secs() + 30) / 60;
    match minutes {
        0 => "less than a minute".into(),
        1..=90 => format!("about {minutes} min"),
        _ => format!("about {}", parts(minutes / 60, "h", minutes % 60 / 10 * 10, "min")),
    }
}

fn parts(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// One line that cannot move the cursor, change the terminal or hide text: escape sequences are dropped, other
/// control characters become spaces, and of a line that was redrawn (`\r`) the last state is kept.
pub(super) fn clean(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']);
    let text = text.rsplit_once('\r').map_or(text, |(_, last)| last);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => skip_sequence(&mut rest),
            '\t' => clean.push_str("    "),
            c if c.is_control() || is_direction(c) => clean.push(' '),
            c => clean.push(c),
        }
    }
    clean
}

/// Characters that reorder what stands beside them.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same for a text of many lines.
pub(super) fn clean_lines(text: &str) -> String {
    text.trim_end().lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// Passes over what follows an escape character (ECMA-48: CSI, and strings up to BEL or ST).
fn skip_sequence(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => {
            rest.find(|c| ('\x40'..='\x7e').contains(c));
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.find(|c| *c == '\x07' || *c == '\\');
        }
        Some('(' | ')' | '#' | ' ' | '%') => {
            rest.next();
        }
        _ => {}
    }
}

/// The text in at most so many columns, with three dots where something was left out.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

/// The text broken at spaces into lines of so many columns; a longer word stands alone on a line.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().map(|line| (line.chars().count(), line));
        match line {
            Some((0, line)) => line.push_str(word),
            Some((used, line)) if used + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `1 step`, `2 steps`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_they_are_long() {
        let said = |millis| took(Duration::from_millis(millis));
        assert_eq!(
            [0, 440, 9_949, 9_950, 59_400, 60_000, 100_000, 3_600_000, 7_500_000].map(said),
            ["0.0 s", "0.4 s", "9.9 s", "10 s", "59 s", "1 min", "1 min 40 s", "1 h", "2 h 5 min"]
        );
        let left = |seconds| about(Duration::from_secs(seconds));
        assert_eq!(
            [0, 29, 30, 170, 5_400, 6_300].map(left),
            [
                "less than a minute",
                "less than a minute",
                "about 1 min",
                "about 3 min",
                "about 90 min",
                "about 1 h 40 min"
            ]
        );
    }

    #[test]
    fn a_box_cannot_write_to_the_terminal() {
        assert_eq!(clean("\x1b[31mred\x1b[0m\x1b]0;title\x07 \x1b(Bend"), "red end");
        assert_eq!(clean("10%\r50%\r100%\n"), "100%");
        assert_eq!(clean("a\tb\x07\x08\u{9b}c\u{202e}d"), "a    b   c d");
        assert_eq!(clean("cut off \x1b["), "cut off ");
        assert_eq!(clean("plain ümlaut\r\n"), "plain ümlaut");
        assert_eq!(clean_lines("FAIL a\r\n  \x1b[1mb\n\n"), "FAIL a\n  b");
    }

    #[test]
    fn texts_fit_their_columns() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("a longer text", 9), "a long...");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("overlongword a", 4), ["overlongword", "a"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
