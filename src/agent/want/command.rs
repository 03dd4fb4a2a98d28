//! Runs a command: argv, a fixed environment, a deadline, and the end of what it said when it fails.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::{Read as _, Seek as _, Write},
    os::unix::{
        fs::FileExt as _,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::{
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{Signal, killpg},
    },
    unistd::Pid,
};

use crate::tool;

/// How long most commands may take; those that fetch or install say otherwise.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Between the polite signal and the other one.
const GRACE: Duration = Duration::from_secs(5);

/// So many bytes of what a command said go into an error.
const TAIL: usize = 1024;

/// A command that is to be run.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub argv: Vec<String>,
    /// In addition to the fixed environment.
    pub env: BTreeMap<String, String>,
    pub input: Vec<u8>,
    pub limit: Duration,
}

impl Request {
    /// The command for an error: program and words, without input and environment.
    pub fn name(&self) -> String {
        self.argv.join(" ")
    }
}

/// How a command ended and what it said.
#[derive(Clone, Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// An output as a test or a stand-in makes it.
    pub fn of(code: i32, stdout: &str, stderr: &str) -> Self {
        Self { status: ExitStatus::from_raw(code << 8), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    pub fn good(&self) -> bool {
        self.status.success()
    }

    /// The end of what it said, on stderr if it said anything there; lines are kept.
    pub fn tail(&self) -> &str {
        let text = if self.stderr.trim().is_empty() { self.stdout.trim() } else { self.stderr.trim() };
        let from = text.ceil_char_boundary(text.len().saturating_sub(TAIL));
        &text[from..]
    }

    /// The error for a command that ended badly.
    pub fn error(&self, request: &Request) -> anyhow::Error {
        let mut text = format!("`{}`: {}", request.name(), self.status);
        if !self.tail().is_empty() {
            let _ = write!(text, ": {}", self.tail());
        }
        anyhow!(text)
    }
}

/// What runs commands: the box, or a stand-in in tests.
pub trait Run: Send + Sync {
    /// Runs it to its end, copying what it says to `tell` while it does. An end with a bad status is no error
    /// here; not being startable and outliving its limit are.
    fn run(&self, request: &Request, tell: &mut dyn Write) -> Result<Output>;
}

/// Runs commands here. `env` is the box's own (proxies), in addition to the fixed one.
#[derive(Debug, Default)]
pub struct Here {
    pub env: BTreeMap<String, String>,
}

impl Run for Here {
    fn run(&self, request: &Request, tell: &mut dyn Write) -> Result<Output> {
        let (program, words) = request.argv.split_first().context("an empty argv")?;
        // In memory and not through pipes: a daemon that inherits them holds nothing up, and a full disk
        // loses no error.
        let (out, err, mut input) = (scratch()?, scratch()?, scratch()?);
        input.write_all(&request.input)?;
        input.rewind()?;
        let child = Command::new(&*tool::whole(program))
            .args(words)
            .env_clear()
            .envs(FIXED)
            .envs(&self.env)
            .envs(&request.env)
            .current_dir("/")
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(out.try_clone()?))
            .stderr(Stdio::from(err.try_clone()?))
            .process_group(0)
            .spawn()
            .with_context(|| format!("start `{program}`"))?;
        let status = wait(child, request, &mut [Copy::of(&out), Copy::of(&err)], tell)?;
        Ok(Output { status, stdout: text(out)?, stderr: text(err)? })
    }
}

/// The same on every box; needrestart must not restart services behind our back.
pub const FIXED: [(&str, &str); 5] = [
    ("PATH", tool::PATH),
    ("LC_ALL", "C.UTF-8"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("HOME", "/root"),
    ("NEEDRESTART_MODE", "l"),
];

fn scratch() -> Result<File> {
    Ok(memfd_create(c"ciab", MFdFlags::MFD_CLOEXEC).context("make memory for a command's output")?.into())
}

fn text(mut file: File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What of a command's output has been passed on.
struct Copy<'a> {
    from: &'a File,
    at: u64,
}

impl<'a> Copy<'a> {
    fn of(from: &'a File) -> Self {
        Self { from, at: 0 }
    }

    fn on(&mut self, tell: &mut dyn Write) -> Result<()> {
        let mut buffer = [0; 8192];
        loop {
            let count = self.from.read_at(&mut buffer, self.at)?;
            if count == 0 {
                return Ok(());
            }
            tell.write_all(&buffer[..count])?;
            self.at += count as u64;
        }
    }
}

fn wait(
    mut child: Child,
    request: &Request,
    out: &mut [Copy<'_>],
    tell: &mut dyn Write,
) -> Result<ExitStatus> {
    let (start, mut pause) = (Instant::now(), Duration::from_millis(1));
    loop {
        let ended = child.try_wait()?;
        for copy in &mut *out {
            copy.on(tell)?;
        }
        if let Some(status) = ended {
            return Ok(status);
        }
        if start.elapsed() > request.limit {
            end(&mut child)?;
            bail!("`{}` did not end within {} s", request.name(), request.limit.as_secs());
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Ends a command and all it started.
fn end(child: &mut Child) -> Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let _ = killpg(group, Signal::SIGTERM);
    let start = Instant::now();
    while child.try_wait()?.is_none() && start.elapsed() < GRACE {
        sleep(Duration::from_millis(50));
    }
    let _ = killpg(group, Signal::SIGKILL);
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(argv: &[&str], input: &str, limit: Duration) -> Result<(Output, String)> {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        let request = Request { argv, input: input.into(), limit, ..Request::default() };
        let mut told = Vec::new();
        let output = Here::default().run(&request, &mut told)?;
        Ok((output, String::from_utf8(told)?))
    }

    #[test]
    fn input_output_and_status_come_through() {
        let (output, told) = run(&["sh", "-c", "cat; echo bad >&2; exit 3"], "in", LIMIT).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_str()), (Some(3), "in"));
        assert_eq!((output.tail(), told.as_str()), ("bad", "inbad\n"));
    }

    #[test]
    fn nothing_of_our_environment_is_passed_on() {
        let (output, _) = run(&["env"], "", LIMIT).unwrap();
        assert!(
            output.stdout.contains("LC_ALL=C.UTF-8") && !output.stdout.contains("CARGO"),
            "{}",
            output.stdout
        );
    }

    #[test]
    fn the_deadline_ends_the_command_and_its_children() {
        let start = Instant::now();
        let error = run(&["sh", "-c", "sleep 77 & sleep 78"], "", Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().ends_with("did not end within 0 s"), "{error}");
        assert!(start.elapsed() < GRACE);
    }

    #[test]
    fn the_tail_is_cut_between_characters() {
        let output = Output::of(1, "", &"ä".repeat(2000));
        assert!(output.tail().len() <= TAIL && output.tail().starts_with('ä'));
    }
}
