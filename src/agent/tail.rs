//! Follows an attempt's output: pieces of whole lines, redacted, small enough that a flood cannot starve anybody.

use std::{
    fs::File,
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{
    news::News,
    record::{Attempt, Block},
    redact::Redactor,
    survey, unit,
    wire::{Output, State},
};
use crate::step::StepId;

/// The largest piece of output in one answer, in bytes.
const PIECE: u64 = 64 << 10;
/// How long one question may wait for news.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long output waits for more of it, or for the end, which often follows at once.
const SETTLE: Duration = Duration::from_millis(4);
/// How often systemd is asked whether a silent unit is still there.
const ASK: Duration = Duration::from_secs(1);

/// Output from byte `from` on, and the state of the attempt. Waits until there is one or the other.
pub(super) fn follow(
    step: &StepId,
    attempt: &Attempt,
    from: u64,
    redactor: &Redactor,
    news: &News,
) -> Result<Output> {
    // Before the first look: what changes after it wakes.
    let mut watch = news.watch(&attempt.folder);
    let started = Instant::now();
    let mut asked = started;
    let mut state = State::Active;
    let mut seen = None;
    loop {
        // The end first, then the output: else its last lines could be missed.
        let ended = attempt.end()? != Block::Blank;
        if ended {
            state = survey::state_of(attempt, step, false)?;
        } else if asked.elapsed() >= ASK {
            asked = Instant::now();
            if !unit::is_loaded(step, attempt.number)? {
                // Asked again: the end may have been written between the two questions.
                state = survey::state_of(attempt, step, false)?;
            }
        }
        let over = state != State::Active;
        let out = attempt.folder.join("out");
        let (text, next) = piece(&out, from, over)?;
        let patience = match text.is_empty() {
            true => PATIENCE.saturating_sub(started.elapsed()),
            false => SETTLE.saturating_sub(seen.get_or_insert_with(Instant::now).elapsed()),
        };
        if over || patience.is_zero() || next - from >= PIECE / 2 {
            // The state is told with the last piece, so that no output comes after the end.
            let more = over && next > from && std::fs::metadata(&out).is_ok_and(|file| file.len() > next);
            let state = if more { State::Active } else { state };
            return Ok(Output { text: redactor.clean(&text), next, state });
        }
        watch.wait(patience.min(ASK.saturating_sub(asked.elapsed())));
    }
}

/// Whole lines from a byte on; the unfinished last line only when no more will come, or when it fills the piece.
fn piece(path: &Path, from: u64, over: bool) -> Result<(String, u64)> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.seek(SeekFrom::Start(from))?;
            file.take(PIECE).read_to_end(&mut bytes).with_context(|| format!("read {}", path.display()))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    }
    let full = bytes.len() as u64 == PIECE;
    let end = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(at) if !over || full => at + 1,
        None if !over && !full => 0,
        _ => bytes.len(),
    };
    bytes.truncate(end);
    let next = from + bytes.len() as u64;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_waits_for_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\ntw").unwrap();
        assert_eq!(piece(file.path(), 0, false).unwrap(), ("one\n".into(), 4));
        assert_eq!(piece(file.path(), 4, false).unwrap(), (String::new(), 4));
        assert_eq!(piece(file.path(), 4, true).unwrap(), ("tw".into(), 6));
    }

    #[test]
    fn a_flood_comes_in_pieces_and_no_byte_is_lost() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "x".repeat(200_000);
        std::fs::write(file.path(), &text).unwrap();
        let (mut from, mut got) = (0, String::new());
        while from < 200_000 {
            let (piece, next) = piece(file.path(), from, true).unwrap();
            assert!(piece.len() as u64 <= PIECE);
            got.push_str(&piece);
            from = next;
        }
        assert_eq!(got, text);
    }
}
