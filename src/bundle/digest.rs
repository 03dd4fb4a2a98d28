//! SHA-256 of files, read in pieces.
//!
//! By `ring` and not by `sha2`: its assembly is as fast in every build of this program, and a bundle is gigabytes.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use nix::libc::O_NOFOLLOW;
use ring::digest::{Context, SHA256};

use crate::{boxfile::content::Sha256Text, tree::hex};

/// Bytes that are read at once: large enough that calls cost nothing, small enough for the second cache.
const PIECE: usize = 256 << 10;

/// What a file is: its size in bytes, and its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    pub size: u64,
    pub sha256: Sha256Text,
}

impl Sum {
    /// Of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sums = Summing::new();
        sums.take(bytes);
        sums.done()
    }

    /// Of a file, which is no symbolic link; `read` hears how many bytes were read.
    pub fn of_file(path: &Path, mut read: impl FnMut(u64)) -> io::Result<Self> {
        let mut file = open(path)?;
        let mut sums = Summing::new();
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok(sums.done()),
                Ok(count) => {
                    sums.take(&piece[..count]);
                    read(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens a regular file for reading. A symbolic link, a pipe or a device is none: of a bundle somebody else may have
/// made every file.
pub fn open(path: &Path) -> io::Result<File> {
    let nonblocking = nix::libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(O_NOFOLLOW | nonblocking).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
    }
}

/// A sum in the making.
pub struct Summing {
    context: Context,
    size: u64,
}

impl Summing {
    pub fn new() -> Self {
        Self { context: Context::new(&SHA256), size: 0 }
    }

    pub fn take(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub fn done(self) -> Sum {
        let text = hex(self.context.finish().as_ref());
        let sha256 = text.parse().unwrap_or_else(|why| unreachable!("{why}"));
        Sum { size: self.size, sha256 }
    }
}

impl Default for Summing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_prints() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sum::of(b"abc"), Sum { size: 3, sha256: abc.parse().unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, vec![7; PIECE + 1]).unwrap();
        let mut heard = 0;
        let sum = Sum::of_file(&path, |count| heard += count).unwrap();
        assert_eq!(sum, Sum::of(&vec![7; PIECE + 1]));
        assert_eq!(heard, sum.size);
    }

    #[test]
    fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
        assert!(open(&link).is_err());
        assert!(open(Path::new("/dev/null")).is_err());
        assert!(open(folder.path()).is_err());
    }
}
