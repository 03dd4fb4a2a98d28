//! A box made of a temporary folder and a list of what commands answer.

use std::{
    fs,
    io::Write,
    sync::{Arc, Mutex},
};

use anyhow::Result;
use tempfile::TempDir;

use super::{
    Host,
    command::{Here, Output, Request, Run},
};

/// A box that is gone when it is dropped.
pub(crate) struct Box {
    _folder: TempDir,
    pub(crate) host: Host,
    said: Arc<Mutex<Said>>,
}

#[derive(Default)]
struct Said {
    answers: Vec<(String, Output)>,
    ran: Vec<String>,
}

impl Box {
    /// Its users `root` and `me`, and the groups of the same names, are whoever runs the test.
    pub(crate) fn new() -> Self {
        let said = Arc::default();
        Self::with(Script(Arc::clone(&said)), said)
    }

    /// The same, where commands are run for real.
    pub(crate) fn real() -> Self {
        Self::with(Here::default(), Arc::default())
    }

    fn with(run: impl Run + 'static, said: Arc<Mutex<Said>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::new(folder.path().join("root"), folder.path().join("state"), run);
        let made = Self { _folder: folder, host, said };
        let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
        made.file(
            "/etc/passwd",
            &format!("root:x:{uid}:{gid}::/:/bin/sh\nme:x:{uid}:{gid}::/home/me:/bin/sh\n"),
        );
        made.file("/etc/group", &format!("root:x:{gid}:\nme:x:{gid}:\n"));
        made
    }

    /// From now on a command that begins with these words answers so; the newest answer counts. A command
    /// without an answer succeeds silently.
    pub(crate) fn says(self, begin: &str, code: i32, text: &str) -> Self {
        self.answer(begin, Output::of(code, text, ""));
        self
    }

    pub(crate) fn answer(&self, begin: &str, output: Output) {
        self.said.lock().unwrap().answers.insert(0, (begin.to_owned(), output));
    }

    /// All that was run, a line each.
    pub(crate) fn ran(&self) -> Vec<String> {
        self.said.lock().unwrap().ran.clone()
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        let place = self.host.path(path).unwrap();
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.host.path(path).unwrap()).unwrap()
    }
}

struct Script(Arc<Mutex<Said>>);

impl Run for Script {
    fn run(&self, request: &Request, _tell: &mut dyn Write) -> Result<Output> {
        let mut said = self.0.lock().unwrap();
        said.ran.push(request.name());
        let known = said.answers.iter().find(|(begin, _)| request.name().starts_with(begin.as_str()));
        Ok(known.map_or_else(|| Output::of(0, "", ""), |(_, output)| output.clone()))
    }
}
