//! Facts as text for a terminal of 80 columns; understandable without colour.

use super::{
    Facts,
    disk::{Disk, usage::Signature},
    firmware::BootMode,
    machine::{Container, Hypervisor, Presence},
    nic::Nic,
    tpm::Tpm,
};
use crate::units::Bytes;

const WIDTH: usize = 80;

/// Where the text begins behind a name.
const INDENT: usize = 14;

/// What is written for what could not be told; the last section says why.
const UNKNOWN: &str = "unknown";

/// Hardware, disks, network, system, and what could not be told.
pub fn facts_page(facts: &Facts) -> String {
    let mut page = Page::default();
    hardware(&mut page, facts);
    disks(&mut page, facts);
    network(&mut page, facts);
    system(&mut page, facts);
    page.section("Unknown");
    for unknown in &facts.unknown {
        page.hang("  ", 4, &format!("{}: {}", unknown.fact, unknown.reason));
    }
    if facts.unknown.is_empty() {
        page.hang("  ", 4, "Nothing: every fact could be told.");
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn section(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(title);
        self.0.push('\n');
    }

    /// A name and its value, which goes on below itself.
    fn line(&mut self, name: &str, value: &str) {
        self.hang(&format!("  {name:<width$}", width = INDENT - 2), INDENT, value);
    }

    /// Folds at words; a word that is longer than a line stays whole, so that it can be copied.
    fn hang(&mut self, head: &str, indent: usize, text: &str) {
        let mut line = head.to_owned();
        let mut begun = false;
        for word in text.split_whitespace() {
            if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.0.push_str(line.trim_end());
                self.0.push('\n');
                line = " ".repeat(indent);
                begun = false;
            }
            // A head that fills its column is still parted from the text.
            if begun || !line.ends_with(' ') {
                line.push(' ');
            }
            line.push_str(word);
            begun = true;
        }
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }
}

fn or_unknown<T: ToString>(value: Option<T>) -> String {
    value.map_or(UNKNOWN.to_owned(), |v| v.to_string())
}

fn words<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
}

fn yes_no(value: Option<bool>, yes: &str, no: &str) -> Option<String> {
    value.map(|v| if v { yes } else { no }.to_owned())
}

fn hardware(page: &mut Page, facts: &Facts) {
    let (identity, cpu) = (&facts.identity, &facts.identity.cpu);
    page.section("Hardware");
    let product = [&identity.product.vendor, &identity.product.name].into_iter().flatten();
    let product = product.map(String::as_str).collect::<Vec<_>>().join(" ");
    page.line("product", if product.is_empty() { UNKNOWN } else { &product });
    let count = |n: Option<u32>, noun: &str| {
        n.map(|n| if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") })
    };
    let counts =
        words([count(cpu.sockets, "socket"), count(cpu.cores, "core"), count(cpu.threads, "thread")]);
    page.line("processor", &words([cpu.model.clone().or(cpu.vendor.clone()), Some(counts)]));
    let ecc = yes_no(identity.memory.ecc, "with ECC", "without ECC");
    page.line("memory", &words([Some(or_unknown(identity.memory.size.map(Bytes::human))), ecc]));
    let firmware = match identity.firmware.mode {
        Some(BootMode::Uefi) => {
            let secure = yes_no(identity.firmware.secure_boot, "Secure Boot on", "Secure Boot off");
            words([Some("UEFI".to_owned()), secure])
        }
        Some(BootMode::Bios) => "BIOS".to_owned(),
        None => UNKNOWN.to_owned(),
    };
    page.line("firmware", &firmware);
    let tpm = identity.tpm.map(|tpm| match tpm {
        Tpm::Absent => "none",
        Tpm::V1 => "1.2",
        Tpm::V2 => "2.0",
    });
    page.line("TPM", &or_unknown(tpm));
    let bmc = identity.bmc.map(|bmc| match bmc {
        Presence::Absent => "none",
        Presence::Present => "there is one",
    });
    page.line("BMC", &or_unknown(bmc));
    let runs_on = match identity.hypervisor {
        Some(Hypervisor::None) => "bare metal".to_owned(),
        Some(hypervisor) => format!("a virtual machine ({})", format!("{hypervisor:?}").to_lowercase()),
        None => UNKNOWN.to_owned(),
    };
    page.line("runs on", &runs_on);
}

fn disks(page: &mut Page, facts: &Facts) {
    page.section("Disks");
    for disk in &facts.identity.disks {
        let usage = facts.use_of(disk);
        page.line(usage.map_or("?", |u| u.name.as_str()), &about(disk));
        page.line("", &disk.id);
        for content in usage.map(|_| content(facts, disk)).unwrap_or_default() {
            page.line("", &content);
        }
    }
    if facts.identity.disks.is_empty() {
        page.line("none", "");
    }
}

fn about(disk: &Disk) -> String {
    let kind = match disk.rotational {
        Some(true) => Some("rotating".to_owned()),
        _ => None,
    };
    let serial = disk.serial.as_ref().map_or("no serial".to_owned(), |s| format!("serial {s}"));
    let transport = disk.transport.map(|t| t.name().to_owned());
    let size = or_unknown(disk.size.map(Bytes::human));
    words([Some(size), transport, disk.model.clone(), Some(serial), kind])
}

/// What is on a disk and where it is in use, a line each.
fn content(facts: &Facts, disk: &Disk) -> Vec<String> {
    let Some(usage) = facts.use_of(disk) else { return Vec::new() };
    let mut lines = Vec::new();
    if usage.boot_medium {
        lines.push("the running system was started from it".to_owned());
    }
    let mut line = |name: &str, signatures: &[Signature], mounts: &[String]| {
        let kinds: Vec<&str> = signatures.iter().map(|s| s.kind.as_str()).collect();
        let place = mounts.first().map(|m| format!("at {m}"));
        let text = [Some(kinds.join("+")), place].into_iter().flatten().filter(|t| !t.is_empty());
        let text = text.collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            lines.push(format!("{name}: {text}"));
        }
    };
    line("whole disk", &usage.signatures, &usage.mounts);
    for partition in &usage.partitions {
        line(&partition.name, &partition.signatures, &partition.mounts);
    }
    for holder in &usage.holders {
        line(holder.label.as_deref().unwrap_or(&holder.name), &holder.signatures, &holder.mounts);
    }
    lines
}

