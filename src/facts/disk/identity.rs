//! Reads what is written on a disk's label, from sysfs and from udev's record.

use std::collections::BTreeMap;

use super::{Disk, DiskKind, Transport, udev::Udev};
use crate::{facts::reader::Reader, units::Bytes};

/// Sizes in sysfs are in sectors of this many bytes, whatever the disk's own are.
pub(super) const SECTOR: u64 = 512;

/// A block device as the kernel lists it, with udev's record of it.
pub(super) struct Device {
    pub(super) name: String,
    /// `/sys/block/sda`
    pub(super) folder: String,
    /// `8:0`
    pub(super) number: Option<String>,
    /// Where the folder really is, below `/sys/devices/`.
    pub(super) path: String,
    pub(super) udev: Option<Udev>,
}

impl Device {
    /// `None` for what has no hardware behind it (loop, RAM, zram, dm, MD, network block devices) and for what is
    /// no disk of its own: a path of an NVMe namespace, the boot areas of eMMC.
    fn read(reader: &Reader<'_>, name: &str) -> Option<Self> {
        let folder = format!("/sys/block/{name}");
        let attributes = reader.source.list(&folder).ok()?;
        if !attributes.iter().any(|a| a == "device") || reader.flag(&format!("{folder}/hidden")) == Some(true)
        {
            return None;
        }
        if name.starts_with("mmcblk") && (name.contains("boot") || name.contains("rpmb")) {
            return None;
        }
        let number = reader.word(&format!("{folder}/dev"));
        let path = reader.source.link(&folder).unwrap_or_default();
        let path = path.split_once("devices/").map(|(_, p)| p.to_owned()).unwrap_or_default();
        let udev = number.as_ref().and_then(|n| Udev::read(reader, &format!("b{n}")));
        Some(Self { name: name.to_owned(), folder, number, path, udev })
    }

    pub(super) fn list(reader: &mut Reader<'_>) -> Vec<Self> {
        let names = match reader.source.list("/sys/block") {
            Ok(names) => names,
            Err(error) => {
                reader.failed("identity.disks", "/sys/block", &error);
                return Vec::new();
            }
        };
        names.iter().filter_map(|name| Self::read(reader, name)).collect()
    }

    fn udev(&self, keys: &[&str]) -> Option<String> {
        self.udev.as_ref()?.first(keys)
    }

    fn kind(&self, reader: &Reader<'_>) -> DiskKind {
        // SCSI peripheral device type 5: CD and DVD.
        let scsi_type = reader.number::<u8>(&format!("{}/device/type", self.folder));
        if self.name.starts_with("sr") || scsi_type == Some(5) || self.udev(&["ID_CDROM"]).is_some() {
            DiskKind::Optical
        } else if self.name.starts_with("fd") {
            DiskKind::Floppy
        } else {
            DiskKind::Disk
        }
    }

    /// The order of `lsblk`: what stands on the label first (`ID_SERIAL_SHORT` of a SAS disk is its WWN).
    fn serial(&self, reader: &Reader<'_>) -> Option<String> {
        let keys = ["ID_SCSI_SERIAL", "SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT"];
        self.udev(&keys)
            .or_else(|| reader.word(&format!("{}/serial", self.folder)))
            .or_else(|| reader.word(&format!("{}/device/serial", self.folder)))
            .or_else(|| unit_serial(&reader.source.read(&format!("{}/device/vpd_pg80", self.folder)).ok()?))
    }

    fn wwn(&self, reader: &Reader<'_>) -> Option<String> {
        let wwid = || {
            let word = reader
                .word(&format!("{}/wwid", self.folder))
                .or_else(|| reader.word(&format!("{}/device/wwid", self.folder)))?;
            match word.strip_prefix("naa.") {
                Some(digits) => Some(format!("0x{digits}")),
                None => Some(word).filter(|w| w.starts_with("eui.") || w.starts_with("nvme.")),
            }
        };
        self.udev(&["ID_WWN_WITH_EXTENSION", "ID_WWN"]).or_else(wwid)
    }

