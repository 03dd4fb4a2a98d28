//! The running system's names, and who asks.

use serde::{Deserialize, Serialize};

use super::reader::Reader;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub name: Option<String>,
    /// `machine-id(5)`: 32 hexadecimal digits.
    pub machine_id: Option<String>,
    /// New with each boot.
    pub boot_id: Option<String>,
}

/// Who read these facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privilege {
    /// Effective user id.
    pub uid: Option<u32>,
    /// Effective capabilities, hexadecimal as in `/proc/self/status`.
    pub capabilities: Option<String>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> (Host, Privilege) {
    let host = Host {
        name: reader.word("/proc/sys/kernel/hostname"),
        machine_id: reader.word("/etc/machine-id").filter(|id| id != "uninitialized"),
        boot_id: reader.word("/proc/sys/kernel/random/boot_id"),
    };
    for (fact, value) in [
        ("observed.host.name", &host.name),
        ("observed.host.machine_id", &host.machine_id),
        ("observed.host.boot_id", &host.boot_id),
    ] {
        if value.is_none() {
            reader.note(fact, "the box does not tell it");
        }
    }
    let path = "/proc/self/status";
    let wanted = |line: &str| line.starts_with("Uid:") || line.starts_with("CapEff:");
    let privilege = match reader.source.lines(path, &wanted) {
        Ok(text) => parse_status(&text),
        Err(error) => {
            reader.failed("observed.privilege", path, &error);
            Privilege::default()
        }
    };
    (host, privilege)
}

/// `proc_pid_status(5)`: user ids are real, effective, saved, file system.
fn parse_status(text: &str) -> Privilege {
    let field = |key: &str, at: usize| {
        let values = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
        values.split_whitespace().nth(at)
    };
    Privilege {
        uid: field("Uid", 1).and_then(|n| n.parse().ok()),
        capabilities: field("CapEff", 0).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_counts() {
        let privilege = parse_status("Name:\tciab\nUid:\t1000\t0\t0\t0\nCapEff:\t000001ffffffffff\n");
        assert_eq!(privilege.uid, Some(0));
        assert_eq!(privilege.capabilities.as_deref(), Some("000001ffffffffff"));
        assert_eq!(parse_status("Uid:\nUid"), Privilege::default());
    }
}
