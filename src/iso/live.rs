//! The live system's part: takes over the box files that its start found, and says on the consoles what they are.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    FOLDER, SYSTEM,
    area::Embedded,
    found::Found,
    greeting::{ADDRESSES, ISSUE, host_keys},
    manifest::Manifest,
};
use crate::{
    boxfile::{BoxFile, fault::Colour, layers::Layers, place::Layer},
    plan::install,
    tool::debian::put,
};

/// Where commands look for a box file that nobody names: in the home of who logs in.
const BOXFILE: &str = "root/box.yaml";
/// What stands against the box files of this start.
const FAULTS: &str = "root/box.faults";
/// Lines of it on a console.
const SHOWN: usize = 10;
const KEYS: &str = "root/.ssh/authorized_keys";
/// After a login, which on a console comes by itself.
const MOTD: &str = "etc/motd";

/// What an installation takes of the medium that is mounted.
pub struct Medium {
    /// The system's image, and its digest in hexadecimal.
    pub image: PathBuf,
    pub sha256: String,
    /// A file of what is installed from it, by which its menu finds that: of the embedded box file, or of the medium.
    pub marker: String,
}

impl Medium {
    pub fn read(medium: &Path) -> Result<Self> {
        let about = manifest(medium)?;
        let image = about.files.iter().find(|file| file.path.as_str() == SYSTEM);
        let sha256 = image.with_context(|| format!("its manifest has no {SYSTEM}"))?.sha256.to_string();
        let marker = embedded(medium)?.ok().and_then(|embedded| embedded.marker());
        let marker = marker.unwrap_or_else(|| format!("/boot/ciab/{}", about.label));
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

/// Reads the medium that is mounted at `medium`, and sets the system below `root` up, with the box files that stand elsewhere.
pub fn take(medium: &Path, root: &Path, elsewhere: Vec<Found>) -> Result<()> {
    let about = manifest(medium)?;
    let in_it = |text| Found { layer: Layer::Embedded, name: "embedded".to_owned(), text };
    let mut all = Vec::new();
    match embedded(medium)?.map(|embedded| embedded.boxfile) {
        Err(why) => all.push(in_it(Err(format!("it is damaged: {why}")))),
        Ok(None) => {}
        Ok(Some(text)) => all.push(in_it(Ok(text.into_bytes()))),
    }
    all.extend(elsewhere);
    let said = match all.as_slice() {
        [] => "No box file is embedded in it: nobody can log in by SSH.".to_owned(),
        all => take_boxes(all, root)?,
    };
    put(&root.join(ISSUE), ADDRESSES, 0o644)?;
    put(&root.join(MOTD), &page(about.label.as_str(), &said, &host_keys(root)?), 0o644)
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

/// Puts the box file that all of them make where commands look for one, and lets its keys in; what is said of it. With a
/// fault anywhere there is none, and nothing is installed; who may log in by the embedded one still may.
fn take_boxes(all: &[Found], root: &Path) -> Result<String> {
    let layers = laid(all);
    let together = layers.together()?;
    let boxfile = match layers.wanted() {
        Ok(wanted) => wanted.boxfile,
        Err(findings) => {
            let embedded = all.iter().find(|found| found.layer == Layer::Embedded);
            let alone = embedded.and_then(|found| laid(std::slice::from_ref(found)).wanted().ok());
            alone.map(|wanted| let_in(&wanted.boxfile, root)).transpose()?;
            // To be mended by who stands there.
            if let [Found { text: Ok(text), .. }] = all {
                put(&root.join(BOXFILE), &String::from_utf8_lossy(text), 0o600)?;
            }
            let text = findings.text(Colour::Plain);
            put(&root.join(FAULTS), &format!("{text}\n"), 0o600)?;
            let some: Vec<&str> = text.lines().take(SHOWN).collect();
            return Ok(format!(
                "Nothing is installed: the box file has faults.\nAll of them stand in /{FAULTS}.\n\n{}",
                some.join("\n")
            ));
        }
    };
    let text = match all {
        [Found { text: Ok(text), .. }] => String::from_utf8_lossy(text).into_owned(),
        all => {
            let names: Vec<&str> = all.iter().map(|found| found.name.as_str()).collect();
            format!("# Put together of: {}\n{together}", names.join(", "))
        }
    };
    put(&root.join(BOXFILE), &text, 0o600)?;
    let_in(&boxfile, root)?;
    let disk = match install::role(&boxfile) {
        None => "It names no disk for the system: no disk is touched.",
        Some(disk) if disk.wipe.is_empty() => {
            "It names a disk for the system, and leaves it to you to wipe it."
        }
        Some(_) => "The machine is installed as it says.",
    };
    let from: Vec<&str> = all.iter().map(|found| found.layer.title()).collect();
    Ok(format!(
        "Its box file ({}): profile {}, {}.\nIts keys log in as root.\n{disk}",
        from.join(", "),
        boxfile.profile,
        boxfile.fqdn()
    ))
}

fn laid(all: &[Found]) -> Layers {
    let mut layers = Layers::new();
    for found in all {
        match &found.text {
            Ok(text) => layers.document(found.layer, &found.name, text),
            Err(why) => layers.unreadable(&found.name, why),
        }
    }
    layers
}

fn let_in(boxfile: &BoxFile, root: &Path) -> Result<()> {
    let keys: String = boxfile.access.ssh_keys.iter().map(|key| format!("{key}\n")).collect();
    put(&root.join(KEYS), &keys, 0o600)
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
    fn taken(area: &[u8], elsewhere: Vec<Found>) -> (tempfile::TempDir, PathBuf, String) {
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
        take(&medium, &root, elsewhere).unwrap();
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
        let (_folder, root, shown) = taken(&area(&text), Vec::new());
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
            (damaged, "embedded: it is damaged"),
            (area("profile: bsae\n"), "has faults"),
        ] {
            let (_folder, root, shown) = taken(&area, Vec::new());
            assert!(!root.join(KEYS).exists() && shown.contains(why), "{shown}");
        }
    }

    #[test]
    fn another_box_file_adds_what_the_embedded_one_leaves_open() {
        let embedded = format!("apiVersion: ciab/v1\nkind: Box\nname: lab\naccess: {{ssh_keys: [{KEY}]}}\n");
        let medium = |text: &str| {
            vec![Found { layer: Layer::Medium, name: "stick".to_owned(), text: Ok(text.as_bytes().to_vec()) }]
        };
        let more = "profile: base\nname: other\ndisks: {system: {match: {serial: a}, wipe: [a]}}\n";
        let (_folder, root, shown) = taken(&area(&embedded), medium(more));
        assert!(shown.contains("lab.internal") && shown.contains("installed as it says"), "{shown}");
        let text = fs::read_to_string(root.join(BOXFILE)).unwrap();
        assert!(
            text.starts_with("# Put together of: embedded, stick\n") && !text.contains("other"),
            "{text}"
        );
        let mut alone = Layers::new();
        alone.document(Layer::File, "box.yaml", text.as_bytes());
        assert!(alone.wanted().is_ok());

        // Who can be let in by the embedded one alone, is; nothing is installed.
        let whole = format!("{embedded}profile: base\n");
        for (elsewhere, why) in [
            (medium("profil: base\n"), "profil"),
            (
                vec![Found {
                    layer: Layer::Url,
                    name: "u".to_owned(),
                    text: Err("nobody answers".to_owned()),
                }],
                "u: nobody answers",
            ),
        ] {
            let (_folder, root, shown) = taken(&area(&whole), elsewhere);
            assert!(root.join(KEYS).exists() && !root.join(BOXFILE).exists());
            assert!(shown.contains(why) && shown.contains("Nothing is installed"), "{shown}");
            assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        }
    }
}
