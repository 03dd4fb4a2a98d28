//! How fast a disk keeps what it was given: small writes, each followed by `fdatasync`, as etcd and Galera make them.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    sys::{
        statfs::{TMPFS_MAGIC, statfs},
        statvfs::statvfs,
    },
};

use super::{Fsync, Outcome, unknown};

/// The size of a write of etcd's log, and how much is written in all: the figures of OpenShift's assisted installer
/// (`fio --fdatasync=1 --size=22m --bs=2300`), so that its limit of 10 ms means the same here.
const WRITE: usize = 2300;
const TOTAL: usize = 22 << 20;

/// Fewer writes than this say nothing about the slowest hundredth.
const ENOUGH: usize = 100;

/// How long a disk is looked at that has done enough by then; a slower one gets until the deadline.
const LOOK: Duration = Duration::from_secs(2);

/// What must be left free on the file system, lest the measure be what fills it up.
const SPARE: u64 = 256 << 20;

pub(super) fn measure(folder: &Path, end: Instant) -> Outcome {
    match times(folder, end) {
        Ok(times) if times.len() < ENOUGH => {
            unknown(format!("only {} writes were done in time, {ENOUGH} are needed", times.len()))
        }
        Ok(times) => Outcome::Fsync(summary(times)),
        Err(error) => unknown(format!("write in {}: {error}", folder.display())),
    }
}

/// Opens a file that never has a name, so that nothing stays whatever happens.
fn open(folder: &Path) -> io::Result<File> {
    let kind = statfs(folder)?.filesystem_type();
    if kind == TMPFS_MAGIC {
        return Err(io::Error::other("it is kept in memory, not on a disk"));
    }
    let space = statvfs(folder)?;
    if space.blocks_available().saturating_mul(space.fragment_size()) < SPARE {
        return Err(io::Error::other("less than 256 MiB are free"));
    }
    OpenOptions::new().write(true).mode(0o600).custom_flags(OFlag::O_TMPFILE.bits()).open(folder)
}

fn times(folder: &Path, end: Instant) -> io::Result<Vec<Duration>> {
    let mut file = open(folder)?;
    let block = [0x5a; WRITE];
    let mut times = Vec::with_capacity(TOTAL / WRITE);
    let looked = Instant::now() + LOOK;
    let goes_on = |done: usize| {
        let now = Instant::now();
        done < TOTAL / WRITE && now < end && (now < looked || done < ENOUGH)
    };
    while goes_on(times.len()) {
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

fn summary(mut times: Vec<Duration>) -> Fsync {
    times.sort();
    let micros = |at: usize| {
        let time = times.get(at.min(times.len().saturating_sub(1))).copied().unwrap_or_default();
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    };
    Fsync {
        writes: u32::try_from(times.len()).unwrap_or(u32::MAX),
        p50_us: micros(times.len() / 2),
        p99_us: micros(times.len() * 99 / 100),
        max_us: micros(times.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_hundredth_begins_at_p99() {
        let times = (1..=1000).map(Duration::from_micros).collect();
        let expected = Fsync { writes: 1000, p50_us: 501, p99_us: 991, max_us: 1000 };
        assert_eq!(summary(times), expected);
    }

    #[test]
    fn memory_is_no_disk() {
        if statfs("/dev/shm").is_ok_and(|s| s.filesystem_type() == TMPFS_MAGIC) {
            let outcome = measure("/dev/shm".as_ref(), Instant::now() + Duration::from_millis(10));
            assert!(matches!(outcome, Outcome::Unknown { reason } if reason.contains("in memory")));
        }
    }
}
