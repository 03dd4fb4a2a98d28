//! Who else may write while lines are being redrawn: everything goes above them.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
};

use indicatif::MultiProgress;

/// The lines that stand at the bottom of the terminal now. There is one standard error, hence one of these.
static LIVE: Mutex<Option<MultiProgress>> = Mutex::new(None);

pub(super) fn occupy(bars: &MultiProgress) {
    *LIVE.lock().unwrap_or_else(PoisonError::into_inner) = Some(bars.clone());
}

pub(super) fn leave() {
    *LIVE.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Writes to standard error without tearing the lines apart.
pub(super) fn above<R>(write: impl FnOnce() -> R) -> R {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match live {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Takes redrawn lines away and shows the cursor; for a process that leaves at once (a second Ctrl-C).
pub fn restore_terminal() {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(bars) = live {
        let _ = bars.clear();
    }
    // A prompt that was cut short has hidden the cursor.
    if io::stderr().is_terminal() && !super::paint::dumb() {
        let _ = io::stderr().lock().write_all(b"\x1b[?25h");
    }
}

/// Where the log goes (`tracing`): standard error, above the lines that are redrawn.
#[derive(Clone, Copy, Debug)]
pub struct Log(());

/// A writer for one record of the log.
pub fn log() -> Log {
    Log(())
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        above(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
