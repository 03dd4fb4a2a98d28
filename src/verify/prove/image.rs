//! An image of one program: a tar archive, POSIX.1-1988 (ustar), as `docker import` reads it.

/// The unit of an archive.
const BLOCK: usize = 512;
/// Where the checksum stands in a header, and what its place counts as.
const SUM: std::ops::Range<usize> = 148..156;

/// An archive that holds `/ciab`, executable, with these bytes.
pub(super) fn of(program: &[u8]) -> Vec<u8> {
    let mut archive = header(program.len()).to_vec();
    archive.extend_from_slice(program);
    // The last file is filled up, and two empty blocks end the archive.
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    archive
}

fn header(size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, b"ciab");
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(SUM.start, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn tar_reads_it() {
        let mut tar = Command::new("tar");
        let mut tar = tar.args(["-tvf", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        tar.stdin.take().unwrap().write_all(&of(&[7; 1000])).unwrap();
        let output = tar.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success());
        assert!(
            said.starts_with("-rwxr-xr-x") && said.contains(" 1000 ") && said.ends_with(" ciab\n"),
            "{said}"
        );
    }
}
