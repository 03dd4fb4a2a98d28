//! The wizard: asks for what a box file needs, with what the box itself told as defaults, and makes its text.
//!
//! Every default is shown with its reason, every answer is checked at once by the very checks of the box file, and at
//! every question one can go back to the one before. The questions stand in `ORDER`, a file for each section.

mod address;
mod disks;
mod draft;
mod eyes;
mod internal;
mod judge;
mod keys;
mod names;
mod place;
mod review;
mod services;
#[cfg(test)]
mod tests;

pub use self::{
    draft::Draft,
    eyes::{Eyes, Seen},
    keys::{FoundKey, find},
    review::Target,
};
use super::{Answer, Blank, Choice, Person};
use crate::{failure::Failure, plan::check::Status};

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Profile,
    Where,
    Login,
    Sudo,
    Name,
    Domain,
    Keys,
    OwnKey,
    Volumes,
    Disks,
    Card,
    Management,
    Internal,
    Containers,
    Ntp,
    Proxy,
    Review,
}

/// The questions as they are put; some are passed over, as the answers before them want it.
const ORDER: [Question; 17] = [
    Question::Profile,
    Question::Where,
    Question::Login,
    Question::Sudo,
    Question::Name,
    Question::Domain,
    Question::Keys,
    Question::OwnKey,
    // Before the networks: without its disks there is no plan that could judge them.
    Question::Volumes,
    Question::Disks,
    Question::Card,
    Question::Management,
    Question::Internal,
    Question::Containers,
    Question::Ntp,
    Question::Proxy,
    Question::Review,
];

/// Where to go after a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Go {
    /// It was answered.
    On,
    /// It did not have to be put.
    Over,
    Back,
    /// The file shall be written.
    Write,
    /// Nothing shall be written.
    Leave,
}

/// What the questions work with.
struct Talk<'a, P, E> {
    person: &'a mut P,
    eyes: &'a mut E,
    draft: Draft,
    seen: Option<Seen>,
    found: &'a [FoundKey],
    target: &'a Target,
}

/// Asks until there is a file to write, and gives its text; `None` where nothing shall be written.
pub async fn ask<P: Person, E: Eyes>(
    person: &mut P,
    eyes: &mut E,
    draft: Draft,
    found: &[FoundKey],
    target: &Target,
) -> Result<Option<String>, Failure> {
    let mut talk = Talk { person, eyes, draft, seen: None, found, target };
    talk.person.say(&fold(
        "This asks for what a box file needs. Enter takes the answer that is marked or in brackets, `<` goes back to \
         the question before, Ctrl-C ends without writing anything.",
    ))?;
    let mut asked: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(question) = ORDER.get(at) {
        match talk.put(*question).await? {
            Go::On => {
                asked.push(at);
                at += 1;
            }
            Go::Over => at += 1,
            Go::Back => match asked.pop() {
                Some(before) => at = before,
                None => talk.person.say("There is no question before this one.")?,
            },
            Go::Write => return talk.draft.text().map(Some),
            Go::Leave => return Ok(None),
        }
    }
    Ok(None)
}

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    async fn put(&mut self, question: Question) -> Result<Go, Failure> {
        match question {
            Question::Profile => self.profile().await,
            Question::Where => self.place().await,
            Question::Login => self.login().await,
            Question::Sudo => self.sudo().await,
            Question::Name => self.name().await,
            Question::Domain => self.domain().await,
            Question::Keys => self.keys().await,
            Question::OwnKey => self.own_key().await,
            Question::Volumes => self.volumes().await,
            Question::Disks => self.disks().await,
            Question::Card => self.card().await,
            Question::Management => self.management().await,
            Question::Internal => self.internal().await,
            Question::Containers => self.containers().await,
            Question::Ntp => self.ntp().await,
            Question::Proxy => self.proxy().await,
            Question::Review => self.review().await,
        }
    }

    /// A blank line, a heading and a reason above a question.
    fn explain(&mut self, text: &str) -> Result<(), Failure> {
        self.person.say(&format!("\n{}", fold(text)))
    }

    async fn choose(
        &mut self,
        question: &str,
        items: Vec<String>,
        default: usize,
    ) -> Result<Answer<usize>, Failure> {
        self.person.choose(&Choice { question: question.to_owned(), items, default }).await
    }

    /// A line that becomes part of the draft if the checks of the box file have nothing against it; else the reason
    /// is told and the question is put again. What must be typed on purpose (`none`, `keep`) `enter` turns into nothing.
    async fn fill(
        &mut self,
        key: &str,
        question: &str,
        default: Option<String>,
        enter: impl Fn(&mut Draft, &str),
    ) -> Result<Go, Failure> {
        let blank = Blank { question: question.to_owned(), default };
        loop {
            let Answer::Given(typed) = self.person.fill(&blank).await? else { return Ok(Go::Back) };
            let mut draft = self.draft.clone();
            enter(&mut draft, &typed);
            match judge::faults(&draft, key, self.seen.as_ref().map(|seen| &seen.facts), Status::Fail)?
                .as_slice()
            {
                [] => {
                    self.draft = draft;
                    return Ok(Go::On);
                }
                faults => self.person.say(&fold(&faults.join("\n")))?,
            }
        }
    }
}

/// Columns of every terminal.
const WIDTH: usize = 80;

/// Text in lines of at most [`WIDTH`] columns; a longer word stays whole, so that it can be copied.
fn fold(text: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let indent: String = paragraph.chars().take_while(|c| *c == ' ').collect();
        let mut line = indent.clone();
        for word in paragraph.split_whitespace() {
            let empty = line.len() == indent.len();
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::replace(&mut line, indent.clone()));
                line.push_str(word);
            } else {
                if !empty {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// The words of an answer that may hold several.
fn list(text: &str) -> Vec<String> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
