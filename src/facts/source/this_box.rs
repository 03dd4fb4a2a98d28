//! The box this program runs on.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::{CommandOutput, MAX_FILE, MAX_NAMES, Source, join_line};
use crate::tool;

/// The longest a tool may take: `ip` and `wipefs` answer in milliseconds, on an emulated processor in seconds, and a
/// dead disk or daemon never.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much of a tool's complaint is kept.
const MAX_STDERR: usize = 4096;

/// Reads the files below `root`; runs tools only where the root is `/`.
#[derive(Clone, Debug)]
pub struct ThisBox {
    root: PathBuf,
}

impl Default for ThisBox {
    fn default() -> Self {
        Self::below("/")
    }
}

impl ThisBox {
    /// A folder that holds a copy of a box's `/proc`, `/sys`, `/etc` and `/run`.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Opens a regular file; a FIFO or a device must not hold us up.
    fn open(&self, path: &str) -> io::Result<fs::File> {
        let file =
            fs::OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(self.path(path))?;
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        }
    }
}

impl Source for ThisBox {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        read_bounded(self.open(path)?, MAX_FILE)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            if names.len() == MAX_NAMES {
                return Err(too_large("more names than any folder of a box should have"));
            }
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn link(&self, path: &str) -> io::Result<String> {
        Ok(fs::read_link(self.path(path))?.to_string_lossy().into_owned())
    }

    fn command(&self, argv: &[&str]) -> io::Result<CommandOutput> {
        if self.root != Path::new("/") {
            return Err(io::Error::new(io::ErrorKind::NotFound, "a folder has no tools to run"));
        }
        run(argv, DEADLINE)
    }

    fn lines(&self, path: &str, wanted: &dyn Fn(&str) -> bool) -> io::Result<String> {
        let mut file = BufReader::with_capacity(1 << 16, self.open(path)?);
        let (mut text, mut line) = (String::new(), Vec::new());
        loop {
            line.clear();
            if file.by_ref().take(MAX_FILE as u64).read_until(b'\n', &mut line)? == 0 {
                return Ok(text);
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\n');
            if wanted(line) {
                text = join_line(text, line);
            }
            if text.len() > MAX_FILE {
                return Err(too_large("more than 1 MiB of lines"));
            }
        }
    }
}

fn too_large(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

fn read_bounded(from: impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max { Err(too_large("more than 1 MiB")) } else { Ok(bytes) }
}

/// Runs a tool in a process group of its own, so that the deadline ends its children too.
fn run(argv: &[&str], deadline: Duration) -> io::Result<CommandOutput> {
    let (program, args) =
        argv.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "empty command"))?;
    let mut child = Command::new(&*tool::whole(program))
        .args(args)
        .env_clear()
        .env("PATH", tool::PATH)
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let stdout = drain(child.stdout.take(), MAX_FILE);
    let stderr = drain(child.stderr.take(), MAX_STDERR);
    let outcome = collect(&mut child, stdout, stderr, Instant::now() + deadline);
    if outcome.is_err() {
        let group = i32::try_from(child.id()).map(Pid::from_raw).map_err(io::Error::other)?;
        // Already gone is as good; the wait below takes the process off the table either way.
        let _ = killpg(group, Signal::SIGKILL);
        child.wait()?;
    }
    outcome
}

type Drained = mpsc::Receiver<io::Result<Vec<u8>>>;

/// Reads a pipe to its end on a thread, keeping what fits: a tool must never be held up by a full pipe.
fn drain(pipe: Option<impl Read + Send + 'static>, keep: usize) -> Drained {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let outcome = pipe.map_or(Ok(()), |mut pipe| {
            pipe.by_ref().take(keep as u64 + 1).read_to_end(&mut bytes)?;
            io::copy(&mut pipe, &mut io::sink()).map(drop)
        });
        // Nobody listens any more once the deadline has passed.
        let _ = send.send(outcome.map(|()| bytes));
    });
    receive
}

fn collect(child: &mut Child, out: Drained, err: Drained, end: Instant) -> io::Result<CommandOutput> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer within 10 s");
    let left = || end.saturating_duration_since(Instant::now());
    let stdout = out.recv_timeout(left()).map_err(|_| late())??;
    let mut stderr = err.recv_timeout(left()).map_err(|_| late())??;
    stderr.truncate(MAX_STDERR);
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if left().is_zero() => return Err(late()),
            // Its pipes are closed, so it is on its way out.
            None => thread::sleep(Duration::from_micros(200)),
        }
    };
    if stdout.len() > MAX_FILE {
        return Err(too_large("more than 1 MiB of output"));
    }
    Ok(CommandOutput { code: status.code(), stdout, stderr })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_bounded_and_devices_refused() {
        let here = ThisBox::default();
        assert_eq!(here.read("/dev/zero").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(here.read("/no/such/file").unwrap_err().kind(), io::ErrorKind::NotFound);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("large"), vec![b'x'; MAX_FILE + 1]).unwrap();
        let copy = ThisBox::below(folder.path());
        assert_eq!(copy.read("/large").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(copy.command(&["true"]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn only_wanted_lines_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("f"), "one\ntwo\nthree").unwrap();
        let copy = ThisBox::below(folder.path());
        assert_eq!(copy.lines("/f", &|l| l.starts_with('t')).unwrap(), "two\nthree\n");
    }

    #[test]
    fn tools_answer_or_are_ended() {
        let out = run(&["sh", "-c", "echo out; echo err >&2; exit 3"], DEADLINE).unwrap();
        assert_eq!((out.code, out.stdout.as_slice()), (Some(3), b"out\n".as_slice()));
        assert_eq!(out.text(), Err("exit code 3: err".into()));
        let begun = Instant::now();
        let slow = run(&["sh", "-c", "sleep 20 & wait"], Duration::from_millis(50)).unwrap_err();
        assert_eq!(slow.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(run(&["no-such-tool"], DEADLINE).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(run(&[], DEADLINE).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
