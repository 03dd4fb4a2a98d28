//! A disk of a machine, as the words of the command line describe it.

use std::{path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// How the disk is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bus {
    Virtio,
    Sata,
    Nvme,
    Usb,
}

/// `BUS:SIZE` or `BUS:FILE`, then `,serial=TEXT|none` and `,block=512|4096`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    pub bus: Bus,
    pub content: Content,
    pub serial: Serial,
    /// Bytes of a logical and physical block.
    pub block: u32,
}

/// What is on the disk at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Nothing.
    Blank(Bytes),
    /// What a file holds (raw or qcow2), which itself is never written.
    File(PathBuf),
}

/// What the disk tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Serial {
    /// One made of the machine's name and the disk's number.
    Own,
    None,
    Text(String),
}

/// Characters of a serial number that a virtio disk can tell (VIRTIO_BLK_ID_BYTES), which is the least of all.
const SERIAL: usize = 20;
/// Less is no disk that anything is installed on.
const LEAST: Bytes = Bytes::mib(1);

impl FromStr for Disk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let first = parts.next().unwrap_or_default();
        let (bus, what) = first.split_once(':').ok_or("write BUS:SIZE, such as `nvme:20GiB`, or BUS:FILE")?;
        let bus = match bus {
            "virtio" => Bus::Virtio,
            "sata" => Bus::Sata,
            "nvme" => Bus::Nvme,
            "usb" => Bus::Usb,
            _ => return Err(format!("there is no bus `{bus}`: virtio, sata, nvme, usb")),
        };
        let mut disk = Self { bus, content: content(what)?, serial: Serial::Own, block: 512 };
        for part in parts {
            match part.split_once('=') {
                Some(("serial", "none")) => disk.serial = Serial::None,
                Some(("serial", text)) => disk.serial = Serial::Text(serial(text)?),
                Some(("block", "512")) => disk.block = 512,
                Some(("block", "4096")) => disk.block = 4096,
                Some(("block", _)) => return Err("a block has 512 or 4096 bytes".to_owned()),
                _ => return Err(format!("`{part}` is none of serial=TEXT|none, block=512|4096")),
            }
        }
        disk.possible().map(|()| disk)
    }
}

impl Disk {
    fn possible(&self) -> Result<(), String> {
        match (self.bus, &self.serial, self.block) {
            (Bus::Nvme, Serial::None, _) => Err("an NVMe disk always tells a serial number".to_owned()),
            (Bus::Sata, _, 4096) => {
                Err("QEMU has no SATA disk with blocks of 4096 bytes: take virtio, nvme or usb".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// What it tells of itself, as the disk of this number (from 0) in a machine of this name.
    pub(super) fn told(&self, machine: &str, number: usize) -> Option<String> {
        match &self.serial {
            Serial::None => None,
            Serial::Text(text) => Some(text.clone()),
            Serial::Own => {
                let end = format!("-{number}");
                Some(machine.chars().take(SERIAL - end.len()).collect::<String>() + &end)
            }
        }
    }
}

fn content(text: &str) -> Result<Content, String> {
    if text.is_empty() {
        return Err("write its size, such as `20GiB`, or a file".to_owned());
    }
    if text.contains(['/', '.']) && text.parse::<Bytes>().is_err() {
        return Ok(Content::File(text.into()));
    }
    let size: Bytes = text.parse()?;
    if size < LEAST {
        return Err(format!("{} is less than {}", size.human(), LEAST.human()));
    }
    if !size.0.is_multiple_of(4096) {
        return Err("a disk's size is a multiple of 4096 bytes".to_owned());
    }
    Ok(Content::Blank(size))
}

fn serial(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match text.len() {
        1..=SERIAL if text.chars().all(good) => Ok(text.to_owned()),
        _ => Err(format!("a serial number has 1 to {SERIAL} letters, digits, `-`, `_` or `.`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(text: &str) -> Disk {
        text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    #[test]
    fn words_say_what_a_disk_is() {
        let plain = disk("virtio:20GiB");
        assert_eq!((plain.bus, plain.block), (Bus::Virtio, 512));
        assert_eq!(plain.content, Content::Blank(Bytes::gib(20)));
        assert_eq!(plain.told("box", 1).as_deref(), Some("box-1"));
        assert_eq!(plain.told("a-name-that-is-far-too-long", 12).as_deref(), Some("a-name-that-is-fa-12"));
        let all = disk("usb:4GiB,serial=A.b-1,block=4096");
        assert_eq!((all.serial, all.block), (Serial::Text("A.b-1".to_owned()), 4096));
        assert_eq!(disk("sata:1GiB,serial=none").told("box", 0), None);
        assert_eq!(disk("nvme:/srv/debian.qcow2").content, Content::File("/srv/debian.qcow2".into()));
        assert_eq!(disk("nvme:debian.raw").content, Content::File("debian.raw".into()));
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (text, said) in [
            ("20GiB", "write BUS:SIZE"),
            ("ide:20GiB", "there is no bus `ide`"),
            ("virtio:", "write its size"),
            ("virtio:20", "20 B is less than"),
            ("virtio:20000001", "multiple of 4096"),
            ("virtio:much", "much"),
            ("nvme:1GiB,serial=none", "always tells"),
            ("sata:1GiB,block=4096", "no SATA disk"),
            ("virtio:1GiB,block=1024", "512 or 4096"),
            ("virtio:1GiB,colour=red", "`colour=red` is none of"),
            ("virtio:1GiB,serial=", "1 to 20"),
            ("virtio:1GiB,serial=123456789012345678901", "1 to 20"),
            ("virtio:1GiB,serial=a;b", "1 to 20"),
        ] {
            let fault = text.parse::<Disk>().unwrap_err();
            assert!(fault.contains(said), "{text}: {fault}");
        }
    }
}
