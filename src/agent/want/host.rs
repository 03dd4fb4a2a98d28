//! The box as wants see it: where its files are, where our record is, and how commands are run.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Component, Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};

use super::command::{Here, LIMIT, Output, Request, Run};

/// Where the record of a box is (`protocol.md`).
pub const STATE: &str = "/var/lib/ciab";

/// A box: its files below `root`, our record in `state`.
pub struct Host {
    root: PathBuf,
    state: PathBuf,
    run: Box<dyn Run>,
}

impl Host {
    /// The box this process runs on; `env` is added to the environment of each command (proxies).
    pub fn here(env: BTreeMap<String, String>) -> Self {
        Self::new("/", STATE, Here { env })
    }

    /// A box made of folders and something that runs commands.
    pub fn new(root: impl Into<PathBuf>, state: impl Into<PathBuf>, run: impl Run + 'static) -> Self {
        Self { root: root.into(), state: state.into(), run: Box::new(run) }
    }

    /// Where a path of the box is; it has to be absolute and without `.` and `..`.
    pub fn path(&self, path: &str) -> Result<PathBuf> {
        let plain = |c| matches!(c, Component::Normal(_) | Component::RootDir);
        ensure!(
            path.starts_with('/') && Path::new(path).components().all(plain),
            "`{path}` is no absolute path without `..`"
        );
        Ok(self.root.join(path.trim_start_matches('/')))
    }

    /// Where a file of our record is, `name` being relative to the record.
    pub fn state(&self, name: impl AsRef<Path>) -> PathBuf {
        self.state.join(name)
    }

    /// A command to be run.
    pub fn call<I>(&self, argv: I) -> Call<'_>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let argv = argv.into_iter().map(Into::into).collect();
        Call { host: self, request: Request { argv, limit: LIMIT, ..Request::default() } }
    }
}

/// A command about to be run on a box.
#[must_use]
pub struct Call<'a> {
    host: &'a Host,
    request: Request,
}

impl Call<'_> {
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.request.input = bytes.into();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.request.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn limit(mut self, limit: Duration) -> Self {
        self.request.limit = limit;
        self
    }

    /// Its output, however it ended.
    pub fn output(self) -> Result<Output> {
        self.host.run.run(&self.request, &mut io::sink())
    }

    /// What it wrote on stdout; an end with a bad status is an error.
    pub fn ok(self) -> Result<String> {
        self.told(&mut io::sink())
    }

    /// The same, with all it says copied to `tell` as it comes.
    pub fn told(self, tell: &mut dyn Write) -> Result<String> {
        let output = self.host.run.run(&self.request, tell)?;
        if output.good() { Ok(output.stdout) } else { Err(output.error(&self.request)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_the_root() {
        let host = Host::new("/tmp/x", "/tmp/y", Here::default());
        assert_eq!(host.path("/etc/hosts").unwrap(), Path::new("/tmp/x/etc/hosts"));
        for bad in ["etc/hosts", "", "/etc/../../hosts"] {
            assert!(host.path(bad).is_err(), "{bad}");
        }
    }
}
