//! Questions on a terminal that only prints: lists are numbered, answers are lines.

use std::{io, thread};

use tokio::sync::oneshot;

use super::{
    Answer, Blank, Choice, Picks,
    person::BACK,
    prompts::{gone, write},
};
use crate::failure::Failure;

/// Puts a prompt and waits for a line; `None` where none comes.
pub(super) fn ask(prompt: &str) -> Option<String> {
    write(prompt).ok()?;
    read().ok()
}

/// Puts a prompt and waits for a line on a thread of its own, so that Ctrl-C can be waited for beside it. An
/// abandoned thread ends with the process.
pub(super) async fn line(prompt: &str) -> Result<String, Failure> {
    write(prompt)?;
    let (send, receive) = oneshot::channel();
    thread::spawn(move || send.send(read()));
    let line = receive.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
    line.map_err(|error| gone(&error))
}

fn read() -> io::Result<String> {
    let mut line = String::new();
    match io::stdin().read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}

/// `  1) item`, each on a line of its own.
pub(super) fn numbered<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<String> = items.enumerate().map(|(at, item)| format!("  {}) {item}", at + 1)).collect();
    lines.join("\n")
}

/// The numbers of those that are taken with an empty answer.
pub(super) fn taken(picks: &Picks) -> String {
    let taken = picks.items.iter().enumerate().filter(|(_, (_, taken))| *taken);
    taken.map(|(at, _)| (at + 1).to_string()).collect::<Vec<_>>().join(" ")
}

pub(super) fn one(line: &str, choice: &Choice) -> Result<Answer<usize>, String> {
    match line {
        "" => Ok(Answer::Given(choice.default)),
        BACK => Ok(Answer::Back),
        _ => number(line, choice.items.len()).map(Answer::Given),
    }
}

pub(super) fn several(line: &str, picks: &Picks) -> Result<Answer<Vec<usize>>, String> {
    let line = match line {
        "" => &taken(picks),
        BACK => return Ok(Answer::Back),
        _ => line,
    };
    let words = line.split([' ', ',']).filter(|word| !word.is_empty());
    let mut numbers = words.map(|word| number(word, picks.items.len())).collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Answer::Given(numbers))
}

pub(super) fn text(line: &str, blank: &Blank) -> Result<Answer<String>, String> {
    match (line, &blank.default) {
        (BACK, _) => Ok(Answer::Back),
        ("", Some(default)) => Ok(Answer::Given(default.clone())),
        ("", None) => Err(format!("this has no default; `{BACK}` goes back")),
        (line, _) => Ok(Answer::Given(line.to_owned())),
    }
}

/// A number that people count from one, as one that counts from zero.
fn number(word: &str, of: usize) -> Result<usize, String> {
    match word.parse::<usize>() {
        Ok(number) if (1..=of).contains(&number) => Ok(number - 1),
        Ok(_) | Err(_) => Err(format!("write a number from 1 to {of}, or `{BACK}` to go back")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_from_one_and_nothing_means_the_default() {
        let choice = Choice { question: String::new(), items: vec!["a".into(), "b".into()], default: 1 };
        assert_eq!(one("", &choice), Ok(Answer::Given(1)));
        assert_eq!(one("1", &choice), Ok(Answer::Given(0)));
        assert_eq!(one("<", &choice), Ok(Answer::Back));
        for wrong in ["0", "3", "a", "-1", "99999999999999999999"] {
            assert!(one(wrong, &choice).is_err(), "{wrong}");
        }
        let picks = Picks { question: String::new(), items: vec![("a".into(), true), ("b".into(), false)] };
        assert_eq!(several("", &picks), Ok(Answer::Given(vec![0])));
        assert_eq!(several("2, 1 2", &picks), Ok(Answer::Given(vec![0, 1])));
        assert!(several("1 x", &picks).is_err());
        let blank = Blank { question: String::new(), default: None };
        assert!(text("", &blank).is_err());
        assert_eq!(text("a", &blank), Ok(Answer::Given("a".into())));
    }
}
