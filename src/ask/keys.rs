//! Questions on a terminal that moves its cursor.

use std::io;

use dialoguer::{Input, MultiSelect, Select, console::Term, theme::SimpleTheme};

use super::{
    Answer, Blank, Choice, Picks,
    person::BACK,
    prompts::{gone, interrupted},
};
use crate::failure::Failure;

/// The item that goes back to the question before.
const BACK_ITEM: &str = "< back";

/// Columns of a list's line that hold the mark of the chosen item and the checkbox.
const MARKS: usize = 7;

pub(super) fn choose(choice: &Choice) -> Result<Answer<usize>, Failure> {
    let items = choice.items.iter().map(String::as_str).chain([BACK_ITEM]).map(fitting);
    let select = Select::with_theme(&SimpleTheme)
        .with_prompt(&choice.question)
        .items(items)
        .default(choice.default)
        .report(true);
    let chosen = select.interact_opt().map_err(failed)?;
    Ok(match chosen {
        Some(at) if at < choice.items.len() => Answer::Given(at),
        Some(_) | None => Answer::Back,
    })
}

pub(super) fn pick(picks: &Picks) -> Result<Answer<Vec<usize>>, Failure> {
    let back = (BACK_ITEM.to_owned(), false);
    let items = picks.items.iter().chain([&back]).map(|(item, taken)| (fitting(item), *taken));
    let select = MultiSelect::with_theme(&SimpleTheme)
        .with_prompt(format!("{} (space marks, Enter goes on)", picks.question))
        .items_checked(items)
        .report(true);
    let chosen = select.interact_opt().map_err(failed)?;
    Ok(match chosen {
        Some(marked) if marked.iter().all(|at| *at < picks.items.len()) => Answer::Given(marked),
        Some(_) | None => Answer::Back,
    })
}

pub(super) fn fill(blank: &Blank) -> Result<Answer<String>, Failure> {
    loop {
        let mut input =
            Input::<String>::with_theme(&SimpleTheme).with_prompt(&blank.question).allow_empty(true);
        if let Some(default) = &blank.default {
            input = input.default(default.clone());
        }
        let typed = input.interact_text().map_err(failed)?;
        match typed.trim() {
            BACK => return Ok(Answer::Back),
            "" => {}
            text => return Ok(Answer::Given(text.to_owned())),
        }
    }
}

/// A line that wraps would be counted as one when the list is drawn again.
fn fitting(item: &str) -> String {
    let columns = usize::from(Term::buffered_stderr().size().1).saturating_sub(MARKS);
    if item.chars().count() <= columns {
        return item.to_owned();
    }
    item.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

/// The cursor is hidden while a list is shown, and must not stay so.
fn failed(error: dialoguer::Error) -> Failure {
    let dialoguer::Error::IO(error) = error;
    let screen = Term::buffered_stderr();
    // Where the terminal is gone there is no cursor to show.
    let _ = screen.show_cursor().and_then(|()| screen.write_line("")).and_then(|()| screen.flush());
    match error.kind() {
        io::ErrorKind::Interrupted => interrupted(),
        _ => gone(&error),
    }
}
