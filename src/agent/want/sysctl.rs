//! Kernel parameters, as they are now; that they stay after a boot is a file's matter.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::{Changed, Host};
use crate::{agent::durable, step::Answer};

pub(super) fn probe(key: &str, value: &str, host: &Host) -> Result<Answer> {
    let Some(bytes) = durable::read(&place(key, host)?)? else {
        return Ok(Answer::Missing(format!("{key} does not exist in this kernel")));
    };
    let now = normal(&String::from_utf8_lossy(&bytes));
    Ok(if now == normal(value) { Answer::Holds } else { Answer::Missing(format!("{key} is {now}")) })
}

pub(super) fn apply(key: &str, value: &str, host: &Host) -> Result<Changed> {
    let place = place(key, host)?;
    ensure!(place.exists(), "{key} does not exist in this kernel; a module that brings it may be missing");
    fs::write(&place, format!("{value}\n")).with_context(|| format!("set {key} to {value}"))?;
    Ok(Changed::new("set"))
}

/// The kernel puts tabs between values.
fn normal(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file of a key as sysctl.d(5) reads it: the first separator says what separates, the other one is part
/// of a name (`net.ipv4.conf.eth0/100.forwarding` is about `eth0.100`).
fn place(key: &str, host: &Host) -> Result<PathBuf> {
    let dots = key.find(['.', '/']).is_some_and(|at| key[at..].starts_with('.'));
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let path: String = if dots { key.chars().map(swap).collect() } else { key.to_owned() };
    host.path(&format!("/proc/sys/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    #[test]
    fn white_space_does_not_count() {
        let b = Box::new();
        b.file("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
        assert_eq!(probe("net.ipv4.tcp_rmem", "4096 131072 6291456", &b.host).unwrap(), Answer::Holds);
        assert_eq!(
            probe("net.ipv4.tcp_rmem", "1 2 3", &b.host).unwrap(),
            Answer::Missing("net.ipv4.tcp_rmem is 4096 131072 6291456".into())
        );
    }

    #[test]
    fn separators_are_those_of_sysctl() {
        let b = Box::new();
        b.file("/proc/sys/net/ipv4/conf/eth0.100/forwarding", "0\n");
        for key in ["net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"] {
            assert_eq!(probe(key, "0", &b.host).unwrap(), Answer::Holds, "{key}");
        }
        assert!(probe("net/../../../etc/passwd", "0", &b.host).is_err());
    }

    #[test]
    fn a_key_the_kernel_lacks_is_named() {
        let error = apply("net.bridge.x", "1", &Box::new().host).unwrap_err();
        assert!(error.to_string().starts_with("net.bridge.x does not exist in this kernel"), "{error}");
    }
}
