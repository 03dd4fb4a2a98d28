//! Users: an account with a group of its own, a home, a shell and more groups.
//!
//! Made group first, so that a kill in between leaves something the next try completes.

use std::{fs, os::unix::fs::MetadataExt as _};

use anyhow::{Result, ensure};

use super::{Changed, Host, accounts};
use crate::{
    agent::durable::{self, Meta},
    step::Answer,
};

/// In shadow(5): no password logs in. Unlike the `!` of `useradd`, sshd without PAM lets keys in with it.
const NO_PASSWORD: &str = "*";

/// What the shadow tools leave behind when they are killed.
const LOCKS: [&str; 6] = [
    "/etc/passwd.lock",
    "/etc/shadow.lock",
    "/etc/group.lock",
    "/etc/gshadow.lock",
    "/etc/subuid.lock",
    "/etc/subgid.lock",
];

/// What a user's want says beside the name.
pub(super) struct User<'a> {
    pub(super) groups: &'a [String],
    pub(super) shell: &'a str,
}

/// One thing that is not as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lack {
    OwnGroup,
    User,
    /// A kill in the middle of `useradd` leaves a user without one.
    Shadow,
    Home(String),
    Shell(String),
    Groups(Vec<String>),
}

pub(super) fn probe(name: &str, want: &User<'_>, host: &Host) -> Result<Answer> {
    let why = lacks(name, want, host)?.into_iter().next().map(|lack| match lack {
        Lack::OwnGroup | Lack::User => format!("{name} does not exist"),
        Lack::Shadow => format!("{name} has no entry in /etc/shadow"),
        Lack::Home(home) => format!("{name}'s home {home} does not exist, or is another's"),
        Lack::Shell(shell) => format!("{name}'s shell is {shell}"),
        Lack::Groups(groups) => format!("{name} is not in {}", groups.join(", ")),
    });
    Ok(why.map_or(Answer::Holds, Answer::Missing))
}

pub(super) fn apply(name: &str, want: &User<'_>, host: &Host) -> Result<Changed> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    ensure!(!name.is_empty() && name.len() <= 32 && name.chars().all(good), "`{name}` is no user name");
    ensure!(!name.starts_with('-'), "`{name}` is no user name");
    ensure!(host.path(want.shell)?.exists(), "the shell {} of {name} does not exist", want.shell);
    let known = accounts::groups(host)?;
    for group in want.groups {
        ensure!(
            known.iter().any(|k| k.name == *group),
            "group {group}, which {name} is to join, does not exist"
        );
    }
    unlock(host)?;
    // Each repair can bring up the next lack: the list is read again.
    while let Some(lack) = lacks(name, want, host)?.into_iter().next() {
        bring(name, want, &lack, host)?;
        ensure!(
            lacks(name, want, host)?.first() != Some(&lack),
            "{name} is as it was after {lack:?} was put right"
        );
    }
    Ok(Changed::new("made"))
}

fn bring(name: &str, want: &User<'_>, lack: &Lack, host: &Host) -> Result<()> {
    let argv: Vec<&str> = match lack {
        Lack::OwnGroup => vec!["groupadd", "--", name],
        Lack::User => {
            vec![
                "useradd",
                "--create-home",
                "--gid",
                name,
                "--shell",
                want.shell,
                "--password",
                NO_PASSWORD,
                // Ranges for containers of its own, in files that a cut in the middle leaves half done.
                "--key",
                "SUB_UID_COUNT=0",
                "--key",
                "SUB_GID_COUNT=0",
                "--",
                name,
            ]
        }
        Lack::Shadow => {
            host.call(["pwconv"]).ok()?;
            vec!["usermod", "--password", NO_PASSWORD, "--", name]
        }
        Lack::Shell(_) => vec!["usermod", "--shell", want.shell, "--", name],
        Lack::Groups(groups) => return join(name, groups, host),
        Lack::Home(home) => return make_home(name, home, host),
    };
    host.call(argv).ok().map(|_| ())
}

fn join(name: &str, groups: &[String], host: &Host) -> Result<()> {
    host.call(["usermod", "--append", "--groups", &groups.join(","), "--", name]).ok().map(|_| ())
}

fn make_home(name: &str, home: &str, host: &Host) -> Result<()> {
    let Some(user) = accounts::user(host, name)? else { return Ok(()) };
    let place = host.path(home)?;
    durable::folders(&place, 0o700)?;
    std::os::unix::fs::chown(&place, Some(user.uid), Some(user.gid))?;
    let skeleton = host.path("/etc/skel")?;
    if !skeleton.is_dir() {
        return Ok(());
    }
    let meta = Meta { mode: 0o644, owner: Some((user.uid, user.gid)) };
    for file in fs::read_dir(&skeleton)? {
        let file = file?;
        if file.file_type()?.is_file() {
            durable::write(&place.join(file.file_name()), &fs::read(file.path())?, meta)?;
        }
    }
    Ok(())
}

