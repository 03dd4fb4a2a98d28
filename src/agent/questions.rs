//! Asks services what they are, and not whether they were started.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    osism,
    want::{Host, Output},
};
use crate::{boxfile::selector::Pattern, profile::Question, step::Answer};

/// For one answer; a control plane on two busy cores takes seconds for some.
const PATIENCE: Duration = Duration::from_secs(30);
/// The box's own authority, and no other.
const AUTHORITY: &str = "/usr/local/share/ca-certificates/ciab.crt";
/// More of an answer is not read.
const MOST: usize = 4096;

/// Holds when each is answered by yes; what is missing is told before what cannot be told.
pub(super) fn ask(questions: &[Question]) -> Answer {
    let host = Host::here(BTreeMap::new());
    let mut doubt = None;
    for question in questions {
        match one(question, &host) {
            Ok(None) => {}
            Ok(Some(missing)) => return Answer::Missing(missing),
            Err(error) => {
                doubt.get_or_insert(Answer::CannotTell(format!("{}: {error:#}", question.subject())));
            }
        }
    }
    doubt.unwrap_or(Answer::Holds)
}

/// `Ok(None)` is yes; `Ok(Some(..))` is what is the matter; an error is that it could not be asked.
fn one(question: &Question, host: &Host) -> Result<Option<String>> {
    match question {
        Question::Containers(names) => osism::healthy(names, true),
        Question::Healthy(names) => osism::healthy(names, false),
        Question::Https { url, says } => https(url, says, host),
        Question::Greets { at, send, says } => Ok(greets(at, send, says)),
        Question::Says { argv, lines } => Ok(match say(argv, host)? {
            Ok(text) => {
                unsaid(lines, &text).map(|line| format!("`{}` does not say `{line}`", argv.join(" ")))
            }
            Err(why) => Some(why),
        }),
        Question::Every { argv, line } => Ok(match say(argv, host)? {
            Ok(text) => other(line, &text).map(|why| format!("`{}` {why}", argv.join(" "))),
            Err(why) => Some(why),
        }),
    }
}

fn https(url: &str, says: &str, host: &Host) -> Result<Option<String>> {
    let seconds = PATIENCE.as_secs().to_string();
    // No proxy: the box asks itself. `--globoff` takes the URL as it stands.
    let argv = ["curl", "--silent", "--show-error", "--noproxy", "*", "--globoff", "--max-time", &seconds];
    let call = host.call(argv.into_iter().chain(["--cacert", AUTHORITY, "--", url]));
    let output = call.output()?;
    if !output.good() {
        return Ok(Some(format!("{url} does not answer: {}", output.tail())));
    }
    Ok((!matches(says, &output.stdout)).then(|| format!("{url} says `{}`", short(&output.stdout))))
}

/// What a command says, or why it says nothing: one that fails says that its service is not there yet.
fn say(argv: &[String], host: &Host) -> Result<Result<String, String>> {
    let output: Output = host.call(argv.iter().map(String::as_str)).limit(PATIENCE).output()?;
    Ok(match output.good() {
        true => Ok(output.stdout),
        false => Err(format!("`{}`: {}", argv.join(" "), short(output.tail()))),
    })
}

fn greets(at: &str, send: &str, says: &str) -> Option<String> {
    match first_words(at, send) {
        Ok(text) if matches(says, &text) => None,
        Ok(text) => Some(format!("{at} says `{}`", short(&text))),
        Err(error) => Some(format!("{at}: {error:#}")),
    }
}

fn first_words(at: &str, send: &str) -> Result<String> {
    let address: SocketAddr = at.parse().with_context(|| format!("`{at}` is no address with a port"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("connect")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(send.as_bytes()).context("send")?;
    let mut bytes = [0; MOST];
    let count = stream.read(&mut bytes).context("read")?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}

/// The first of these patterns that no line is like.
fn unsaid<'l>(lines: &'l [String], text: &str) -> Option<&'l String> {
    let said: Vec<String> = text.lines().map(plain).collect();
    lines.iter().find(|line| !said.iter().any(|said| matches(line, said)))
}

/// What is wrong with a text of which every line should be like this.
fn other(line: &str, text: &str) -> Option<String> {
    let said: Vec<String> = text.lines().map(plain).filter(|said| !said.is_empty()).collect();
    if said.is_empty() {
        return Some("says nothing".to_owned());
    }
    said.iter().find(|said| !matches(line, said)).map(|said| format!("says `{}`", short(said)))
}

/// Runs of blanks count as one.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern.parse::<Pattern>().is_ok_and(|pattern| pattern.matches(text.trim()))
}

/// The beginning of a text, on one line.
fn short(text: &str) -> String {
    const SHORT: usize = 200;
    plain(text).chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn answer(question: Question) -> Answer {
        ask(&[question])
    }

    #[test]
    fn a_greeting_is_read_from_the_socket_itself() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut asked = [0; 3];
                stream.read_exact(&mut asked).unwrap();
                stream.write_all(b"VERSION 1.6\r\n").unwrap();
            }
        });
        let greets = |says: &str| Question::Greets { at: at.clone(), send: "hi\n".into(), says: says.into() };
        assert_eq!(answer(greets("VERSION 1.*")), Answer::Holds);
        assert_eq!(answer(greets("VERSION 2.*")), Answer::Missing(format!("{at} says `VERSION 1.6`")));
        let nobody = Question::Greets { at: "127.0.0.1:1".into(), send: String::new(), says: "*".into() };
        assert!(matches!(answer(nobody), Answer::Missing(why) if why.contains("connect")));
    }

    #[test]
    fn a_command_says_its_lines_or_nothing_but_one() {
        let says =
            |lines: &[&str]| Question::Says { argv: words(&["printf", "a  1\\nup\\n"]), lines: words(lines) };
        assert_eq!(answer(says(&["a 1", "u*"])), Answer::Holds);
        assert!(matches!(answer(says(&["b*"])), Answer::Missing(_)));
        let every = |text: &str| Question::Every { argv: words(&["printf", text]), line: "up".into() };
        assert_eq!(answer(every("up\\nup\\n")), Answer::Holds);
        assert!(matches!(answer(every("up\\ndown\\n")), Answer::Missing(why) if why.contains("down")));
        assert!(matches!(answer(every("")), Answer::Missing(why) if why.contains("nothing")));
        let fails = Question::Says { argv: words(&["false"]), lines: vec![] };
        assert!(matches!(answer(fails), Answer::Missing(_)));
    }

    #[test]
    fn what_is_missing_is_told_before_what_cannot_be_told() {
        let gone = Question::Says { argv: words(&["/nonexistent"]), lines: vec![] };
        let no = Question::Says { argv: words(&["false"]), lines: vec![] };
        assert!(matches!(ask(std::slice::from_ref(&gone)), Answer::CannotTell(_)));
        assert!(matches!(ask(&[gone, no]), Answer::Missing(_)));
    }
}
