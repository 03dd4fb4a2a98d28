//! Runs the tools that something is made with: their output goes to a file, and its end into the error.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::{guard, whole};
use crate::failure::{Exit, Failure};

/// Lines of a tool's output that are shown when it fails.
const TAIL: usize = 20;
/// Characters of each; some tools end with a document on one line.
const WIDTH: usize = 300;

/// One call of a tool.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    log: PathBuf,
}

impl Call {
    /// The words, and the file that what is said goes to.
    pub(crate) fn new<S: Into<String>>(log: &Path, argv: impl IntoIterator<Item = S>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self { argv, env: BTreeMap::new(), log: log.to_owned() }
    }

    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Runs it to its end; what it wrote to standard output. The error has the end of what it said.
    pub(crate) fn output(&self) -> Result<String> {
        let log = self.open()?;
        let output = self.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let output = output.and_then(Child::wait_with_output).with_context(|| self.about())?;
        // What went wrong is told last.
        (&log).write_all(&output.stdout).and_then(|()| (&log).write_all(&output.stderr))?;
        if !output.status.success() {
            bail!("{}: {}{}", self.about(), output.status, self.tail());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Result<()> {
        let log = self.open()?;
        let status = self.command()?.stdout(log.try_clone()?).stderr(log).status();
        let status = status.with_context(|| self.about())?;
        if !status.success() {
            bail!("{}: {status}{}", self.about(), self.tail());
        }
        Ok(())
    }

    /// Starts what goes on until it is ended.
    pub(crate) fn start(&self) -> Result<Service> {
        let log = self.open()?;
        let child = self.command()?.stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Service {
            child: child.with_context(|| self.about())?,
            about: self.about(),
            log: self.log.clone(),
        })
    }

    /// It ends with this process: after a kill nothing goes on behind its back, and what it holds (a data folder, a
    /// port) is free for the next one.
    fn command(&self) -> Result<Command> {
        let (program, rest) = self.argv.split_first().context("a call without a program")?;
        let mut command = Command::new(whole(program).as_ref());
        command.args(rest);
        guard::under(&mut command)?;
        // Our own settings are nobody else's; secrets of a box may stand among them.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"CIAB_"))
        {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8").envs(&self.env).stdin(Stdio::null());
        Ok(command)
    }

    fn open(&self) -> Result<File> {
        let log = &self.log;
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        File::create(log).with_context(|| format!("write {}", log.display()))
    }

    fn about(&self) -> String {
        let words: Vec<&str> = self.argv.iter().take(4).map(String::as_str).collect();
        format!("run `{}`", words.join(" "))
    }

    fn tail(&self) -> String {
        tail(&self.log)
    }
}

/// The end of a log, and where the rest is.
fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(TAIL)..].iter();
    let last: Vec<String> = last.map(|line| line.chars().take(WIDTH).collect()).collect();
    format!("\n{}\nall of it is in {}", last.join("\n"), log.display())
}

/// A tool that goes on beside the work; it is ended when this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Service {
    child: Child,
    about: String,
    log: PathBuf,
}

impl Service {
    /// Whether it still runs; an error with the end of what it said where it does not.
    pub(crate) fn runs(&mut self) -> Result<()> {
        match self.child.try_wait().with_context(|| self.about.clone())? {
            None => Ok(()),
            Some(status) => bail!("{}: {status}{}", self.about, tail(&self.log)),
        }
    }
}

impl Service {
    /// `None` while it runs; how it ended, with the end of what it said where that was a failure.
    pub(crate) fn ended(&mut self) -> Result<Option<Result<()>>> {
        let status = self.child.try_wait().with_context(|| self.about.clone())?;
        Ok(status.map(|status| match status.success() {
            true => Ok(()),
            false => Err(anyhow::anyhow!("{}: {status}{}", self.about, tail(&self.log))),
        }))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        use nix::{
            sys::signal::{Signal, kill},
            unistd::Pid,
        };
        // A container engine takes its mounts away when it is asked to end.
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Exit 2 where one of these programs is nowhere, with all that are.
pub(crate) fn need(programs: &[(&str, &str)]) -> Result<(), Failure> {
    let missing = missing(programs);
    if missing.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Exit::Usage, format!("not found: {}", missing.join(", ")));
    Err(failure.hint("Install the packages, as root: apt-get install PACKAGE..."))
}

/// Programs that are nowhere, each with the package that has it.
fn missing(programs: &[(&str, &str)]) -> Vec<String> {
    let there = |program: &str| {
        let path = whole(program);
        path.is_absolute() && path.exists()
    };
    let nowhere = programs.iter().filter(|(program, _)| !there(program));
    nowhere.map(|(program, package)| format!("`{program}` (package {package})")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_stands_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/l");
        let call = |line: &str| Call::new(&log, ["sh", "-c", line]);
        assert_eq!(call("echo out; echo err >&2").output().unwrap(), "out\n");
        assert_eq!(fs::read_to_string(&log).unwrap(), "out\nerr\n");
        let error = call("echo why >&2; exit 3").run().unwrap_err().to_string();
        assert!(
            error.contains("why") && error.contains("exit status: 3") && error.contains("logs/l"),
            "{error}"
        );
        assert!(call("test -z \"$CIAB_X\" && test \"$A\" = b").env("A", "b").run().is_ok());
        assert!(Call::new(&log, ["no-such-program"]).run().is_err());
        assert_eq!(missing(&[("sh", "dash"), ("no-such", "p")]), ["`no-such` (package p)"]);
        assert_eq!(missing(&[("/bin/sh", "dash"), ("/no/such", "p")]), ["`/no/such` (package p)"]);
    }

    #[test]
    fn a_service_ends_when_nobody_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Call::new(&folder.path().join("l"), ["sleep", "1000"]).start().unwrap();
        service.runs().unwrap();
        let id = service.child.id();
        drop(service);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
        let mut ended =
            Call::new(&folder.path().join("l"), ["sh", "-c", "echo no >&2; exit 1"]).start().unwrap();
        ended.child.wait().unwrap();
        assert!(ended.runs().unwrap_err().to_string().contains("no"));
    }
}