    fn model(&self, reader: &Reader<'_>) -> Option<String> {
        reader
            .word(&format!("{}/device/model", self.folder))
            .or_else(|| reader.word(&format!("{}/device/name", self.folder)))
            .or_else(|| self.udev.as_ref()?.decoded("ID_MODEL_ENC"))
    }

    fn vendor(&self, reader: &Reader<'_>) -> Option<String> {
        // `ATA` is the translation layer, and virtio writes a number.
        let word = reader.word(&format!("{}/device/vendor", self.folder));
        word.filter(|v| v != "ATA" && !v.starts_with("0x")).or_else(|| self.udev(&["ID_VENDOR"]))
    }

    fn disk(&self, reader: &Reader<'_>) -> Disk {
        let folder = &self.folder;
        let bytes = |file: &str| reader.number(&format!("{folder}/queue/{file}")).map(Bytes);
        let links = |of: &str| self.udev.as_ref().map(|u| u.links(of)).unwrap_or_default();
        Disk {
            id: String::new(),
            kind: self.kind(reader),
            by_id: links("disk/by-id/"),
            // A disk has one for each naming scheme that udev ever had; the first is the present one.
            by_path: self.udev(&["ID_PATH"]).or_else(|| links("disk/by-path/").into_iter().next()),
            serial: self.serial(reader),
            wwn: self.wwn(reader),
            vendor: self.vendor(reader),
            model: self.model(reader),
            transport: transport(&self.path, self.udev.as_ref()),
            size: reader
                .number::<u64>(&format!("{folder}/size"))
                .and_then(|n| n.checked_mul(SECTOR))
                .map(Bytes),
            logical_block: bytes("logical_block_size"),
            physical_block: bytes("physical_block_size"),
            rotational: reader.flag(&format!("{folder}/queue/rotational")),
            discard: reader.number::<u64>(&format!("{folder}/queue/discard_max_bytes")).map(|n| n > 0),
            removable: reader.flag(&format!("{folder}/removable")),
        }
    }
}

/// The "unit serial number" page: four bytes of head, the last two of which are the length.
fn unit_serial(page: &[u8]) -> Option<String> {
    let length = usize::from(u16::from_be_bytes([*page.get(2)?, *page.get(3)?]));
    let text = page.get(4..)?;
    let text = String::from_utf8_lossy(text.get(..length).unwrap_or(text));
    Some(crate::facts::reader::clean(&text)).filter(|t| !t.is_empty())
}

/// Told from the chain of devices in sysfs; the bus nearest to the disk stands furthest to the right.
fn transport(path: &str, udev: Option<&Udev>) -> Option<Transport> {
    let bus = |word: &str| udev.and_then(|u| u.get(word));
    let mut found = None;
    for part in path.split('/') {
        let numbered = |prefix: &str| {
            part.strip_prefix(prefix).is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
        };
        found = match part {
            _ if numbered("usb") => Some(Transport::Usb),
            _ if numbered("ata") => Some(Transport::Sata),
            _ if part.starts_with("end_device-") => Some(Transport::Sas),
            _ if part.starts_with("rport-") => Some(Transport::Fc),
            _ if numbered("session") => Some(Transport::Iscsi),
            _ if numbered("nvme") => Some(Transport::Nvme),
            _ if numbered("virtio") => Some(Transport::Virtio),
            _ if numbered("host") && matches!(found, None | Some(Transport::Virtio)) => Some(Transport::Scsi),
            _ if numbered("ndbus") => Some(Transport::Pmem),
            _ if part.starts_with("vbd-") => Some(Transport::Xen),
            _ if part.starts_with("VMBUS") => Some(Transport::Hyperv),
            "mmc_host" => Some(Transport::Mmc),
            _ => found,
        };
    }
    match found {
        // A SATA disk on a SAS controller, and a parallel ATA disk on the ATA layer.
        Some(Transport::Sas) if bus("ID_BUS") == Some("ata") => Some(Transport::Sata),
        Some(Transport::Sata) if bus("ID_BUS") == Some("ata") && bus("ID_ATA_SATA").is_none() => {
            Some(Transport::Ata)
        }
        other => other,
    }
}