fn network(page: &mut Page, facts: &Facts) {
    page.section("Network");
    for nic in &facts.identity.nics {
        let link = facts.link_of(nic);
        page.line(link.map_or("?", |l| l.name.as_str()), &card(nic, facts));
    }
    for link in facts.observed.links.iter().filter(|l| l.kind != "loopback" && !l.addresses.is_empty()) {
        let addresses: Vec<String> = link.addresses.iter().map(|a| a.net.to_string()).collect();
        page.line("address", &format!("{} on {}", addresses.join(", "), link.name));
    }
    for route in facts.observed.routes.iter().flatten().filter(|r| r.is_default()) {
        let via = route.via.map(|v| v.to_string());
        let link = route.link.as_ref().map(|l| format!("on {l}"));
        let text: Vec<String> = [via, link].into_iter().flatten().collect();
        page.line("gateway", &text.join(" "));
    }
}

fn card(nic: &Nic, facts: &Facts) -> String {
    let link = facts.link_of(nic);
    let speed = link.and_then(|l| l.speed).map(|s| format!("{s} Mbit/s"));
    let carrier = match link.map(|l| (l.up, l.carrier)) {
        Some((false, _)) => Some("switched off".to_owned()),
        Some((true, Some(false))) => Some("no cable".to_owned()),
        _ => None,
    };
    let master = link.and_then(|l| l.master.as_ref()).map(|m| format!("in {m}"));
    words([nic.mac.map(|m| m.to_string()), nic.driver.clone(), nic.pci.clone(), speed, carrier, master])
}

fn system(page: &mut Page, facts: &Facts) {
    let seen = &facts.observed;
    page.section("System");
    let container = seen.container.filter(|c| *c != Container::None).map(|_| "in a container".to_owned());
    page.line("release", &words([Some(or_unknown(seen.os.name.as_ref())), container]));
    page.line("kernel", &or_unknown(seen.kernel.release.as_ref()));
    page.line("host name", &or_unknown(seen.host.name.as_ref()));
    page.line(
        "clock",
        &words([
            Some(
                yes_no(seen.clock.synchronised, "follows a time server", "follows no time server")
                    .unwrap_or_else(|| "whether it follows a time server is unknown".to_owned()),
            ),
            seen.clock.timezone.clone(),
        ]),
    );
    for mount in seen.mounts.iter().flatten().filter(|m| m.source.starts_with("/dev/")) {
        let free = mount.available.map(|a| format!("{} free", a.human()));
        page.line("mounted", &words([Some(mount.point.clone()), Some(mount.fs.clone()), free]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_hang_below_their_name() {
        let mut page = Page::default();
        page.line("name", &"word ".repeat(40));
        page.line("a-long-name-of-a-device", "value");
        assert!(page.0.lines().all(|l| l.chars().count() <= WIDTH));
        assert!(page.0.lines().nth(1).is_some_and(|l| l.starts_with("              word")));
        assert!(page.0.contains("a-long-name-of-a-device value"));
    }

    #[test]
    fn a_box_of_which_nothing_is_known_has_a_page() {
        assert!(facts_page(&Facts::default()).contains("product     unknown"));
    }
}
