//! Box files that a machine finds when it has started from the medium, beside the one that is embedded: on a medium with a
//! label of its own, and where the kernel's command line says.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::{
    boxfile::{
        args::{SIZE_MAX, limited},
        place::Layer,
        words::{Elsewhere, elsewhere},
    },
    bundle::digest::Sum,
    tool::call::Call,
};

/// The label of a stick or disc with a box file. FAT has room for eleven characters.
pub const LABEL: &str = "CIAB-CONFIG";
/// Its file.
const FILE: &str = "box.yaml";
/// Where it is mounted for a moment.
const MOUNTED: &str = "/run/ciab-config";
/// What is said by the programs that are called.
const LOG: &str = if cfg!(test) { "/dev/null" } else { "/run/ciab-medium.log" };
/// What can be mounted without writing: another file system might have its journal replayed, even read-only.
const KINDS: [&str; 2] = ["iso9660", "vfat"];

/// A box file, or why it cannot be read.
pub struct Found {
    pub layer: Layer,
    /// What it is called in messages.
    pub name: String,
    pub text: Result<Vec<u8>, String>,
}

impl Found {
    fn new(layer: Layer, name: String, text: Result<Vec<u8>>) -> Self {
        Self { layer, name, text: text.map_err(|error| format!("{error:#}")) }
    }
}

/// Everything that is there.
pub fn look() -> Vec<Found> {
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    labelled().into_iter().chain(named(&line)).collect()
}

/// `lsblk --json` (lsblk(8)).
#[derive(Deserialize)]
struct Devices {
    blockdevices: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    path: String,
    /// The kernel's name, and that of the disk that it is a part of.
    kname: String,
    pkname: Option<String>,
    label: Option<String>,
    fstype: Option<String>,
}

/// The box file on the medium with our label.
fn labelled() -> Option<Found> {
    let name = format!("{LABEL}:/{FILE}");
    let devices = match devices() {
        Ok(devices) if devices.is_empty() => return None,
        Ok(devices) => devices,
        Err(error) => return Some(Found::new(Layer::Medium, name, Err(error))),
    };
    Some(Found::new(Layer::Medium, name, one(&devices).and_then(mounted)))
}

fn devices() -> Result<Vec<Device>> {
    let words = ["lsblk", "--json", "--list", "--output", "PATH,KNAME,PKNAME,LABEL,FSTYPE"];
    let said: Devices = serde_json::from_str(&Call::new(Path::new(LOG), words).output()?)?;
    Ok(labelled_ones(said.blockdevices))
}

/// Those with our label. A disc image on a stick, and a stick that was formatted as a whole, may look as if they had a partition
/// too, with the same file system: then it is the whole.
fn labelled_ones(mut all: Vec<Device>) -> Vec<Device> {
    all.retain(|device| device.label.as_deref() == Some(LABEL));
    let names: Vec<String> = all.iter().map(|device| device.kname.clone()).collect();
    all.retain(|device| device.pkname.as_ref().is_none_or(|whole| !names.contains(whole)));
    all
}

/// The only one, with a file system that is safe to look at.
fn one(devices: &[Device]) -> Result<&Device> {
    let [device] = devices else {
        let all: Vec<&str> = devices.iter().map(|device| device.path.as_str()).collect();
        bail!("more than one medium has the label {LABEL}: {}", all.join(", "));
    };
    let kind = device.fstype.as_deref().unwrap_or("none");
    ensure!(KINDS.contains(&kind), "{} has the file system {kind}; take {}", device.path, KINDS.join(" or "));
    Ok(device)
}

fn mounted(device: &Device) -> Result<Vec<u8>> {
    let call = |words: &[&str]| Call::new(Path::new(LOG), words.iter().copied()).run();
    fs::create_dir_all(MOUNTED).context("make a place for the medium")?;
    call(&["mount", "-o", "ro,nosuid,nodev,noexec", &device.path, MOUNTED])?;
    let text = read(&PathBuf::from(MOUNTED).join(FILE));
    call(&["umount", MOUNTED])?;
    text
}

fn read(path: &Path) -> Result<Vec<u8>> {
    limited(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("there is no such file on it"),
        _ => error.into(),
    })
}

