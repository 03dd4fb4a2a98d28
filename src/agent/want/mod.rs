//! Wants: states of the box, each with a probe that looks and an act that brings it about.
//!
//! `ensure` is the whole of `Action::Ensure`: what holds is left alone, what was brought about is looked at
//! again. A kind of want is a file here.

mod accounts;
mod address;
mod boot;
mod command;
mod disk;
pub(crate) mod file;
mod filesystem;
mod host;
mod hostname;
mod link;
mod module;
mod nft;
mod packages;
#[cfg(test)]
pub(crate) mod real_tests;
pub(crate) mod stamp;
mod sysctl;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod timezone;
mod trusted;
mod unit;
mod unpacked;
mod user;
mod volume_group;

use std::io::Write;

use anyhow::{Context as _, Result, bail};

pub use self::{
    command::{FIXED, Here, LIMIT, Output, Request, Run},
    host::{Call, Host, STATE},
};
use crate::step::{Answer, Want};

/// What was done for a want, for people; never content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed(String);

impl Changed {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Looks whether a want holds; changes nothing.
pub fn probe(want: &Want, host: &Host) -> Answer {
    let answer = match want {
        Want::File { path, entry, .. } => file::probe(path, entry, host),
        Want::NoFile { path } => file::probe_absent(path, host),
        Want::Folder { path, mode, owner, group } => {
            file::probe_folder(path, &file::Folder { mode: *mode, owner, group }, host)
        }
        Want::Packages { names } => packages::probe(names, host),
        Want::User { name, groups, shell } => user::probe(name, &user::User { groups, shell }, host),
        Want::Unit { name, files, reload } => unit::probe(name, &unit::Unit { files, reload: *reload }, host),
        Want::NoUnit { name } => unit::probe_absent(name, host),
        Want::Sysctl { key, value } => sysctl::probe(key, value, host),
        Want::Module { name } => module::probe(name, host),
        Want::NftTable { family, name, text } => nft::probe(&nft::Table { family, name, text }, host),
        Want::Address { interface, cidr } => address::probe(interface, cidr, host),
        Want::Link { interface, file, files } => link::probe(&link::Link { interface, file, files }, host),
        Want::NoLink { interface } => link::probe_absent(interface, host),
        Want::Released { interface } => link::probe_released(interface, host),
        Want::Hostname { name } => hostname::probe(name, host),
        Want::TimeZone { name } => timezone::probe(name, host),
        Want::Trusted { name, pem } => trusted::probe(name, pem, host),
        Want::Table { disk, slices } => table::probe(disk, slices, host),
        Want::FileSystem { disk, partition, kind, label, uuid, at } => filesystem::probe(
            &filesystem::FileSystem { disk, partition: *partition, kind, label, uuid, at: at.as_deref() },
            host,
        ),
        Want::Unpacked { sha256, to, .. } => unpacked::probe(sha256, to, host),
        Want::HostKeys { root } => boot::probe_host_keys(root, host),
        Want::BootLoader { disk, root, bios } => boot::probe(disk, root, *bios, host),
        Want::VolumeGroup { name, on } => volume_group::probe(name, on.as_ref(), host),
        Want::NoMount { at } => filesystem::probe_no_mount(at, host),
        Want::PartitionName { disk, partition, name } => table::probe_name(disk, *partition, name, host),
    };
    answer.unwrap_or_else(|error| Answer::CannotTell(format!("{}: {error:#}", want.subject())))
}

/// Looks at all of them: what is missing is told before what cannot be told.
pub fn probe_all(wants: &[Want], host: &Host) -> Answer {
    let (mut missing, mut unknown) = (Vec::new(), Vec::new());
    for want in wants {
        match probe(want, host) {
            Answer::Holds => {}
            Answer::Missing(why) => missing.push(why),
            Answer::CannotTell(why) => unknown.push(why),
        }
    }
    match (missing.is_empty(), unknown.is_empty()) {
        (true, true) => Answer::Holds,
        (true, false) => Answer::CannotTell(unknown.join("; ")),
        (false, _) => Answer::Missing(missing.join("; ")),
    }
}

/// Brings a want about, whether or not it holds; all that a long command says goes to `out`.
pub fn apply(want: &Want, host: &Host, out: &mut dyn Write) -> Result<Changed> {
    let done = match want {
        Want::File { path, entry, check } => file::apply(path, entry, check, host),
        Want::NoFile { path } => file::apply_absent(path, host),
        Want::Folder { path, mode, owner, group } => {
            file::apply_folder(path, &file::Folder { mode: *mode, owner, group }, host)
        }
        Want::Packages { names } => packages::apply(names, host, out),
        Want::User { name, groups, shell } => user::apply(name, &user::User { groups, shell }, host),
        Want::Unit { name, files, reload } => unit::apply(name, &unit::Unit { files, reload: *reload }, host),
        Want::NoUnit { name } => unit::apply_absent(name, host),
        Want::Sysctl { key, value } => sysctl::apply(key, value, host),
        Want::Module { name } => module::apply(name, host),
        Want::NftTable { family, name, text } => nft::apply(&nft::Table { family, name, text }, host),
        Want::Address { interface, cidr } => address::apply(interface, cidr, host),
        Want::Link { interface, file, files } => link::apply(&link::Link { interface, file, files }, host),
        Want::NoLink { interface } => link::apply_absent(interface, host),
        Want::Released { interface } => link::apply_released(interface, host),
        Want::Hostname { name } => hostname::apply(name, host),
        Want::TimeZone { name } => timezone::apply(name, host),
        Want::Trusted { name, pem } => trusted::apply(name, pem, host),
        Want::Table { disk, slices } => table::apply(disk, slices, host),
        Want::FileSystem { disk, partition, kind, label, uuid, at } => filesystem::apply(
            &filesystem::FileSystem { disk, partition: *partition, kind, label, uuid, at: at.as_deref() },
            host,
        ),
        Want::Unpacked { image, sha256, to } => unpacked::apply(image, sha256, to, host, out),
        Want::HostKeys { root } => boot::apply_host_keys(root, host),
        Want::BootLoader { disk, root, bios } => boot::apply(disk, root, *bios, host, out),
        Want::VolumeGroup { name, on } => volume_group::apply(name, on.as_ref(), host),
        Want::NoMount { at } => filesystem::apply_no_mount(at, host),
        Want::PartitionName { disk, partition, name } => table::apply_name(disk, *partition, name, host),
    };
    done.with_context(|| want.subject())
}

/// Brings each want about that does not hold, in this order; says a line for each and how many were not there.
pub fn ensure(wants: &[Want], host: &Host, out: &mut dyn Write) -> Result<usize> {
    let mut changed = 0;
    for want in wants {
        let subject = want.subject();
        match probe(want, host) {
            Answer::Holds => writeln!(out, "holds: {subject}")?,
            Answer::CannotTell(why) => bail!("cannot tell whether it is there: {why}"),
            Answer::Missing(why) => {
                writeln!(out, "to do: {subject} ({why})")?;
                let done = apply(want, host, out)?;
                if let Answer::Missing(why) | Answer::CannotTell(why) = probe(want, host) {
                    bail!("{subject}: {}, and yet: {why}", done.as_str());
                }
                writeln!(out, "done: {subject}: {}", done.as_str())?;
                changed += 1;
            }
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::{testing::Box, *};
    use crate::tree::Entry;

    fn file(path: &str, entry: Entry) -> Want {
        Want::File { path: path.into(), entry, check: vec![] }
    }

    #[test]
    fn the_second_time_everything_holds() {
        let b = Box::new();
        let wants = [
            Want::Folder { path: "/srv/x".into(), mode: 0o750, owner: "me".into(), group: "me".into() },
            file("/srv/x/secret", Entry::secret("canary")),
            Want::NoFile { path: "/srv/y".into() },
        ];
        let mut out = Vec::new();
        assert_eq!(ensure(&wants, &b.host, &mut out).unwrap(), 2);
        assert_eq!(ensure(&wants, &b.host, &mut out).unwrap(), 0);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        to do: /srv/x/ (/srv/x does not exist)
        done: /srv/x/: made
        to do: /srv/x/secret (/srv/x/secret does not exist)
        done: /srv/x/secret: written
        holds: no /srv/y
        holds: /srv/x/
        holds: /srv/x/secret
        holds: no /srv/y
        ");
    }

    #[test]
    fn missing_is_told_before_what_cannot_be_told() {
        let b = Box::new();
        let unknown = file("relative", Entry::public(""));
        let missing = file("/none", Entry::public(""));
        assert!(matches!(probe_all(std::slice::from_ref(&unknown), &b.host), Answer::CannotTell(_)));
        assert_eq!(probe_all(&[unknown, missing], &b.host), Answer::Missing("/none does not exist".into()));
    }

    #[test]
    fn what_does_not_hold_afterwards_is_an_error() {
        let b = Box::new().says("dpkg-query", 1, "").says("apt-cache", 0, "jq:\n  Candidate: 1\n");
        let error =
            ensure(&[Want::Packages { names: vec!["jq".into()] }], &b.host, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "packages jq: installed jq, and yet: not installed: jq");
    }
}
