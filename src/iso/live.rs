//! The live system's part: takes over what is embedded in its medium, and says on the consoles what it is.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    FOLDER, SYSTEM,
    area::Embedded,
    greeting::{ADDRESSES, ISSUE, host_keys},
    manifest::Manifest,
};
use crate::{
    boxfile::{layers::Layers, place::Layer},
    plan::install,
    tool::debian::put,
};

/// Where commands look for a box file that nobody names: in the home of who logs in.
const BOXFILE: &str = "root/box.yaml";
const KEYS: &str = "root/.ssh/authorized_keys";
/// After a login, which on a console comes by itself.
const MOTD: &str = "etc/motd";

/// What an installation takes of the medium that is mounted.
pub struct Medium {
    /// The system's image, and its digest in hexadecimal.
    pub image: PathBuf,
    pub sha256: String,
    /// A file of what is installed with the embedded box file ([`Embedded::marker`]).
    pub marker: Option<String>,
}

impl Medium {
    pub fn read(medium: &Path) -> Result<Self> {
        let about = manifest(medium)?;
        let image = about.files.iter().find(|file| file.path.as_str() == SYSTEM);
        let sha256 = image.with_context(|| format!("its manifest has no {SYSTEM}"))?.sha256.to_string();
        let marker = embedded(medium)?.ok().and_then(|embedded| embedded.marker());
        Ok(Self { image: medium.join(SYSTEM), sha256, marker })
    }
}

fn manifest(medium: &Path) -> Result<Manifest> {
    let text = fs::read_to_string(medium.join(FOLDER).join("manifest.json")).context("read the manifest")?;
    Ok(Manifest::parse("ciab/manifest.json", &text)?)
}

/// What is embedded in it, or why that says nothing.
fn embedded(medium: &Path) -> Result<Result<Embedded, String>> {
    Ok(Embedded::read(&fs::read(medium.join(FOLDER).join("area")).context("read what is embedded")?))
}

/// Reads the medium that is mounted at `medium`, and sets the system below `root` up.
pub fn take(medium: &Path, root: &Path) -> Result<()> {
    let about = manifest(medium)?;
    let embedded = match embedded(medium)?.map(|embedded| embedded.boxfile) {
        Err(why) => format!("What is embedded in it is damaged: {why}."),
        Ok(None) => "No box file is embedded in it: nobody can log in by SSH.".to_owned(),
        Ok(Some(text)) => take_box(&text, root)?,
    };
    put(&root.join(ISSUE), ADDRESSES, 0o644)?;
    put(&root.join(MOTD), &page(about.label.as_str(), &embedded, &host_keys(root)?), 0o644)
}

/// Adds to what consoles and logins of the live system below `root` show.
pub fn add(root: &Path, text: &str) -> Result<()> {
    for name in [ISSUE, MOTD] {
        let path = root.join(name);
        let before = fs::read_to_string(&path).unwrap_or_default();
        put(&path, &format!("{before}{text}\n"), 0o644)?;
    }
    Ok(())
}

/// Puts the box file where commands look for one, and lets its keys in; what is said of it.
fn take_box(text: &str, root: &Path) -> Result<String> {
    put(&root.join(BOXFILE), text, 0o600)?;
    let mut layers = Layers::new();
    layers.document(Layer::Embedded, "embedded", text.as_bytes());
    let boxfile = match layers.wanted() {
        Ok(wanted) => wanted.boxfile,
        Err(findings) => {
            let count = findings.list().len();
            return Ok(format!(
                "The box file embedded in it has faults ({count}); `ciab validate` shows them."
            ));
        }
    };
    let keys: String = boxfile.access.ssh_keys.iter().map(|key| format!("{key}\n")).collect();
    put(&root.join(KEYS), &keys, 0o600)?;
    let disk = match install::role(&boxfile) {
        None => "It names no disk for the system: no disk is touched.",
        Some(disk) if disk.wipe.is_empty() => {
            "It names a disk for the system, and leaves it to you to wipe it."
        }
        Some(_) => "The machine is installed as it says.",
    };
    Ok(format!(
        "Embedded: profile {}, {}.\nIts keys log in as root.\n{disk}",
        boxfile.profile,
        boxfile.fqdn()
    ))
}

