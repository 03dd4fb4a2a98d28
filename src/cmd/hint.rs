//! `ciab hint`: what the id of a finding or failure means, how to look, how to mend.

use clap::Args;
use serde_json::{Value, json};

use super::explain::wrap;
use crate::{
    boxfile::nearest::nearest,
    failure::{Exit, Failure},
    profile::hints,
};

const WIDTH: usize = 78;

/// Explains the id of a finding or failure.
#[derive(Args, Clone, Debug)]
pub struct HintArgs {
    /// An id such as disk.fsync-p99; all ids when left out.
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// The answer in both forms.
#[derive(Clone, Debug)]
pub struct HintText {
    pub text: String,
    pub json: Value,
}

pub fn run(args: &HintArgs) -> Result<HintText, Failure> {
    match &args.id {
        Some(id) => one(id),
        None => {
            let ids: Vec<_> = hints().ids().collect();
            let json = json!({ "schema": "ciab/hints/v1", "ids": ids });
            Ok(HintText { text: ids.join("\n") + "\n", json })
        }
    }
}

fn one(id: &str) -> Result<HintText, Failure> {
    let Some(hint) = hints().get(id) else {
        let failure = Failure::new(Exit::Usage, format!("there is no id `{id}`"));
        return Err(match nearest(id, hints().ids()) {
            Some(known) => failure.hint(format!("did you mean {known}?")),
            None => failure.hint("`ciab hint` lists all ids"),
        });
    };
    let mut lines = vec![id.to_owned()];
    lines.extend(wrap(&hint.means, WIDTH).into_iter().map(|line| format!("  {line}")));
    lines.push("look:".to_owned());
    lines.extend(hint.look.iter().map(|command| format!("  {command}")));
    lines.push("mend:".to_owned());
    lines.extend(wrap(&hint.mend, WIDTH).into_iter().map(|line| format!("  {line}")));
    let json = json!({
        "schema": "ciab/hint/v1", "id": id, "means": hint.means, "look": hint.look, "mend": hint.mend,
    });
    Ok(HintText { text: lines.join("\n") + "\n", json })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_to_do_and_a_slip_finds_its_id() {
        let args = |id: &str| HintArgs { id: Some(id.to_owned()), json: false };
        let said = run(&args("memory.size")).unwrap();
        assert!(said.text.starts_with("memory.size\n  The box has less memory"), "{}", said.text);
        assert_eq!(run(&args("memory.siez")).unwrap_err().hints, ["did you mean memory.size?"]);
    }

    #[test]
    fn every_hint_fits_a_plain_terminal() {
        for id in hints().ids() {
            let text = one(id).unwrap().text;
            let long = text.lines().find(|line| line.chars().count() > 80);
            assert_eq!(long, None, "{id}");
        }
    }
}
