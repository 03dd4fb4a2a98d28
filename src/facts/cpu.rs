//! The processor: what it is, and how the kernel runs it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::reader::{Reader, clean};

/// The processors of the box; on a box with unlike sockets, the first one's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// As `uname -m` says: `x86_64`, `aarch64`.
    pub architecture: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub sockets: Option<u32>,
    /// Physical cores of all sockets.
    pub cores: Option<u32>,
    /// Hardware threads that are online.
    pub threads: Option<u32>,
    /// Those that matter to a cloud and that every processor has, in alphabetical order; `None` where none are listed.
    pub flags: Option<Vec<String>>,
}

/// What the running kernel and microcode make of the processor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpuState {
    /// Hexadecimal, as in `/proc/cpuinfo`: `0x2006e05`.
    pub microcode: Option<String>,
    /// Whether sibling threads run (`/sys/devices/system/cpu/smt/active`).
    pub smt: Option<bool>,
    /// Name to the kernel's judgement, as in `/sys/devices/system/cpu/vulnerabilities` (`Mitigation: …`).
    pub vulnerabilities: BTreeMap<String, String>,
}

/// Processor flags that something in a cloud asks for: virtualisation, random numbers, the x86-64 levels of guest
/// images and container images, encryption, guests in guests, and what hides or shows a hypervisor.
const FLAGS: [&str; 31] = [
    "aes",
    "asimd",
    "atomics",
    "avx",
    "avx2",
    "avx512f",
    "bmi1",
    "bmi2",
    "constant_tsc",
    "cx16",
    "ept",
    "f16c",
    "fma",
    "hypervisor",
    "ibpb",
    "lm",
    "movbe",
    "npt",
    "nx",
    "pclmulqdq",
    "pdpe1gb",
    "popcnt",
    "rdrand",
    "rdseed",
    "rng",
    "sha2",
    "sse4_1",
    "sse4_2",
    "ssse3",
    "svm",
    "vmx",
];

/// What `/proc/cpuinfo` tells; fields stay `None` where it does not (ARM has no names and no topology there).
#[derive(Debug, Default, PartialEq, Eq)]
struct CpuInfo {
    cpu: Cpu,
    microcode: Option<String>,
}

/// Reads the blocks of `key : value` lines, one for each thread.
fn parse_cpuinfo(text: &str) -> CpuInfo {
    let (mut info, mut cpu) = (CpuInfo::default(), Cpu::default());
    let (mut threads, mut packages, mut cores) = (0, BTreeSet::new(), BTreeSet::new());
    let mut flags: Option<BTreeSet<&str>> = None;
    for block in text.split("\n\n") {
        let values: BTreeMap<&str, &str> = block
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        if !values.contains_key("processor") {
            continue;
        }
        threads += 1;
        let take = |key: &str| values.get(key).filter(|v| !v.is_empty()).map(|v| clean(v));
        cpu.vendor = cpu.vendor.take().or_else(|| take("vendor_id").or_else(|| implementer(&values)));
        cpu.model = cpu.model.take().or_else(|| take("model name"));
        info.microcode = info.microcode.take().or_else(|| take("microcode"));
        if let (Some(package), Some(core)) = (values.get("physical id"), values.get("core id")) {
            packages.insert(*package);
            cores.insert((*package, *core));
        }
        cpu.architecture = cpu.architecture.take().or_else(|| architecture(&values));
        if let Some(list) = values.get("flags").or_else(|| values.get("Features")) {
            let here = list.split_whitespace().filter(|f| FLAGS.contains(f)).collect();
            flags = Some(match flags.take() {
                Some(all) => all.intersection(&here).copied().collect(),
                None => here,
            });
        }
    }
    let count = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
    cpu.threads = count(threads);
    cpu.sockets = count(packages.len());
    cpu.cores = count(cores.len());
    cpu.flags = flags.map(|all| all.into_iter().map(str::to_owned).collect());
    info.cpu = cpu;
    info
}

/// The two architectures a cloud runs on, told from a block; for kernels before 6.1, which do not say it.
fn architecture(values: &BTreeMap<&str, &str>) -> Option<String> {
    let long_mode = values.get("flags").is_some_and(|f| f.split_whitespace().any(|f| f == "lm"));
    let name = match values.get("CPU architecture") {
        Some(&"8") => "aarch64",
        _ if long_mode => "x86_64",
        _ => return None,
    };
    Some(name.to_owned())
}

/// ARM's makers that build servers or boards (`MIDR_EL1`, bits 31 to 24).
fn implementer(values: &BTreeMap<&str, &str>) -> Option<String> {
    let name = match *values.get("CPU implementer")? {
        "0x41" => "ARM",
        "0x42" => "Broadcom",
        "0x43" => "Cavium",
        "0x48" => "HiSilicon",
        "0x4e" => "NVIDIA",
        "0x50" => "APM",
        "0x61" => "Apple",
        "0xc0" => "Ampere",
        code => code,
    };
    Some(name.to_owned())
}

