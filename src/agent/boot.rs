//! Which start of the box this is, its boot-time clock, and whether it is going down.

use std::fs;

use anyhow::{Context, Result};

use super::{systemd, wire::Boot};

/// The present boot, from proc(5): `/proc/sys/kernel/random/boot_id` and field 22 of `/proc/1/stat`.
pub fn current() -> Result<Boot> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").context("read the boot id")?;
    let stat = fs::read_to_string("/proc/1/stat").context("read the start time of process 1")?;
    let pid1 = start_time(&stat).context("read the start time of process 1")?;
    Ok(Boot { id: id.trim().to_owned(), pid1 })
}

/// Field 22 of a `stat` line. Counted behind the last `)`, since a process may be named anything.
fn start_time(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Milliseconds of `CLOCK_BOOTTIME`: goes on while the box is suspended, and nobody can set it.
pub fn clock() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME);
    now.map_or(0, |t| {
        u64::try_from(t.tv_sec()).unwrap_or(0) * 1000 + u64::try_from(t.tv_nsec()).unwrap_or(0) / 1_000_000
    })
}

/// Whether the manager has begun to stop everything. A job that is ended then may report success.
pub fn stopping() -> bool {
    systemd::state().map_or(true, |state| !is_up(&state))
}

/// Whether a state of systemctl(1) is one of a box that stays up. At the very end of a shutdown the manager no
/// longer answers, so without a known word the safe one is doubt.
fn is_up(state: &str) -> bool {
    ["initializing", "starting", "running", "degraded", "maintenance"].contains(&state)
}

#[cfg(test)]
mod tests {
    use super::{is_up, start_time};

    #[test]
    fn only_a_known_word_says_that_the_box_stays_up() {
        assert!(is_up("running") && is_up("degraded") && is_up("starting"));
        assert!(!is_up("stopping") && !is_up("unknown") && !is_up("offline") && !is_up(""));
    }

    #[test]
    fn a_process_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let fields: Vec<String> = (3..=52).map(|n| n.to_string()).collect();
        let stat = format!("1 (evil) name 9) {}", fields.join(" "));
        assert_eq!(start_time(&stat), Some(22));
        assert_eq!(start_time("1 (cut"), None);
    }
}
