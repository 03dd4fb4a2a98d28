//! Colour, where a terminal wants it; no meaning is carried by colour alone.

use std::{env, io::IsTerminal};

/// Puts texts into colour, or leaves them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// Colour for a terminal that has some, unless `NO_COLOR` is set.
    pub(super) fn of(stream: &impl IsTerminal) -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { on: stream.is_terminal() && !refused && !dumb() }
    }

    pub(super) fn off() -> Self {
        Self { on: false }
    }

    pub(super) fn red(self, text: &str) -> String {
        self.put("1;31", text)
    }
    pub(super) fn green(self, text: &str) -> String {
        self.put("32", text)
    }
    pub(super) fn yellow(self, text: &str) -> String {
        self.put("33", text)
    }
    pub(super) fn bold(self, text: &str) -> String {
        self.put("1", text)
    }

    fn put(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Whether the terminal says that it can only print (`TERM=dumb`, or no `TERM` at all).
pub(super) fn dumb() -> bool {
    env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_wraps_and_its_absence_leaves_the_text() {
        assert_eq!(Paint { on: true }.green("done"), "\x1b[32mdone\x1b[0m");
        assert_eq!(Paint::off().green("done"), "done");
    }
}
