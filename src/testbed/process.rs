//! What runs of a machine: processes that outlive this program, found again without taking another for them.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::tool::whole;

/// A process, by its id and by when it began: an id alone is given to another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) id: i32,
    /// Ticks of the clock after the boot, proc_pid_stat(5).
    began: u64,
}

impl Process {
    fn of(id: i32) -> Result<Self> {
        Ok(Self { id, began: began(id).with_context(|| format!("process {id} is gone"))? })
    }

    pub(super) fn runs(self) -> bool {
        began(self.id) == Some(self.began)
    }

    pub(super) fn kill(self, signal: Signal) {
        if self.runs() {
            let _ = kill(Pid::from_raw(self.id), signal);
        }
    }

    /// Kills the whole group that this process leads, at once.
    pub(super) fn kill_group(self) {
        if self.runs() {
            let _ = killpg(Pid::from_raw(self.id), Signal::SIGKILL);
        }
    }
}

/// When a process began; none for one that is not there, or that has ended and was not asked for.
fn began(id: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold anything; the last bracket ends it.
    let mut rest = text.rsplit_once(") ")?.1.split(' ');
    let state = rest.next()?;
    (state != "Z" && state != "X").then(|| rest.nth(18)?.parse().ok()).flatten()
}

/// Starts one that goes on without us; what it says goes to `log`. It leads a group, or joins that of `leader`.
pub(super) fn start(
    argv: &[String],
    log: &Path,
    env: &[(&str, &Path)],
    leader: Option<Process>,
) -> Result<Process> {
    let (program, rest) = argv.split_first().context("a call without a program")?;
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let out = File::create(log).with_context(|| format!("write {}", log.display()))?;
    let mut command = Command::new(whole(program).as_ref());
    command.args(rest).process_group(leader.map_or(0, |leader| leader.id));
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"CIAB_")) {
        command.env_remove(name);
    }
    command.envs(env.iter().copied());
    let child = command.spawn().with_context(|| format!("start {program}"))?;
    Process::of(i32::try_from(child.id())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_ends_at_once_and_another_process_of_the_same_id_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["sleep", "1000"].map(str::to_owned);
        let leader = start(&words, &folder.path().join("a"), &[], None).unwrap();
        let second = start(&words, &folder.path().join("b"), &[], Some(leader)).unwrap();
        assert!(leader.runs() && second.runs());
        let another = Process { began: leader.began + 1, ..leader };
        assert!(!another.runs());
        another.kill_group();
        assert!(leader.runs());
        leader.kill_group();
        for _ in 0..100 {
            if !leader.runs() && !second.runs() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("they run on");
    }
}
