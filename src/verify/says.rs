//! `ciab agent says`: runs a command and compares what it says with what it should.
//!
//! A probe is an argv without a shell, so the comparison that others write as `| grep` is here.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{agent::want::FIXED, boxfile::selector::Pattern};

/// The words of the probe; `%helper` is this program's file on the box.
pub(super) fn argv(lines: &[String], command: &[&str]) -> Vec<String> {
    let mut argv = vec!["%helper".to_owned(), "agent".to_owned(), "says".to_owned()];
    for line in lines {
        argv.extend(["--line".to_owned(), line.clone()]);
    }
    argv.push("--".to_owned());
    argv.extend(command.iter().map(|word| (*word).to_owned()));
    argv
}

/// Runs the command; `Ok(None)` when it says every line, else what is missing. An error is that it cannot be asked.
pub fn ask(lines: &[String], command: &[String]) -> Result<Option<String>> {
    let (program, words) = command.split_first().context("no command to ask")?;
    let mut call = Command::new(program);
    call.args(words).env_clear().envs(FIXED).stdin(Stdio::null());
    let output = call.output().with_context(|| format!("start `{program}`"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}`: {}: {}", command.join(" "), output.status, error.trim());
    Ok(missing(lines, &String::from_utf8_lossy(&output.stdout)))
}

/// What is missing in a text, if anything is. Runs of blanks count as one, and `*` stands for any
/// text.
pub fn missing(lines: &[String], text: &str) -> Option<String> {
    let said: Vec<String> = text.lines().map(plain).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return said.first().map(|first| format!("it should be silent and says `{first}`"));
    }
    let heard = |line: &str| match line.parse::<Pattern>() {
        Ok(pattern) => said.iter().any(|said| pattern.matches(said)),
        Err(_) => false,
    };
    let line = lines.iter().find(|line| !heard(line))?;
    let near = line.split(['*', ' ']).next().filter(|word| !word.is_empty());
    let near = near.and_then(|word| said.iter().find(|said| said.starts_with(word)));
    Some(match near {
        Some(near) => format!("`{near}`, not `{line}`"),
        None => format!("no line `{line}`"),
    })
}

fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn every_line_has_to_be_said() {
        let text = "Leap status     : Normal\n\tmtu 1500\n";
        assert_eq!(missing(&lines(&["Leap status : Normal", "mtu *"]), text), None);
        assert_eq!(missing(&lines(&["Leap"]), text).unwrap(), "`Leap status : Normal`, not `Leap`");
        assert_eq!(missing(&lines(&["mtu 9000"]), text).unwrap(), "`mtu 1500`, not `mtu 9000`");
        assert_eq!(missing(&lines(&["nothing"]), text).unwrap(), "no line `nothing`");
    }

    #[test]
    fn silence_is_asked_for_by_no_line() {
        assert_eq!(missing(&[], "\n \n"), None);
        assert!(missing(&[], " M plan.yml\n").unwrap().contains("M plan.yml"));
    }

    #[test]
    fn a_command_that_fails_proves_nothing() {
        assert!(ask(&lines(&["x"]), &lines(&["false"])).is_err());
        assert!(ask(&lines(&["x"]), &lines(&["/nonexistent"])).is_err());
        assert_eq!(ask(&lines(&["x y"]), &lines(&["echo", "x  y"])).unwrap(), None);
    }
}
