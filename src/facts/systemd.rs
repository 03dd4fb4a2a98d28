//! Whether systemd runs the box, and how it is.

use serde::{Deserialize, Serialize};

use super::{reader::Reader, source::recording::Refusal};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Systemd {
    /// It is the service manager now (`sd_booted(3)`).
    pub running: bool,
    /// `252`; of the installed one where it does not run.
    pub version: Option<u32>,
    /// As `systemctl is-system-running` says: `running`, `degraded`, `starting`.
    pub state: Option<String>,
}

/// A version such as `252.39-1~deb12u1`, of which the first number counts.
fn parse_version(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// `KEY=value` lines of `systemctl show`.
fn parse_property<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('=')).map(str::trim).filter(|v| !v.is_empty())
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Systemd> {
    if !reader.exists("/run/systemd/system") {
        return Some(Systemd { running: false, version: installed(reader), state: None });
    }
    // One question to the manager tells both; each run of the tool costs as much as all files of a topic.
    let argv = ["systemctl", "show", "--property=Version", "--property=SystemState"];
    let shown = reader.output("observed.systemd.state", &argv).unwrap_or_default();
    let version = parse_property(&shown, "Version").and_then(parse_version).or_else(|| installed(reader));
    Some(Systemd { running: true, version, state: parse_property(&shown, "SystemState").map(str::to_owned) })
}

/// The first line is `systemd 252 (252.39-1~deb12u1)`; a box without systemd has no such tool, and no version.
fn installed(reader: &mut Reader<'_>) -> Option<u32> {
    match reader.source.command(&["systemctl", "--version"]) {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            parse_version(text.strip_prefix("systemd ")?)
        }
        Err(error) if Refusal::of(&error) == Refusal::NotFound => None,
        Err(error) => {
            reader.failed("observed.systemd.version", "`systemctl --version`", &error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_state_are_read() {
        let shown = "Version=255.4-1ubuntu8.10\nSystemState=degraded\n";
        assert_eq!(parse_property(shown, "Version").and_then(parse_version), Some(255));
        assert_eq!(parse_property(shown, "SystemState"), Some("degraded"));
        assert_eq!(parse_property("SystemState=\n", "SystemState"), None);
        assert_eq!(parse_version("252 (252.39-1~deb12u1)\n+PAM +AUDIT"), Some(252));
        assert_eq!(parse_version("~rc"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            parse_version(&text);
            parse_property(&text, "Version");
        }
    }
}
