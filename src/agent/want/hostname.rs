//! The host name: in its file, and in the kernel now.

use anyhow::{Result, ensure};

use super::{Changed, Host, accounts::text};
use crate::{
    agent::durable::{self, Meta},
    step::Answer,
};

const FILE: &str = "/etc/hostname";

pub(super) fn probe(name: &str, host: &Host) -> Result<Answer> {
    let file = durable::read(&host.path(FILE)?)?.unwrap_or_default();
    let (file, now) = (String::from_utf8_lossy(&file), text(host, "/proc/sys/kernel/hostname")?);
    Ok(if file.trim() != name {
        Answer::Missing(format!("{FILE} says `{}`", file.trim()))
    } else if now.trim() != name {
        Answer::Missing(format!("the host name is `{}`", now.trim()))
    } else {
        Answer::Holds
    })
}

pub(super) fn apply(name: &str, host: &Host) -> Result<Changed> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    ensure!(
        !name.is_empty() && name.len() <= 64 && name.chars().all(good) && !name.starts_with(['-', '.']),
        "`{name}` is no host name"
    );
    durable::write(&host.path(FILE)?, format!("{name}\n").as_bytes(), Meta::READABLE)?;
    // Not hostnamectl: that wants D-Bus, and says no where the name is the container's own.
    host.call(["hostname", name]).ok()?;
    Ok(Changed::new("set"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    #[test]
    fn file_and_kernel_both_count() {
        let b = Box::new();
        b.file("/proc/sys/kernel/hostname", "old\n");
        apply("node-1", &b.host).unwrap();
        assert_eq!(b.text(FILE), "node-1\n");
        assert_eq!(b.ran(), ["hostname node-1"]);
        assert_eq!(probe("node-1", &b.host).unwrap(), Answer::Missing("the host name is `old`".into()));
        b.file("/proc/sys/kernel/hostname", "node-1\n");
        assert_eq!(probe("node-1", &b.host).unwrap(), Answer::Holds);
    }
}