fn lacks(name: &str, want: &User<'_>, host: &Host) -> Result<Vec<Lack>> {
    let groups = accounts::groups(host)?;
    let Some(user) = accounts::user(host, name)? else {
        let own = groups.iter().any(|group| group.name == name);
        return Ok(if own { vec![Lack::User] } else { vec![Lack::OwnGroup, Lack::User] });
    };
    let mut lacks = Vec::new();
    let shadow = accounts::text(host, "/etc/shadow")?;
    // pwconv takes over the `x` of passwd(5) for a user it finds no line for.
    let entry = shadow.lines().filter_map(|line| line.split_once(':')).find(|(user, _)| *user == name);
    if entry.is_none_or(|(_, rest)| rest.starts_with("x:")) {
        lacks.push(Lack::Shadow);
    }
    // One that `useradd` made and had no time to give away is root's.
    if durable::look(&host.path(&user.home)?)?.is_none_or(|meta| meta.is_dir() && meta.uid() != user.uid) {
        lacks.push(Lack::Home(user.home));
    }
    if user.shell != want.shell {
        lacks.push(Lack::Shell(user.shell));
    }
    let member =
        |group: &accounts::Group| group.gid == user.gid || group.members.iter().any(|member| member == name);
    let inside: Vec<&str> =
        groups.iter().filter(|group| member(group)).map(|group| group.name.as_str()).collect();
    let outside: Vec<String> =
        want.groups.iter().filter(|group| !inside.contains(&group.as_str())).cloned().collect();
    if !outside.is_empty() {
        lacks.push(Lack::Groups(outside));
    }
    Ok(lacks)
}

/// Removes locks of shadow tools that no longer run. After a power cut their number may be another
/// process's, for which the tools themselves would wait in vain.
fn unlock(host: &Host) -> Result<()> {
    for lock in LOCKS {
        let place = host.path(lock)?;
        let Some(text) = durable::read(&place)? else { continue };
        let pid = String::from_utf8_lossy(&text).trim_matches(['\0', '\n', ' ']).to_owned();
        let holder = durable::read(&host.path("/proc")?.join(pid.as_str()).join("comm"))?;
        let holder = String::from_utf8_lossy(&holder.unwrap_or_default()).trim().to_owned();
        if !SHADOW_TOOLS.contains(&holder.as_str()) {
            durable::remove(&place)?;
        }
    }
    Ok(())
}

const SHADOW_TOOLS: [&str; 15] = [
    "adduser",
    "chage",
    "chfn",
    "chpasswd",
    "chsh",
    "gpasswd",
    "groupadd",
    "groupdel",
    "groupmod",
    "newusers",
    "passwd",
    "systemd-sysuser",
    "useradd",
    "userdel",
    "usermod",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    fn sudoer() -> [String; 1] {
        ["sudo".to_owned()]
    }

    fn said(b: &Box, name: &str) -> String {
        match probe(name, &User { groups: &sudoer(), shell: "/bin/bash" }, &b.host).unwrap() {
            Answer::Missing(why) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_lack_is_told() {
        let b = Box::new();
        b.file("/etc/shadow", "");
        assert_eq!(said(&b, "ciab"), "ciab does not exist");
        let passwd = |shell: &str| {
            // The home is made by whoever runs the test.
            b.file("/etc/passwd", &format!("ciab:x:{}:1000::/home/ciab:{shell}\n", nix::unistd::getuid()));
        };
        passwd("/bin/sh");
        b.file("/etc/group", "ciab:x:1000:\nsudo:x:27:other\n");
        assert_eq!(said(&b, "ciab"), "ciab has no entry in /etc/shadow");
        b.file("/etc/shadow", "ciab:*:1::::::\n");
        assert_eq!(said(&b, "ciab"), "ciab's home /home/ciab does not exist, or is another's");
        b.file("/home/ciab/x", "");
        assert_eq!(said(&b, "ciab"), "ciab's shell is /bin/sh");
        passwd("/bin/bash");
        assert_eq!(said(&b, "ciab"), "ciab is not in sudo");
        b.file("/etc/group", "ciab:x:1000:\nsudo:x:27:other,ciab\n");
        assert_eq!(said(&b, "ciab"), "Holds");
    }

    #[test]
    fn a_dead_tools_lock_is_removed_and_a_living_ones_kept() {
        let b = Box::new();
        b.file("/etc/passwd.lock", "77\0");
        b.file("/etc/group.lock", "78\0");
        b.file("/proc/77/comm", "sshd\n");
        b.file("/proc/78/comm", "useradd\n");
        unlock(&b.host).unwrap();
        assert!(!b.host.path("/etc/passwd.lock").unwrap().exists());
        assert!(b.host.path("/etc/group.lock").unwrap().exists());
    }

    #[test]
    fn a_group_that_does_not_exist_stops_before_anything_is_made() {
        let b = Box::new();
        b.file("/bin/bash", "");
        let error = apply("ciab", &User { groups: &sudoer(), shell: "/bin/bash" }, &b.host).unwrap_err();
        assert_eq!(error.to_string(), "group sudo, which ciab is to join, does not exist");
        assert!(b.ran().is_empty());
    }
}
