//! The tables that firmware leaves for the system (SMBIOS 3.7, DMTF DSP0134): memory modules, ECC, BMC.

use super::{memory::Module, reader::clean};
use crate::units::Bytes;

/// Where the kernel shows the tables; root only.
pub(super) const TABLES: &str = "/sys/firmware/dmi/tables/DMI";

/// What the tables tell that no file in sysfs does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Smbios {
    pub(super) ecc: Option<bool>,
    pub(super) modules: Vec<Module>,
    /// There is an IPMI device (type 38).
    pub(super) ipmi: bool,
}

/// One structure: its type, its formatted area from the header on, its strings.
struct Structure<'a> {
    kind: u8,
    area: &'a [u8],
    strings: Vec<&'a [u8]>,
}

impl Structure<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.area.get(at).copied()
    }

    fn word(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte(at)?, self.byte(at + 1)?]))
    }

    fn long(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes([self.byte(at)?, self.byte(at + 1)?, self.byte(at + 2)?, self.byte(at + 3)?]))
    }

    /// A string by the number that stands at an offset; numbers begin at one.
    fn string(&self, at: usize) -> Option<String> {
        let index = usize::from(self.byte(at)?).checked_sub(1)?;
        Some(clean(&String::from_utf8_lossy(self.strings.get(index)?)))
    }
}

/// Takes the first structure off the front; `None` at the end, or where the rest is damaged.
fn next<'a>(rest: &mut &'a [u8]) -> Option<Structure<'a>> {
    let length = usize::from(*rest.get(1)?);
    let area = rest.get(..length).filter(|_| length >= 4)?;
    let tail = rest.get(length..)?;
    // Strings end in a NUL each and in another one together; without strings there are just the two.
    let end = tail.windows(2).position(|pair| pair == [0, 0])?;
    let strings = tail.get(..end)?.split(|b| *b == 0).collect();
    *rest = tail.get(end + 2..)?;
    Some(Structure { kind: *area.first()?, area, strings })
}

pub(super) fn parse(table: &[u8]) -> Smbios {
    let (mut rest, mut found) = (table, Smbios::default());
    while let Some(structure) = next(&mut rest) {
        match structure.kind {
            16 => found.ecc = corrects_errors(&structure).or(found.ecc),
            17 => found.modules.extend(module(&structure)),
            38 => found.ipmi = true,
            // End of table.
            127 => break,
            _ => {}
        }
    }
    found
}

/// 7.17.3: 3 none, 4 parity, 5 single-bit ECC, 6 multi-bit ECC, 7 CRC. Only arrays used as main memory (3) count.
fn corrects_errors(array: &Structure<'_>) -> Option<bool> {
    match (array.byte(5)?, array.byte(6)?) {
        (3, 3 | 4) => Some(false),
        (3, 5..=7) => Some(true),
        _ => None,
    }
}

/// 7.18: size in MiB, or in KiB with the top bit set; 0 an empty slot, 0xffff unknown, 0x7fff see the long field.
fn module(device: &Structure<'_>) -> Option<Module> {
    let size = match device.word(0x0c)? {
        0 | 0xffff => return None,
        0x7fff => Bytes::mib(u64::from(device.long(0x1c)? & 0x7fff_ffff)),
        kib if kib & 0x8000 != 0 => Bytes::kib(u64::from(kib & 0x7fff)),
        mib => Bytes::mib(u64::from(mib)),
    };
    let speed = device.word(0x20).or_else(|| device.word(0x15)).filter(|s| !matches!(s, 0 | 0xffff));
    Some(Module { slot: device.string(0x10).unwrap_or_default(), size, speed: speed.map(u32::from) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn structure(kind: u8, body: &[u8], strings: &[&str]) -> Vec<u8> {
        let length = u8::try_from(body.len() + 4).unwrap();
        let mut bytes = vec![kind, length, 0, 0];
        bytes.extend(body);
        for string in strings {
            bytes.extend(string.as_bytes());
            bytes.push(0);
        }
        bytes.extend(if strings.is_empty() { &[0, 0][..] } else { &[0] });
        bytes
    }

    #[test]
    fn modules_ecc_and_bmc_are_found() {
        let mut table = structure(16, &[3, 3, 6, 0, 0, 0, 0], &[]);
        let mut body = [0_u8; 0x22 - 4];
        body[0x0c - 4..0x0e - 4].copy_from_slice(&16_384_u16.to_le_bytes());
        body[0x10 - 4] = 1;
        body[0x20 - 4..0x22 - 4].copy_from_slice(&2933_u16.to_le_bytes());
        table.extend(structure(17, &body, &["DIMM_A1", "BANK 0"]));
        body[0x0c - 4..0x0e - 4].copy_from_slice(&[0, 0]);
        table.extend(structure(17, &body, &["DIMM_A2"]));
        table.extend(structure(38, &[1, 0x20], &[]));
        table.extend(structure(127, &[], &[]));
        let module = Module { slot: "DIMM_A1".into(), size: Bytes::gib(16), speed: Some(2933) };
        assert_eq!(parse(&table), Smbios { ecc: Some(true), modules: vec![module], ipmi: true });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            parse(&bytes);
        }

        #[test]
        fn any_structures_are_read(kind in 15_u8..40, body: Vec<u8>, rest: Vec<u8>) {
            let body = &body[..body.len().min(250)];
            let mut table = structure(kind, body, &["a", "b"]);
            table.extend(rest);
            parse(&table);
        }
    }
}