/// Packages and cores as `/sys/devices/system/cpu/cpu*/topology` has them, for processors without them in cpuinfo.
fn read_topology(reader: &Reader<'_>) -> Option<(u32, u32)> {
    let names = reader.source.list("/sys/devices/system/cpu").ok()?;
    let (mut packages, mut cores) = (BTreeSet::new(), BTreeSet::new());
    for name in names.iter().filter(|n| n.strip_prefix("cpu").is_some_and(is_number)) {
        let topology = format!("/sys/devices/system/cpu/{name}/topology");
        let package = reader.word(&format!("{topology}/physical_package_id"))?;
        cores.insert((package.clone(), reader.word(&format!("{topology}/core_id"))?));
        packages.insert(package);
    }
    let count = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
    Some((count(packages.len())?, count(cores.len())?))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn read(reader: &mut Reader<'_>) -> (Cpu, CpuState) {
    let mut info =
        reader.needed("identity.cpu", "/proc/cpuinfo").map(|text| parse_cpuinfo(&text)).unwrap_or_default();
    let cpu = &mut info.cpu;
    cpu.architecture = reader.word("/proc/sys/kernel/arch").or_else(|| cpu.architecture.take());
    if cpu.cores.is_none()
        && let Some((sockets, cores)) = read_topology(reader)
    {
        (cpu.sockets, cpu.cores) = (Some(sockets), Some(cores));
    }
    for (fact, missing) in [
        ("identity.cpu.architecture", cpu.architecture.is_none()),
        ("identity.cpu.model", cpu.model.is_none()),
        ("identity.cpu.cores", cpu.cores.is_none()),
        ("identity.cpu.flags", cpu.flags.is_none()),
    ] {
        if missing {
            reader.note(fact, "neither /proc nor /sys tells it");
        }
    }
    let folder = "/sys/devices/system/cpu/vulnerabilities";
    let names = reader.names("observed.cpu.vulnerabilities", folder).unwrap_or_default();
    let vulnerabilities = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), reader.word(&format!("{folder}/{name}"))?)))
        .collect();
    let smt = reader.flag("/sys/devices/system/cpu/smt/active");
    let state = CpuState { microcode: info.microcode, smt, vulnerabilities };
    (info.cpu, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sockets of one core with two threads each; the second lacks a flag.
    const INTEL: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz\n\
        microcode\t: 0x2006e05\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fpu vmx aes rdrand ept\n\n\
        processor\t: 1\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fpu vmx aes rdrand ept\n\n\
        processor\t: 2\nphysical id\t: 1\ncore id\t\t: 0\nflags\t\t: fpu vmx aes ept\n\n\
        processor\t: 3\nphysical id\t: 1\ncore id\t\t: 0\nflags\t\t: fpu vmx aes ept\n\n";

    #[test]
    fn an_intel_server_has_sockets_cores_and_threads() {
        let CpuInfo { cpu, microcode } = parse_cpuinfo(INTEL);
        assert_eq!((cpu.sockets, cpu.cores, cpu.threads), (Some(2), Some(2), Some(4)));
        assert_eq!(cpu.model.as_deref(), Some("Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz"));
        assert_eq!(cpu.flags, Some(vec!["aes".into(), "ept".into(), "vmx".into()]), "what all have");
        assert_eq!(microcode.as_deref(), Some("0x2006e05"));
    }

    #[test]
    fn an_amd_processor_has_svm() {
        let text = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7302P 16-Core Processor\n\
            physical id\t: 0\nsiblings\t: 32\ncore id\t\t: 0\ncpu cores\t: 16\nflags\t\t: svm npt nx sha_ni\n";
        let cpu = parse_cpuinfo(text).cpu;
        assert_eq!(cpu.vendor.as_deref(), Some("AuthenticAMD"));
        assert_eq!(cpu.flags, Some(vec!["npt".into(), "nx".into(), "svm".into()]));
    }

    #[test]
    fn an_arm_board_has_features_and_no_topology() {
        let text = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd aes sha2 atomics\nCPU implementer\t: 0xc0\n\n\
            processor\t: 1\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd aes sha2 atomics\nCPU implementer\t: 0xc0\n";
        let cpu = parse_cpuinfo(text).cpu;
        assert_eq!((cpu.vendor.as_deref(), cpu.model, cpu.cores), (Some("Ampere"), None, None));
        assert_eq!(cpu.threads, Some(2));
        assert_eq!(cpu.flags.map(|f| f.len()), Some(4));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String, odd in "((processor|flags|core id|physical id)\t: [a-z0-9 ]{0,9}\n{1,2}){0,9}") {
            parse_cpuinfo(&text);
            parse_cpuinfo(&odd);
        }
    }
}
