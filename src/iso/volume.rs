//! Finds files of an ISO 9660 volume (ECMA-119) where they lie, without a mount.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
};

/// Bytes of a logical block; other sizes are allowed and nobody makes them.
const BLOCK: u64 = 2048;
/// The primary volume descriptor stands behind the system area (6.2.1).
const DESCRIPTOR: u64 = 16 * BLOCK;
/// A folder of ours has a handful of files.
const FOLDER_MAX: u32 = 1 << 20;

/// Where the bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A volume that was recognised.
#[derive(Debug)]
pub(super) struct Volume {
    /// The volume identifier, without the spaces at its end.
    pub(super) label: String,
    root: Extent,
}

impl Volume {
    /// Reads the primary volume descriptor (8.4); `None` where there is no such volume.
    pub(super) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut block = [0; BLOCK as usize];
        match file.read_exact_at(&mut block, DESCRIPTOR) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let blocks = u16::from_le_bytes([block[128], block[129]]);
        if block[..7] != *b"\x01CD001\x01" || u64::from(blocks) != BLOCK {
            return Ok(None);
        }
        let label = String::from_utf8_lossy(&block[40..72]).trim_end().to_owned();
        Ok(Record::read(&block[156..190]).map(|root| Self { label, root: root.extent }))
    }

    /// The file at a path of plain names; case does not count, as plain ISO 9660 has none.
    pub(super) fn find(&self, file: &File, path: &str) -> io::Result<Option<Extent>> {
        let mut at = self.root;
        for name in path.split('/') {
            let entries = entries(file, at)?;
            let Some(found) = entries.into_iter().find(|entry| entry.name.eq_ignore_ascii_case(name)) else {
                return Ok(None);
            };
            at = found.extent;
        }
        Ok(Some(at))
    }
}

/// A directory record (9.1).
struct Record {
    name: String,
    extent: Extent,
}

impl Record {
    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let length = usize::from(*bytes.get(32)?);
        let name = String::from_utf8_lossy(bytes.get(33..33 + length)?).into_owned();
        // `NAME.;1`: the version, and the dot of a name without an extension.
        let name = name.split(';').next().unwrap_or_default().trim_end_matches('.').to_owned();
        Some(Self {
            name,
            extent: Extent { offset: u64::from(number(2)?) * BLOCK, size: u64::from(number(10)?) },
        })
    }
}

/// The records of a folder. None goes across the end of a block; a length of zero fills the rest of one (6.8.1.1).
fn entries(file: &File, folder: Extent) -> io::Result<Vec<Record>> {
    let size = u32::try_from(folder.size).unwrap_or(u32::MAX).min(FOLDER_MAX);
    let mut bytes = vec![0; size as usize];
    file.read_exact_at(&mut bytes, folder.offset)?;
    let mut records = Vec::new();
    for block in bytes.chunks(BLOCK as usize) {
        let mut rest = block;
        while let Some(length) = rest.first().map(|length| usize::from(*length)).filter(|length| *length > 0)
        {
            let Some(record) = rest.get(..length) else { break };
            records.extend(Record::read(record));
            rest = &rest[length..];
        }
    }
    Ok(records)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;

    use super::*;

    /// A directory record of a file or folder.
    fn record(name: &[u8], block: u32, size: u32) -> Vec<u8> {
        let mut bytes = vec![0; 33];
        bytes[2..6].copy_from_slice(&block.to_le_bytes());
        bytes[10..14].copy_from_slice(&size.to_le_bytes());
        bytes[32] = u8::try_from(name.len()).unwrap();
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes[0] = u8::try_from(bytes.len()).unwrap();
        bytes
    }

    /// A volume with one folder `CIAB` of these files; the bytes of a real one are in tests/e2e/iso.
    pub(in crate::iso) fn volume(label: &str, files: &[(&str, &[u8])]) -> File {
        let block = |n: u64| usize::try_from(n * BLOCK).unwrap();
        let mut image = vec![0; block(19)];
        image[block(16)..][..7].copy_from_slice(b"\x01CD001\x01");
        image[block(16) + 40..][..32].fill(b' ');
        image[block(16) + 40..][..label.len()].copy_from_slice(label.as_bytes());
        image[block(16) + 128..][..2].copy_from_slice(&2048_u16.to_le_bytes());
        let root = record(b"\0", 17, 2048);
        image[block(16) + 156..][..root.len()].copy_from_slice(&root);
        let folder = record(b"CIAB", 18, 2048);
        image[block(17)..][..folder.len()].copy_from_slice(&folder);
        let mut at = block(18);
        for (name, bytes) in files {
            let start = image.len().next_multiple_of(block(1));
            image.resize(start, 0);
            image.extend(*bytes);
            let size = u32::try_from(bytes.len()).unwrap();
            let entry = record(name.as_bytes(), u32::try_from(start / block(1)).unwrap(), size);
            image[at..][..entry.len()].copy_from_slice(&entry);
            at += entry.len();
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&image).unwrap();
        file
    }

    #[test]
    fn files_are_found_by_their_plain_names() {
        let file = volume("CIAB_1", &[("AREA.;1", b"one"), ("WORDS.CFG;1", b"twotwo")]);
        let volume = Volume::read(&file).unwrap().unwrap();
        assert_eq!(volume.label, "CIAB_1");
        let extent = volume.find(&file, "ciab/words.cfg").unwrap().unwrap();
        assert_eq!((extent.offset, extent.size), (20 * BLOCK, 6));
        assert_eq!(volume.find(&file, "ciab/area").unwrap().unwrap().size, 3);
        assert_eq!(volume.find(&file, "ciab/none").unwrap(), None);
        assert_eq!(volume.find(&file, "none/area").unwrap(), None);
    }

    #[test]
    fn what_is_no_volume_is_told_and_a_damaged_one_is_no_panic() {
        let file = tempfile::tempfile().unwrap();
        assert!(Volume::read(&file).unwrap().is_none());
        file.set_len(1 << 20).unwrap();
        assert!(Volume::read(&file).unwrap().is_none());
        let file = volume("X", &[("AREA.;1", b"one")]);
        for at in (DESCRIPTOR..DESCRIPTOR + 200).chain(17 * BLOCK..17 * BLOCK + 80) {
            let mut old = [0];
            file.read_exact_at(&mut old, at).unwrap();
            file.write_all_at(&[0xff], at).unwrap();
            if let Ok(Some(volume)) = Volume::read(&file) {
                let _ = volume.find(&file, "ciab/area");
            }
            file.write_all_at(&old, at).unwrap();
        }
    }
}
