//! Digests, and paths inside of a folder: what names the content of a bundle.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::names::checked;

/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;
/// Longer than any path of a bundle, and shorter than what a system call takes (PATH_MAX, 4096).
const PATH_MAX: usize = 1024;

checked!(
    /// A SHA-256 in lower-case hexadecimal, as `sha256sum` prints it.
    Sha256Text,
    |text| {
        let inside = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == DIGITS && text.bytes().all(inside) {
            Ok(())
        } else {
            Err(format!("`{text}` is no SHA-256: {DIGITS} digits, 0-9 and a-f"))
        }
    }
);

checked!(
    /// A path below a folder that is named elsewhere; it cannot leave it.
    InsidePath,
    |text| {
        let part = |part: &str| !part.is_empty() && part != "." && part != "..";
        if text.len() <= PATH_MAX && !text.chars().any(char::is_control) && text.split('/').all(part) {
            Ok(())
        } else {
            Err(format!("`{}` is no path inside of a folder", text.escape_debug()))
        }
    }
);

impl InsidePath {
    /// The path in this folder.
    pub fn below(&self, folder: &Path) -> PathBuf {
        folder.join(self.as_str())
    }
}

checked!(
    /// A name, or a version, of something that is carried: one word.
    Word,
    |text| {
        let good = !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic());
        if good { Ok(()) } else { Err(format!("`{}` is no single word", text.escape_debug())) }
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside() {
        for good in ["a", "oci/blobs/sha256/ab", "apt/pool/a~1.deb", "..a/b.."] {
            assert!(good.parse::<InsidePath>().is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\nb", &"a".repeat(2000)] {
            assert!(bad.parse::<InsidePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_digest_has_one_spelling() {
        assert!("0f".repeat(32).parse::<Sha256Text>().is_ok());
        for bad in ["", "0f", &"0F".repeat(32), &"0g".repeat(32)] {
            assert!(bad.parse::<Sha256Text>().is_err(), "{bad}");
        }
    }
}
