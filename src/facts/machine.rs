//! What else is built in, or pretends to be: hypervisor, container, IOMMU, random numbers, BMC.

use serde::{Deserialize, Serialize};

use super::{cpu::Cpu, product::Product, reader::Reader, smbios, source::recording::Refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    Absent,
    Present,
}

/// What the system runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hypervisor {
    /// Bare metal.
    None,
    Amazon,
    Firecracker,
    Google,
    Hyperv,
    Kvm,
    Parallels,
    /// QEMU without KVM, or one that hides it.
    Qemu,
    /// The processor says there is one, and nothing says which.
    Unrecognised,
    Virtualbox,
    Vmware,
    Xen,
}

/// What the system is enclosed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    None,
    Docker,
    Lxc,
    Nspawn,
    Podman,
    Unrecognised,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Iommu {
    /// `dmar0`, `ivhd0`; empty where none is in use.
    pub units: Vec<String>,
    /// Groups that devices are isolated in.
    pub groups: u32,
}

/// The kernel's source of hardware random numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rng {
    /// `virtio_rng.0`, `tpm-rng-0`; empty where there is none beside the processor's own instructions.
    pub available: Vec<String>,
    pub current: Option<String>,
}

/// Words in the names of a virtual machine's maker or product, and whose machines have them.
const NAMES: [(&str, Hypervisor); 9] = [
    ("Amazon EC2", Hypervisor::Amazon),
    ("Google", Hypervisor::Google),
    ("KVM", Hypervisor::Kvm),
    ("Parallels", Hypervisor::Parallels),
    ("QEMU", Hypervisor::Qemu),
    ("VMware", Hypervisor::Vmware),
    ("VirtualBox", Hypervisor::Virtualbox),
    ("Xen", Hypervisor::Xen),
    ("OpenStack", Hypervisor::Kvm),
];

/// Clocks that hypervisors offer to their guests.
const CLOCKS: [(&str, Hypervisor); 3] =
    [("kvm-clock", Hypervisor::Kvm), ("hyperv", Hypervisor::Hyperv), ("xen", Hypervisor::Xen)];

/// Names come first, for they are finer than the technology: an Amazon guest is a KVM guest too. Two of them may
/// also stand on bare metal (`Amazon EC2` on its metal instances, `Google`), so they need the processor's word.
fn judge(flag: Option<bool>, product: &Product, clocks: &str, acpi_oem: &[u8]) -> Option<Hypervisor> {
    let names = [&product.vendor, &product.name, &product.version];
    let text = names.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let clock = CLOCKS.iter().find(|(word, _)| clocks.contains(word)).map(|(_, h)| *h);
    if acpi_oem.starts_with(b"FIRECK") {
        return Some(Hypervisor::Firecracker);
    }
    if text.contains("Microsoft Corporation Virtual Machine") {
        return Some(Hypervisor::Hyperv);
    }
    let named = NAMES.iter().find(|(word, _)| text.contains(word)).map(|(_, h)| *h);
    match (flag, named, clock) {
        (Some(false), Some(Hypervisor::Amazon | Hypervisor::Google), None) => Some(Hypervisor::None),
        (_, Some(Hypervisor::Qemu), Some(Hypervisor::Kvm)) => Some(Hypervisor::Kvm),
        (_, Some(named), _) => Some(named),
        (_, None, Some(clock)) => Some(clock),
        (Some(true), None, None) => Some(Hypervisor::Unrecognised),
        (Some(false), None, None) => Some(Hypervisor::None),
        (None, None, None) => None,
    }
}

pub(super) fn read_hypervisor(reader: &mut Reader<'_>, cpu: &Cpu, product: &Product) -> Option<Hypervisor> {
    // Only x86 has the flag; a server of another kind is told by its names alone.
    let flag = cpu.flags.as_ref().filter(|_| cpu.architecture.as_deref() == Some("x86_64"));
    let flag = flag.map(|flags| flags.iter().any(|f| f == "hypervisor"));
    let clocks = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
    let clocks = reader.word(clocks).unwrap_or_default();
    // Bytes 10 to 15 of every ACPI table name its maker; this table is short. Only asked where nobody signed SMBIOS.
    let table = product.vendor.is_none().then(|| reader.source.read("/sys/firmware/acpi/tables/FACP").ok());
    let table = table.flatten().unwrap_or_default();
    let found = judge(flag, product, &clocks, table.get(10..16).unwrap_or_default());
    if found.is_none() {
        reader.note("identity.hypervisor", "neither processor nor firmware tells it");
    }
    found
}

