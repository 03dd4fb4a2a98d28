//! Mounted file systems and the space in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reader::Reader;
use crate::units::Bytes;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// `/var/lib/docker`.
    pub point: String,
    /// `/dev/sda2`, `tmpfs`.
    pub source: String,
    /// `ext4`.
    pub fs: String,
    pub read_only: bool,
    pub size: Option<Bytes>,
    /// Free for an ordinary user.
    pub available: Option<Bytes>,
}

/// File systems that hold no files of anybody.
const PSEUDO: [&str; 23] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
];

/// File systems whose server may be gone: asking for their free space could hang.
const REMOTE: [&str; 8] = ["9p", "ceph", "cifs", "nfs", "nfs4", "smb3", "virtiofs", "zfs"];

/// One line of `/proc/self/mountinfo`, with the device number that disks are matched by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountLine {
    /// `8:2`
    pub(super) device: String,
    pub(crate) point: String,
    pub(crate) source: String,
    pub(super) fs: String,
    pub(super) read_only: bool,
}

/// `proc_pid_mountinfo(5)`: ID, parent, device, root, point, options, tags, `-`, type, source, options.
pub(crate) fn parse_mountinfo(text: &str) -> Vec<MountLine> {
    let line = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(2);
        let mut right = right.split(' ');
        Some(MountLine {
            device: left.next()?.to_owned(),
            point: unescape(left.nth(1)?),
            read_only: left.next()?.split(',').any(|o| o == "ro"),
            fs: right.next()?.to_owned(),
            source: unescape(right.next()?),
        })
    };
    text.lines().filter_map(line).collect()
}

/// Blank, tab, newline and backslash stand as `\040` and so on.
pub(super) fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        match (code, part.get(3..)) {
            (Some(code), Some(rest)) => {
                plain.push(char::from(code));
                plain.push_str(rest);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

/// Whether a person would name it when asked what is mounted.
fn is_of_interest(mount: &MountLine) -> bool {
    let below = |folder: &str| mount.point.starts_with(folder);
    let made_by_service =
        ["/run/", "/proc/", "/sys/", "/dev/", "/var/lib/docker/", "/var/lib/kubelet/"].into_iter().any(below)
            || below("/var/lib/containers/")
            || (mount.fs == "overlay" && mount.point != "/");
    // A disk that is mounted below /run is a disk all the same: live media are.
    !PSEUDO.contains(&mount.fs.as_str()) && (mount.source.starts_with("/dev/") || !made_by_service)
}

/// `df --output=size,avail,target`: two numbers and the rest of the line.
fn parse_df(text: &str) -> BTreeMap<String, (Bytes, Bytes)> {
    let line = |line: &str| {
        let (size, rest) = line.trim_start().split_once(' ')?;
        let (available, point) = rest.trim_start().split_once(' ')?;
        Some((point.to_owned(), (Bytes(size.parse().ok()?), Bytes(available.parse().ok()?))))
    };
    text.lines().filter_map(line).collect()
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Vec<Mount>> {
    let text = reader.needed("observed.mounts", "/proc/self/mountinfo")?;
    // The last one mounted at a point is the one that is seen.
    let mounts: BTreeMap<String, MountLine> = parse_mountinfo(&text)
        .into_iter()
        .filter(is_of_interest)
        .map(|mount| (mount.point.clone(), mount))
        .collect();
    let is_near = |m: &&MountLine| !REMOTE.contains(&m.fs.as_str()) && !m.fs.starts_with("fuse");
    let near: Vec<&str> = mounts.values().filter(is_near).map(|m| m.point.as_str()).collect();
    let space = read_space(reader, &near);
    let mount = |line: MountLine| {
        let (size, available) = space.get(&line.point).copied().unzip();
        let MountLine { point, source, fs, read_only, .. } = line;
        Mount { point, source, fs, read_only, size, available }
    };
    Some(mounts.into_values().map(mount).collect())
}

/// A mount that cannot be asked makes `df` complain; the others are told all the same.
fn read_space(reader: &mut Reader<'_>, points: &[&str]) -> BTreeMap<String, (Bytes, Bytes)> {
    let mut argv = vec!["df", "--block-size=1", "--output=size,avail,target", "--"];
    argv.extend(points);
    let space = match reader.source.command(&argv) {
        Ok(output) => parse_df(&String::from_utf8_lossy(&output.stdout)),
        Err(error) => {
            reader.failed("observed.mounts.available", "`df`", &error);
            return BTreeMap::new();
        }
    };
    for point in points.iter().filter(|p| !space.contains_key(**p)) {
        reader.note(format!("observed.mounts[{point}].available"), "`df` does not tell it");
    }
    space
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 0 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro
30 27 0:25 / /run rw,nosuid shared:5 - tmpfs tmpfs rw
40 27 8:17 / /srv/my\\040data ro,noatime shared:9 master:3 - xfs /dev/sdb1 rw
41 27 0:44 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
42 30 11:0 / /run/live/medium ro - iso9660 /dev/sr0 ro
43 30 0:50 / /run/user/0 rw - tmpfs tmpfs rw
";

    #[test]
    fn mounts_of_interest_are_kept() {
        let kept: Vec<_> = parse_mountinfo(MOUNTINFO).into_iter().filter(is_of_interest).collect();
        let points: Vec<_> = kept.iter().map(|m| m.point.as_str()).collect();
        assert_eq!(points, ["/", "/run", "/srv/my data", "/run/live/medium"]);
        assert_eq!((kept[2].device.as_str(), kept[2].read_only, kept[2].fs.as_str()), ("8:17", true, "xfs"));
    }

    #[test]
    fn free_space_is_read_with_blanks_in_names() {
        let text = "1B-blocks Avail Mounted on\n  1000   500 /\n 20 10 /srv/my data\n- - /x\n";
        let space = parse_df(text);
        assert_eq!(space["/srv/my data"], (Bytes(20), Bytes(10)));
        assert_eq!(space.len(), 2);
    }

    #[test]
    fn escapes_are_undone_and_odd_ones_kept() {
        assert_eq!(unescape(r"/a\040b\134c"), r"/a b\c");
        assert_eq!(unescape(r"/a\9é\04"), r"/a\9é\04");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String, odd in "[0-9 :/-]{0,40}( - )?[a-z \\\\0-9é]{0,40}") {
            parse_mountinfo(&text);
            parse_mountinfo(&odd);
            parse_df(&text);
            unescape(&odd);
        }
    }
}