/// Reads all disks; each gets an id that no other has.
pub(super) fn read(reader: &mut Reader<'_>, devices: &[Device]) -> Vec<Disk> {
    let mut disks: Vec<Disk> = devices.iter().map(|device| device.disk(reader)).collect();
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for name in disks.iter().flat_map(|d| d.by_id.iter().chain(&d.by_path)) {
        *owners.entry(name.clone()).or_default() += 1;
    }
    for (disk, device) in disks.iter_mut().zip(devices) {
        let own = |name: &&String| owners.get(*name) == Some(&1);
        let best = disk.by_id.iter().filter(own).min_by_key(|name| (rank(name), name.len()));
        // The path ends in `/block/vda`; what stands before it is the hardware.
        let path = device.path.split("/block/").next().filter(|p| !p.is_empty());
        disk.id =
            best.or(disk.by_path.as_ref().filter(own)).map_or(path.unwrap_or(&device.name), |n| n).to_owned();
        for (fact, missing) in [
            ("serial", disk.serial.is_none()),
            ("by_id", disk.by_id.is_empty()),
            ("transport", disk.transport.is_none()),
            ("size", disk.size.is_none()),
        ] {
            if missing {
                let why = match device.udev {
                    Some(_) => "neither udev nor sysfs tells it",
                    None => "udev has no record of it, and sysfs does not tell it",
                };
                reader.note(format!("identity.disks[{}].{fact}", disk.id), why);
            }
        }
    }
    disks
}

/// Names with model and serial number before names with a number only.
fn rank(name: &str) -> u8 {
    let numeric = ["wwn-", "nvme-eui.", "nvme-nvme.", "nvme-uuid.", "scsi-0", "scsi-1", "scsi-2", "scsi-3"];
    u8::from(numeric.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_bus_is_the_transport() {
        let ata = Udev::parse("E:ID_BUS=ata\nE:ID_ATA_SATA=1");
        let pata = Udev::parse("E:ID_BUS=ata");
        for (path, udev, expected) in [
            ("pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda", &ata, Transport::Sata),
            ("pci0000:00/0000:00:01.1/ata1/host0/target0:0:0/0:0:0:0/block/sda", &pata, Transport::Ata),
            ("pci0000:00/0000:00:1d.0/0000:01:00.0/nvme/nvme0/nvme0n1/block/nvme0n1", &pata, Transport::Nvme),
            (
                "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host4/target4:0:0/4:0:0:0/block/sdc",
                &ata,
                Transport::Usb,
            ),
            ("pci0000:00/0000:00:04.0/virtio1/block/vda", &pata, Transport::Virtio),
            ("pci0000:00/0000:00:05.0/virtio2/host2/target2:0:0/2:0:0:0/block/sda", &pata, Transport::Scsi),
            (
                "pci0000:3a/0000:3b:00.0/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0/block/sda",
                &ata,
                Transport::Sata,
            ),
            (
                "pci0000:3a/0000:3b:00.0/host0/port-0:0/end_device-0:0/x/block/sda",
                &Udev::default(),
                Transport::Sas,
            ),
            ("platform/host3/session1/target3:0:0/3:0:0:1/block/sdb", &pata, Transport::Iscsi),
            ("pci0000:00/0000:00:1a.0/mmc_host/mmc0/mmc0:0001/block/mmcblk0", &pata, Transport::Mmc),
        ] {
            assert_eq!(transport(path, Some(udev)), Some(expected), "{path}");
        }
        assert_eq!(transport("virtual/nvme-subsystem/nvme-subsys0/nvme0n1", None), Some(Transport::Nvme));
        assert_eq!(transport("", None), None);
    }

    #[test]
    fn names_with_a_serial_number_come_first() {
        let mut names = ["wwn-0x5", "nvme-eui.0025", "nvme-Samsung_S4_1", "nvme-Samsung_S4"];
        names.sort_by_key(|n| (rank(n), n.len()));
        assert_eq!(names[0], "nvme-Samsung_S4");
    }

    #[test]
    fn a_unit_serial_page_is_cut_to_its_length() {
        assert_eq!(unit_serial(b"\0\x80\0\x04AB C\0\0").as_deref(), Some("AB C"));
        assert_eq!(unit_serial(b"\0\x80\0\xffAB").as_deref(), Some("AB"));
        assert_eq!(unit_serial(b"\0\x80\0"), None);
    }
}