/// The box file at the URL of a kernel's command line.
fn named(line: &str) -> Option<Found> {
    match elsewhere(line) {
        Ok(None) => None,
        Err(why) => Some(Found { layer: Layer::Cmdline, name: "ciab.box".to_owned(), text: Err(why) }),
        Ok(Some(Elsewhere { url, sha256 })) => {
            let layer = if sha256.is_some() { Layer::PinnedUrl } else { Layer::Url };
            let text = fetched(url.as_str()).and_then(|text| {
                let sum = Sum::of(&text).sha256;
                match sha256.filter(|pinned| *pinned != sum) {
                    None => Ok(text),
                    Some(pinned) => bail!("something else is there: its digest is {sum}, and not {pinned}"),
                }
            });
            Some(Found::new(layer, url.to_string(), text))
        }
    }
}

/// Tried for a minute: the address of the machine may be a moment old.
fn fetched(url: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(FILE);
    let to = file.display().to_string();
    let size = SIZE_MAX.to_string();
    let mut words =
        vec!["curl", "--silent", "--show-error", "--fail", "--location", "--proto", "=http,https"];
    words.extend(["--max-time", "30", "--retry", "6", "--retry-max-time", "60", "--retry-all-errors"]);
    words.extend(["--max-filesize", &size, "--output", &to, "--url", url]);
    Call::new(Path::new(LOG), words).run()?;
    read(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(path: &str, kind: Option<&str>) -> Device {
        let kname = path.trim_start_matches("/dev/").to_owned();
        let (pkname, label) = (kname.strip_suffix('1').map(str::to_owned), Some(LABEL.to_owned()));
        Device { path: path.to_owned(), kname, pkname, label, fstype: kind.map(str::to_owned) }
    }

    #[test]
    fn a_stick_that_seems_to_have_a_partition_is_one() {
        let names =
            |all| -> Vec<String> { labelled_ones(all).into_iter().map(|device| device.path).collect() };
        let (whole, part) = (device("/dev/sda", Some("vfat")), device("/dev/sda1", Some("vfat")));
        let other = Device { label: None, ..device("/dev/sdb", Some("ext4")) };
        assert_eq!(names(vec![whole, part, other]), ["/dev/sda"]);
        // With a real table the disk itself has no label.
        let disk = Device { label: None, ..device("/dev/sda", None) };
        assert_eq!(names(vec![disk, device("/dev/sda1", Some("vfat"))]), ["/dev/sda1"]);
        assert_eq!(names(vec![device("/dev/sda1", None), device("/dev/sr0", None)]).len(), 2);
    }

    #[test]
    fn a_medium_is_mounted_where_it_is_the_only_one_and_stays_as_it_is() {
        let says =
            |devices: &[Device]| one(devices).map(|one| one.path.clone()).map_err(|why| why.to_string());
        assert_eq!(says(&[device("/dev/sdb", Some("vfat"))]).unwrap(), "/dev/sdb");
        let two = says(&[device("/dev/sdb", Some("vfat")), device("/dev/sr0", Some("iso9660"))]).unwrap_err();
        assert!(two.contains("/dev/sdb, /dev/sr0"), "{two}");
        for other in [Some("ext4"), None] {
            assert!(says(&[device("/dev/sdb", other)]).unwrap_err().contains("take iso9660 or vfat"));
        }
    }

    #[test]
    fn what_is_at_the_url_is_taken_by_its_digest_alone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/box.yaml", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = std::io::Read::read(&mut stream, &mut [0; 1000]);
                std::io::Write::write_all(
                    &mut stream,
                    b"HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\nname: a\n",
                )
                .unwrap();
            }
        });
        let at = |text: &[u8]| {
            let found = named(&format!("ciab.box={url} ciab.box.sha256={}", Sum::of(text).sha256)).unwrap();
            (found.layer, found.text)
        };
        assert_eq!(at(b"name: a\n"), (Layer::PinnedUrl, Ok(b"name: a\n".to_vec())));
        assert!(at(b"name: b\n").1.unwrap_err().contains("something else is there"));
    }

    #[test]
    fn words_that_are_wrong_are_found_too() {
        assert!(named("quiet console=ttyS0").is_none());
        let found = named("ciab.box=ftp://example.org/a").unwrap();
        assert!(found.layer == Layer::Cmdline && found.text.unwrap_err().contains("ciab.box"));
    }
}
