//! Where facts come from: bytes of files, names in folders, targets of links, output of the field's tools.
//!
//! The readers know nothing else of a box, so this box, a folder that holds a copy of one, and a recording of one
//! far away go through the same code. Paths are absolute and are asked for as the kernel documents them; nothing
//! here writes, and no block device is opened by this program itself.

use std::io;

pub mod recorder;
pub mod recording;
#[cfg(test)]
pub mod sketch;
pub mod this_box;

pub use recorder::Recorder;
pub use recording::Recording;
pub use this_box::ThisBox;

/// The largest file worth reading: `/proc/cpuinfo` of 512 threads has 800 KiB.
pub const MAX_FILE: usize = 1 << 20;

/// The most names one folder may have.
pub const MAX_NAMES: usize = 65_536;

/// Answers questions about one box. An error's kind tells absence (`NotFound`) from refusal.
pub trait Source: Sync {
    /// The bytes of a regular file, at most [`MAX_FILE`]; a larger one is `FileTooLarge`.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// The names in a folder, in alphabetical order.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// The target of a symbolic link, as written in it.
    fn link(&self, path: &str) -> io::Result<String>;

    /// The outcome of a tool that was run to its end within its deadline.
    fn command(&self, argv: &[&str]) -> io::Result<CommandOutput>;

    /// The lines of a file that `wanted` accepts; the file may be larger than [`MAX_FILE`], the answer not.
    fn lines(&self, path: &str, wanted: &dyn Fn(&str) -> bool) -> io::Result<String> {
        let bytes = self.read(path)?;
        Ok(String::from_utf8_lossy(&bytes).lines().filter(|l| wanted(l)).fold(String::new(), join_line))
    }
}

fn join_line(mut text: String, line: &str) -> String {
    text.push_str(line);
    text.push('\n');
    text
}

/// What a tool said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    /// The beginning of it, at most 4 KiB.
    pub stderr: Vec<u8>,
}

impl CommandOutput {
    /// The standard output of a tool that succeeded; else the first line it complained with.
    pub fn text(self) -> Result<String, String> {
        if self.code == Some(0) {
            return Ok(String::from_utf8_lossy(&self.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&self.stderr);
        let line = stderr.lines().find(|l| !l.trim().is_empty()).unwrap_or("no message").trim().to_owned();
        Err(match self.code {
            Some(code) => format!("exit code {code}: {line}"),
            None => format!("ended by a signal: {line}"),
        })
    }
}
