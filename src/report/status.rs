//! The page of `status`: where a run stands, for whoever looks from outside.

use std::fmt::Write as _;

use super::{
    line,
    words::{clean, count, cut},
};
use crate::event::Event;

/// Columns of the page.
const COLUMNS: usize = 80;

/// A run as a viewer finds it.
#[derive(Clone, Debug)]
pub struct Status {
    pub run: u64,
    /// The box's name.
    pub name: String,
    /// Who drives the run now, if anybody does.
    pub holder: Option<String>,
    pub rows: Vec<Row>,
    /// The last things said.
    pub events: Vec<Event>,
}

/// One step of a run.
#[derive(Clone, Debug)]
pub struct Row {
    pub step: String,
    pub title: String,
    /// In words: `done`, `running`, `waiting`, `failed`, `in doubt`.
    pub state: String,
    /// Zero where there was none.
    pub attempt: u32,
}

/// The run on a page of 80 columns.
pub fn status_page(status: &Status) -> String {
    let mut page = format!("{}, run {}: ", clean(&status.name), status.run);
    page += &match &status.holder {
        Some(holder) => format!("driven by {}\n", clean(holder)),
        None => "nobody drives it\n".into(),
    };
    let _ = writeln!(page, "{}\n", sums(&status.rows));
    let width = status.rows.iter().map(|row| row.state.chars().count()).max().unwrap_or(0).min(20);
    for row in &status.rows {
        let attempt = if row.attempt > 1 { format!(" (attempt {})", row.attempt) } else { String::new() };
        let text =
            format!("  {:width$}  {}: {}{attempt}", clean(&row.state), clean(&row.step), clean(&row.title));
        let _ = writeln!(page, "{}", cut(&text, COLUMNS));
    }
    if !status.events.is_empty() {
        page += "\nLast said:\n";
    }
    for event in &status.events {
        let time = event.at.get(11..19).unwrap_or("");
        for (_, text) in line::lines(&event.kind) {
            let _ = writeln!(page, "{}", cut(&format!("  {time} {text}"), COLUMNS));
        }
    }
    page
}

/// `12 steps: 10 done, 1 running, 1 waiting`, in the order in which the states first appear.
fn sums(rows: &[Row]) -> String {
    let mut sums: Vec<(&str, usize)> = Vec::new();
    for row in rows {
        match sums.iter_mut().find(|(state, _)| *state == row.state) {
            Some((_, number)) => *number += 1,
            None => sums.push((&row.state, 1)),
        }
    }
    let sums: Vec<String> = sums.iter().map(|(state, number)| format!("{number} {}", clean(state))).collect();
    if sums.is_empty() {
        "no steps".into()
    } else {
        format!("{}: {}", count(rows.len(), "step"), sums.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::board::tests::event, *};
    use crate::event::Kind;

    #[test]
    fn a_run_fits_eighty_columns() {
        let row = |step: &str, state: &str, attempt| Row {
            step: step.into(),
            title: "Install what a container engine needs, with a title that is rather long for a page"
                .into(),
            state: state.into(),
            attempt,
        };
        let page = status_page(&Status {
            run: 3,
            name: "lab".into(),
            holder: Some("anna at nuc, since 22:08".into()),
            rows: vec![row("apt", "done", 1), row("engine", "running", 2), row("x", "waiting", 0)],
            events: vec![event(5, Kind::Note { text: "all is well".into() })],
        });
        assert_eq!(
            page,
            "\
lab, run 3: driven by anna at nuc, since 22:08
3 steps: 1 done, 1 running, 1 waiting

  done     apt: Install what a container engine needs, with a title that is r...
  running  engine: Install what a container engine needs, with a title that i...
  waiting  x: Install what a container engine needs, with a title that is rat...

Last said:
  12:00:05 all is well
"
        );
    }

    #[test]
    fn a_box_without_a_run_is_said_to_have_none() {
        let status = Status { run: 0, name: "lab".into(), holder: None, rows: vec![], events: vec![] };
        assert_eq!(status_page(&status), "lab, run 0: nobody drives it\nno steps\n\n");
    }
}
