//! Main memory: what is built in, and what is left.

use serde::{Deserialize, Serialize};

use super::{reader::Reader, smbios};
use crate::units::Bytes;

/// The memory that is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// What the kernel was given, in whole memory blocks (`/sys/devices/system/memory`): the same for every
    /// kernel, unlike `MemTotal`, which leaves out what the kernel took for itself.
    pub size: Option<Bytes>,
    /// Whether errors are corrected, from SMBIOS type 16 or an EDAC controller.
    pub ecc: Option<bool>,
    pub numa_nodes: Option<u32>,
    /// From SMBIOS type 17; `None` without the privilege to read it.
    pub modules: Option<Vec<Module>>,
}

/// One memory module that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Printed beside the socket: `DIMM_A1`.
    pub slot: String,
    pub size: Bytes,
    /// Mega-transfers per second, as configured.
    pub speed: Option<u32>,
}

/// The memory now, from `/proc/meminfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryState {
    pub total: Option<Bytes>,
    pub available: Option<Bytes>,
    pub swap_total: Option<Bytes>,
    pub swap_free: Option<Bytes>,
    /// Huge pages set aside, times their size.
    pub huge_pages: Option<Bytes>,
}

/// The table of `/proc/meminfo`, in KiB or in pages.
fn parse_meminfo(text: &str) -> MemoryState {
    let value = |key: &str| -> Option<u64> {
        let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let size = |key: &str| value(key)?.checked_mul(1024).map(Bytes);
    MemoryState {
        total: size("MemTotal"),
        available: size("MemAvailable"),
        swap_total: size("SwapTotal"),
        swap_free: size("SwapFree"),
        huge_pages: value("HugePages_Total").and_then(|n| n.checked_mul(size("Hugepagesize")?.0)).map(Bytes),
    }
}

/// The number of whole memory blocks times their size, which stands in hexadecimal.
fn blocks(names: &[String], block: &str) -> Option<Bytes> {
    let size = u64::from_str_radix(block, 16).ok()?;
    let count = names.iter().filter(|n| is_numbered(n, "memory")).count();
    u64::try_from(count).ok()?.checked_mul(size).filter(|n| *n > 0).map(Bytes)
}

/// For kernels without memory blocks: what firmware and kernel keep is less than the rest of the last GiB on
/// machines of usual sizes.
fn whole_gib(total: Bytes) -> Option<Bytes> {
    total.0.checked_next_multiple_of(Bytes::gib(1).0).map(Bytes)
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

pub(super) fn read(reader: &mut Reader<'_>) -> (Memory, MemoryState) {
    let state =
        reader.needed("observed.memory", "/proc/meminfo").map(|t| parse_meminfo(&t)).unwrap_or_default();
    let folder = "/sys/devices/system/memory";
    let names = reader.source.list(folder).unwrap_or_default();
    let size = reader
        .word(&format!("{folder}/block_size_bytes"))
        .and_then(|block| blocks(&names, &block))
        .or_else(|| whole_gib(state.total?));
    if size.is_none() {
        reader.note("identity.memory.size", format!("neither {folder} nor /proc/meminfo tells it"));
    }
    let nodes = reader.source.list("/sys/devices/system/node").unwrap_or_default();
    let nodes = u32::try_from(nodes.iter().filter(|n| is_numbered(n, "node")).count()).ok();
    let edac = reader.source.list("/sys/devices/system/edac/mc").unwrap_or_default();
    let mut memory = Memory { size, ecc: None, numa_nodes: nodes.filter(|n| *n > 0), modules: None };
    match reader.source.read(smbios::TABLES) {
        Ok(table) => {
            let table = smbios::parse(&table);
            memory.ecc = table.ecc;
            memory.modules = Some(table.modules);
        }
        Err(error) => reader.failed("identity.memory.modules", smbios::TABLES, &error),
    }
    // A controller that counts corrected errors is loaded only where there are any to count.
    if edac.iter().any(|n| is_numbered(n, "mc")) {
        memory.ecc = Some(true);
    }
    if memory.ecc.is_none() {
        reader.note("identity.memory.ecc", "no SMBIOS type 16 and no EDAC controller tells it");
    }
    (memory, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_in_kib_and_pages() {
        let text = "MemTotal:       32781584 kB\nMemFree:  1 kB\nMemAvailable:   30000000 kB\nSwapTotal: 0 kB\n\
            HugePages_Total:       4\nHugepagesize:       2048 kB\n";
        let state = parse_meminfo(text);
        assert_eq!(state.total, Some(Bytes::kib(32_781_584)));
        assert_eq!(state.huge_pages, Some(Bytes::mib(8)));
        assert_eq!((state.swap_total, state.swap_free), (Some(Bytes(0)), None));
        assert_eq!(parse_meminfo("MemTotal: 99999999999999999999 kB").total, None);
    }

    #[test]
    fn size_is_in_whole_blocks() {
        let names =
            ["memory0", "memory1", "memory32", "block_size_bytes", "memory", "power"].map(String::from);
        assert_eq!(blocks(&names, "8000000"), Some(Bytes::mib(3 * 128)));
        assert_eq!(blocks(&names, "x"), None);
        assert_eq!(whole_gib(Bytes::kib(32_781_584)), Some(Bytes::gib(32)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String, key in "(MemTotal|Hugepagesize|HugePages_Total):[ 0-9]{0,30}", block: String) {
            parse_meminfo(&text);
            parse_meminfo(&key);
            blocks(&["memory0".into(), text], &block);
        }
    }
}
