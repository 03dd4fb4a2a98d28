//! Ends tools with the process that started them, and what those tools have started in turn.
//!
//! A parent-death signal (prctl(2)) is not passed on to grandchildren: `python -m venv` killed by one leaves its pip
//! writing. So all tools are in one process group (setpgid(2)), led by a shell that waits for the end of a pipe whose
//! other end this process alone has. A kill of this process closes it, and the shell kills its own group, itself
//! included: no process id is remembered, so none can be taken for another.

use std::{
    fs::File,
    io::Write as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};

use super::whole;

/// A line ends it alone; the end of the file ends the group.
const WATCH: &str = "read -r _ || kill -KILL 0";

static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

/// The leader of the tools' process group.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    /// `lock` is let go when the leader ends.
    fn start(lock: Stdio) -> Result<Self> {
        let mut command = Command::new(whole("sh").as_ref());
        command.args(["-c", WATCH]).process_group(0);
        command.stdin(Stdio::piped()).stdout(lock).stderr(Stdio::null());
        command.spawn().map(Self).context("start the guard of tools")
    }

    fn group(&self) -> Result<i32> {
        i32::try_from(self.0.id()).context("the guard of tools")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            let _ = pipe.write_all(b"\n");
        }
        let _ = self.0.wait();
    }
}

/// Puts a tool that is about to be started under guard.
pub(crate) fn under(command: &mut Command) -> Result<()> {
    let mut guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner);
    if guard.is_none() {
        *guard = Some(Guard::start(Stdio::null())?);
    }
    if let Some(guard) = &*guard {
        command.process_group(guard.group()?);
    }
    Ok(())
}

/// Until this is dropped, a locked file stays locked as long as a tool may go on, whatever becomes of this process.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held {
    _lock: File,
}

/// Tools that are started from now on share the lock.
pub(crate) fn hold(lock: File) -> Result<Held> {
    let guard = Guard::start(lock.try_clone().context("share the lock")?.into())?;
    GUARD.lock().unwrap_or_else(PoisonError::into_inner).replace(guard);
    Ok(Held { _lock: lock })
}

impl Drop for Held {
    fn drop(&mut self) {
        GUARD.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, time::Duration};

    use super::*;

    /// Until a condition holds, at most ten seconds.
    fn until(what: &str, holds: impl Fn() -> bool) {
        for _ in 0..1000 {
            if holds() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what}");
    }

    #[test]
    fn the_end_of_the_pipe_ends_children_of_children_and_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, seen) = (folder.path().join("lock"), folder.path().join("id"));
        let file = File::create(&lock).unwrap();
        file.lock().unwrap();
        let mut guard = Guard::start(file.try_clone().unwrap().into()).unwrap();
        drop(file);
        // A grandchild that has closed what it inherited, as Python's do.
        let line = "sh -c 'echo $$ >\"$0\"; exec sleep 1000' \"$0\" >/dev/null 2>&1 & wait";
        let mut command = Command::new("sh");
        command.args(["-c", line]).arg(&seen).process_group(guard.group().unwrap());
        let mut tool = command.spawn().unwrap();
        let id = || fs::read_to_string(&seen).unwrap_or_default().trim().to_owned();
        until("it starts", || !id().is_empty());
        let process = format!("/proc/{}/exe", id());
        assert!(File::open(&lock).unwrap().try_lock().is_err());
        // As a kill of this process would.
        drop(guard.0.stdin.take());
        assert!(!tool.wait().unwrap().success());
        until("the grandchild ends", || fs::read_link(Path::new(&process)).is_err());
        until("the lock is free", || File::open(&lock).unwrap().try_lock().is_ok());
    }

    #[test]
    fn a_guard_that_is_not_needed_any_more_ends_nobody() {
        let guard = Guard::start(Stdio::null()).unwrap();
        let mut tool =
            Command::new("sleep").arg("1000").process_group(guard.group().unwrap()).spawn().unwrap();
        drop(guard);
        assert!(tool.try_wait().unwrap().is_none());
        tool.kill().unwrap();
        tool.wait().unwrap();
    }
}
