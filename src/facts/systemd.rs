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

/// The first line of `systemctl --version`: `systemd 252 (252.39-1~deb12u1)`.
fn parse_version(text: &str) -> Option<u32> {
    let mut words = text.split_whitespace();
    words.next().filter(|w| *w == "systemd")?;
    words.next()?.parse().ok()
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Systemd> {
    let running = reader.exists("/run/systemd/system");
    let version = match reader.source.command(&["systemctl", "--version"]) {
        Ok(output) => parse_version(&String::from_utf8_lossy(&output.stdout)),
        Err(error) if Refusal::of(&error) == Refusal::NotFound => None,
        Err(error) => {
            reader.failed("observed.systemd.version", "`systemctl --version`", &error);
            None
        }
    };
    let state = running.then(|| state(reader)).flatten();
    Some(Systemd { running, version, state })
}

/// One word on standard output; the exit code only says whether the word is `running`.
fn state(reader: &mut Reader<'_>) -> Option<String> {
    match reader.source.command(&["systemctl", "is-system-running"]) {
        Ok(output) => {
            let word = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Some(word).filter(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()))
        }
        Err(error) => {
            reader.failed("observed.systemd.state", "`systemctl is-system-running`", &error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_second_word() {
        assert_eq!(parse_version("systemd 252 (252.39-1~deb12u1)\n+PAM +AUDIT"), Some(252));
        assert_eq!(parse_version("systemd 256~rc3 (x)"), None);
        assert_eq!(parse_version(""), None);
    }
}