/// At most 80 columns, for a serial line.
fn page(label: &str, embedded: &str, keys: &[String]) -> String {
    let mut page = format!("ciab {}, medium {label}\n\n", env!("CARGO_PKG_VERSION"));
    // Writing to a text does not fail.
    let _ = writeln!(page, "This machine runs from the medium.");
    let _ = writeln!(page, "{embedded}\n");
    let _ = writeln!(page, "  ciab detect       what this machine has");
    let _ = writeln!(page, "  ciab match disk   which disk a selector means, such as `size >= 900GB`");
    let _ = writeln!(page, "  ciab init         asks, and writes a box file");
    let _ = writeln!(page, "  ciab install      puts a system onto the disk that the box file names\n");
    let _ = writeln!(page, "Host keys of this start:");
    keys.iter().for_each(|key| _ = writeln!(page, "  {key}"));
    page + "\n"
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, path::PathBuf};

    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org";

    /// A medium with this area, and a root with a host key; what a console shows.
    fn taken(area: &[u8]) -> (tempfile::TempDir, PathBuf, String) {
        let folder = tempfile::tempdir().unwrap();
        let (medium, root) = (folder.path().join("medium"), folder.path().join("root"));
        let digest = "0f".repeat(32);
        let manifest = format!(
            r#"{{"schema": "ciab/medium/v1", "label": "CIAB_1", "made": "2026-11-16T10:17:00Z",
                "ciab": {{"version": "0.1.0", "sha256": "{digest}"}}, "codename": "bookworm",
                "architecture": "amd64", "kernel": "6.1.0-56-amd64", "packages": [], "files": []}}"#
        );
        put(&medium.join("ciab/manifest.json"), &manifest, 0o644).unwrap();
        fs::write(medium.join("ciab/area"), area).unwrap();
        put(&root.join("etc/ssh/ssh_host_ed25519_key.pub"), KEY, 0o644).unwrap();
        take(&medium, &root).unwrap();
        let shown = fs::read_to_string(root.join(MOTD)).unwrap();
        (folder, root, shown)
    }

    fn area(boxfile: &str) -> Vec<u8> {
        let embedded = Embedded { boxfile: Some(boxfile.to_owned()), words: Vec::new() };
        embedded.area().unwrap()
    }

    #[test]
    fn the_keys_of_the_box_file_log_in_and_the_host_keys_are_shown() {
        let text = format!(
            "apiVersion: ciab/v1\nkind: Box\nprofile: base\nname: lab\naccess:\n  target: local\n  ssh_keys: [{KEY}]\n"
        );
        let (_folder, root, shown) = taken(&area(&text));
        assert_eq!(fs::read_to_string(root.join(KEYS)).unwrap(), format!("{KEY}\n"));
        assert_eq!(fs::read_to_string(root.join(BOXFILE)).unwrap(), text);
        let mode = fs::metadata(root.join(BOXFILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(shown.contains("ssh-ed25519 SHA256:") && shown.contains("profile base, lab"), "{shown}");
        assert_eq!(fs::read_to_string(root.join(ISSUE)).unwrap(), "Addresses: \\4 \\6\n");
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }

    #[test]
    fn without_a_good_box_file_nobody_logs_in_and_the_console_says_why() {
        let empty = Embedded::default().area().unwrap();
        let mut damaged = area("profile: base\n");
        *damaged.iter_mut().rfind(|byte| **byte != 0).unwrap() = b'x';
        for (area, why) in [
            (empty, "No box file is embedded"),
            (damaged, "is damaged"),
            (area("profile: bsae\n"), "has faults"),
        ] {
            let (_folder, root, shown) = taken(&area);
            assert!(!root.join(KEYS).exists() && shown.contains(why), "{shown}");
        }
    }
}
