//! What is embedded in a medium, and the bytes of the two files that it is written into.

use serde::{Deserialize, Serialize};

use crate::{
    boxfile::content::Sha256Text,
    bundle::digest::Sum,
    failure::{Exit, Failure},
};

/// Bytes of the area: a box file with a dozen scripts and certificates has a tenth of it.
pub(super) const AREA: usize = 256 << 10;
/// Bytes of the file that GRUB reads: a line, and padding.
pub(super) const WORDS: usize = 4 << 10;
/// Characters of a kernel's command line (`COMMAND_LINE_SIZE` of x86), without what GRUB puts before ours.
const LINE_MAX: usize = 2048 - 512;
/// Begins the area.
const MAGIC: &str = "ciab-area/v1";

/// What is embedded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// The box file, as it was written.
    #[serde(rename = "box", default, skip_serializing_if = "Option::is_none")]
    pub boxfile: Option<String>,
    /// Words for the kernel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
}

impl Embedded {
    pub fn is_empty(&self) -> bool {
        self.boxfile.is_none() && self.words.is_empty()
    }

    /// The bytes of the area: a line with the length and the digest of what follows, and zeros to its end. Exit 2 where
    /// it has too little room.
    pub(super) fn area(&self) -> Result<Vec<u8>, Failure> {
        if self.is_empty() {
            return Ok(filled(format!("{MAGIC} 0\n").into_bytes(), AREA, 0));
        }
        let text = serde_json::to_string(self).map_err(anyhow::Error::from)?;
        let sum = Sum::of(text.as_bytes());
        let bytes = format!("{MAGIC} {} {}\n{text}", sum.size, sum.sha256).into_bytes();
        if bytes.len() > AREA {
            let message =
                format!("the box file is too large for the medium: {} bytes of {AREA}", bytes.len());
            return Err(Failure::new(Exit::Usage, message)
                .hint("Leave out what is not needed before the first start, such as comments."));
        }
        Ok(filled(bytes, AREA, 0))
    }

    /// A file of the system that was installed with this box file. GRUB finds it, and no other box file has it.
    pub fn marker(&self) -> Option<String> {
        self.boxfile
            .as_ref()
            .map(|text| format!("/boot/ciab/{}", &Sum::of(text.as_bytes()).sha256.as_str()[..16]))
    }

    /// The bytes of the file that GRUB sources.
    pub(super) fn words(&self) -> Vec<u8> {
        let mut lines = String::new();
        if !self.words.is_empty() {
            lines += &format!("set words=\"{}\"\n", self.words.join(" "));
        }
        if let Some(path) = self.marker() {
            lines += &format!("set installed=\"{path}\"\n");
        }
        filled(lines.into_bytes(), WORDS, b'\n')
    }

    /// What an area says; why it says nothing.
    pub fn read(area: &[u8]) -> Result<Self, String> {
        let end = area.iter().position(|byte| *byte == b'\n').ok_or("it has no first line")?;
        let line = std::str::from_utf8(&area[..end]).map_err(|_| "its first line is no text")?;
        let mut words = line.split(' ');
        if words.next() != Some(MAGIC) {
            return Err("its first line is not ours".to_owned());
        }
        let length = words.next().and_then(|word| word.parse::<usize>().ok()).ok_or("it has no length")?;
        if length == 0 {
            return Ok(Self::default());
        }
        let text = area.get(end + 1..).and_then(|rest| rest.get(..length));
        let text = text.ok_or("it is shorter than it says")?;
        if words.next().and_then(|word| word.parse::<Sha256Text>().ok()) != Some(Sum::of(text).sha256) {
            return Err("its digest is not that of its text".to_owned());
        }
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }
}

/// `bytes`, and padding up to a size that they do not exceed.
fn filled(mut bytes: Vec<u8>, size: usize, padding: u8) -> Vec<u8> {
    bytes.resize(size.max(bytes.len()), padding);
    bytes
}

/// Words for the kernel, one by one. GRUB reads them as a script, so none may have a meaning there. Exit 2.
pub fn kernel_words(line: &str) -> Result<Vec<String>, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-=,:/@+%".contains(c);
    let words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
    if let Some(word) = words.iter().find(|word| !word.chars().all(plain)) {
        let message = format!("`{word}` is no word for the kernel");
        let hint = "A word has letters, digits and . _ - = , : / @ + % in it.";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    let length = words.join(" ").len();
    if length > LINE_MAX {
        let message = format!("the words have {length} characters, and the kernel takes {LINE_MAX}");
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded() -> Embedded {
        Embedded {
            boxfile: Some("profile: base\n".to_owned()),
            words: vec!["a=b".to_owned(), "c".to_owned()],
        }
    }

    #[test]
    fn what_was_embedded_is_read_back_and_the_size_is_always_the_same() {
        for one in [Embedded::default(), embedded()] {
            let (area, words) = (one.area().unwrap(), one.words());
            assert_eq!((area.len(), words.len()), (AREA, WORDS));
            assert_eq!(Embedded::read(&area).unwrap(), one);
        }
        let words = String::from_utf8(embedded().words()).unwrap();
        let lines: Vec<&str> = words.trim_end().lines().collect();
        let marker = embedded().marker().unwrap();
        assert_eq!(lines, ["set words=\"a=b c\"".to_owned(), format!("set installed=\"{marker}\"")]);
        let other = Embedded { boxfile: Some("profile: core\n".to_owned()), words: Vec::new() };
        assert_ne!(other.marker(), embedded().marker());
        assert!(Embedded::default().words().iter().all(|byte| *byte == b'\n'));
    }

    #[test]
    fn what_was_cut_or_changed_says_so() {
        let good = embedded().area().unwrap();
        let read = |area: &[u8]| Embedded::read(area).unwrap_err();
        assert!(read(b"").contains("no first line"));
        assert!(read(&vec![0; AREA]).contains("no first line"));
        assert!(read(b"something else\n").contains("not ours"));
        assert!(read(b"ciab-area/v1 x\n").contains("no length"));
        assert!(read(b"ciab-area/v1 9 abc\nx").contains("shorter"));
        let end = good.iter().position(|byte| *byte == b'\n').unwrap();
        for at in end + 1..end + 20 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(read(&bad).contains("digest"), "{at}");
        }
        let huge = format!("ciab-area/v1 {} abc\nx", usize::MAX);
        assert!(read(huge.as_bytes()).contains("shorter"));
    }

    #[test]
    fn a_box_file_that_does_not_fit_is_refused() {
        let large = Embedded { boxfile: Some("#".repeat(AREA)), words: Vec::new() };
        assert_eq!(large.area().unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn words_that_mean_something_to_grub_are_refused() {
        assert_eq!(kernel_words(" quiet  ip=[::1] ").unwrap_err().exit, Exit::Usage);
        for bad in ["a\"b", "a;b", "a$b", "a\\b", "a`b", "a#b", "a'b", "a{b", "ä"] {
            assert!(kernel_words(bad).is_err(), "{bad}");
        }
        assert_eq!(kernel_words(" quiet  ciab.name=box1 ").unwrap(), ["quiet", "ciab.name=box1"]);
        assert!(kernel_words(&"word ".repeat(400)).is_err());
    }
}
