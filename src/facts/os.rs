//! The operating system's release.

use serde::{Deserialize, Serialize};

use super::reader::Reader;

/// From `os-release(5)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Os {
    /// `debian`, `ubuntu`.
    pub id: Option<String>,
    /// `12`, `24.04`.
    pub version: Option<String>,
    /// `bookworm`, `noble`.
    pub codename: Option<String>,
    /// For people: `Debian GNU/Linux 12 (bookworm)`.
    pub name: Option<String>,
}

/// `KEY=value` lines, quoted as a shell would; a value with broken quotes is left out.
fn parse_os_release(text: &str) -> Os {
    let value = |key: &str| {
        let raw = text.lines().rev().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='))?;
        let words = shlex::split(raw)?.join(" ");
        Some(words).filter(|w| !w.is_empty())
    };
    Os {
        id: value("ID"),
        version: value("VERSION_ID"),
        codename: value("VERSION_CODENAME"),
        name: value("PRETTY_NAME"),
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Os {
    let os = match reader.text("/etc/os-release") {
        Ok(text) => parse_os_release(&text),
        Err(_) => reader
            .needed("observed.os", "/usr/lib/os-release")
            .map(|text| parse_os_release(&text))
            .unwrap_or_default(),
    };
    if os.id.is_none() {
        reader.note("observed.os.id", "os-release names none");
    }
    os
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_a_shell_would() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME='Debian'\nVERSION_ID=\"12\"\n\
            VERSION_CODENAME=bookworm\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n";
        let os = parse_os_release(text);
        assert_eq!(os.id.as_deref(), Some("debian"));
        assert_eq!(os.version.as_deref(), Some("12"));
        assert_eq!(os.codename.as_deref(), Some("bookworm"));
        assert_eq!(os.name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(parse_os_release("ID=\"debian\nID_LIKE=x"), Os::default());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            parse_os_release(&text);
            parse_os_release(&format!("ID={text}"));
        }
    }
}