fn parse_container(word: &str) -> Container {
    match word {
        "docker" => Container::Docker,
        "lxc" | "lxc-libvirt" => Container::Lxc,
        "podman" => Container::Podman,
        "systemd-nspawn" => Container::Nspawn,
        _ => Container::Unrecognised,
    }
}

/// The files by which container managers say who they are; `/proc/1/environ` is not read, it may hold secrets.
pub(super) fn read_container(reader: &mut Reader<'_>) -> Option<Container> {
    for path in ["/run/systemd/container", "/run/host/container-manager"] {
        if let Some(word) = reader.word(path) {
            return Some(parse_container(&word));
        }
    }
    for (path, container) in [("/run/.containerenv", Container::Podman), ("/.dockerenv", Container::Docker)] {
        if reader.exists(path) {
            return Some(container);
        }
    }
    Some(Container::None)
}

pub(super) fn read_iommu(reader: &mut Reader<'_>) -> Option<Iommu> {
    let units = reader.names("identity.iommu", "/sys/class/iommu")?;
    let groups = reader.names("identity.iommu", "/sys/kernel/iommu_groups")?;
    Some(Iommu { units, groups: u32::try_from(groups.len()).ok()? })
}

pub(super) fn read_rng(reader: &mut Reader<'_>) -> Option<Rng> {
    let folder = "/sys/class/misc/hw_random";
    let none = |word: &String| word != "none";
    let available = reader.word(&format!("{folder}/rng_available")).unwrap_or_default();
    let current = reader.word(&format!("{folder}/rng_current")).filter(none);
    Some(Rng { available: available.split_whitespace().map(str::to_owned).filter(none).collect(), current })
}

/// A BMC shows as an IPMI device once the driver is loaded, and as an SMBIOS structure before that.
pub(super) fn read_bmc(reader: &mut Reader<'_>) -> Option<Presence> {
    if !reader.names("identity.bmc", "/sys/class/ipmi")?.is_empty() {
        return Some(Presence::Present);
    }
    match reader.source.read(smbios::TABLES) {
        Ok(table) if smbios::parse(&table).ipmi => Some(Presence::Present),
        Ok(_) => Some(Presence::Absent),
        // Firmware without SMBIOS is a virtual machine's or a small board's.
        Err(error) if Refusal::of(&error) == Refusal::NotFound => Some(Presence::Absent),
        Err(error) => {
            reader.failed("identity.bmc", smbios::TABLES, &error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors_are_told_by_name_clock_and_table() {
        let product = |vendor: &str, name: &str| Product {
            vendor: Some(vendor.into()),
            name: Some(name.into()),
            ..Product::default()
        };
        let q35 = product("QEMU", "Standard PC (Q35 + ICH9, 2009)");
        let hyperv = product("Microsoft Corporation", "Virtual Machine");
        let surface = product("Microsoft Corporation", "Surface Laptop");
        let metal = product("Amazon EC2", "c5.metal");
        let nuc = product("Intel(R) Client Systems", "NUC11TNHi5");
        for (flag, product, clocks, oem, expected) in [
            (true, &q35, "kvm-clock tsc", "", Hypervisor::Kvm),
            (true, &q35, "tsc hpet", "", Hypervisor::Qemu),
            (true, &hyperv, "hyperv_clocksource_tsc_page", "", Hypervisor::Hyperv),
            (false, &surface, "tsc", "", Hypervisor::None),
            (false, &metal, "tsc", "", Hypervisor::None),
            (true, &metal, "kvm-clock tsc", "", Hypervisor::Amazon),
            (false, &nuc, "tsc hpet", "INTEL ", Hypervisor::None),
            (true, &Product::default(), "kvm-clock tsc", "FIRECK", Hypervisor::Firecracker),
            (true, &Product::default(), "tsc", "", Hypervisor::Unrecognised),
        ] {
            assert_eq!(judge(Some(flag), product, clocks, oem.as_bytes()), Some(expected), "{product:?}");
        }
        assert_eq!(judge(None, &Product::default(), "arch_sys_counter", b""), None);
    }
}
