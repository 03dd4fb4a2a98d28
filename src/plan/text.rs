//! Text for a terminal of 80 columns.

/// What every terminal has.
pub(super) const WIDTH: usize = 80;

/// A head, then words folded so that no line is longer than [`WIDTH`], each line of them indented by `indent`.
/// A word that is longer than a line stays whole, so that it can be copied.
pub(super) fn fold(head: &str, words: &str, indent: usize) -> String {
    let mut text = format!("{head:<indent$}");
    let mut column = text.chars().count();
    let mut first = true;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if !first && column + 1 + length > WIDTH {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            column = indent;
            first = true;
        }
        if !first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
        first = false;
    }
    let mut text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

/// `1 warning`, `2 warnings`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// A time for people: `40 s`, `12 min`, `1 h 5 min`.
pub(super) fn duration(seconds: u32) -> String {
    let minutes = seconds.div_ceil(60);
    match (seconds, minutes) {
        (0..90, _) => format!("{seconds} s"),
        (_, 0..60) => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_at_words_and_hang_below_the_head() {
        assert_eq!(fold("a", "b c", 3), "a  b c\n");
        let long = fold("head", &"word ".repeat(40), 6);
        assert!(long.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(long.lines().skip(1).all(|line| line.starts_with("      word")));
        let key = "x".repeat(100);
        assert_eq!(fold("", &key, 0), format!("{key}\n"));
    }

    #[test]
    fn times_are_rounded_up_to_what_people_say() {
        for (seconds, text) in [(5, "5 s"), (89, "89 s"), (90, "2 min"), (3600, "1 h 0 min")] {
            assert_eq!(duration(seconds), text);
        }
    }
}
