//! Kernel modules: loaded, or built in.

use anyhow::Result;

use super::{Changed, Host, accounts::text};
use crate::{agent::durable, step::Answer};

pub(super) fn probe(name: &str, host: &Host) -> Result<Answer> {
    let name = plain(name);
    // A built-in module is seen here only when it has parameters, hence the list.
    if host.path(&format!("/sys/module/{name}"))?.is_dir() {
        return Ok(Answer::Holds);
    }
    let release = text(host, "/proc/sys/kernel/osrelease")?;
    let list = durable::read(&host.path(&format!("/lib/modules/{}/modules.builtin", release.trim()))?)?;
    let list = String::from_utf8_lossy(&list.unwrap_or_default()).into_owned();
    Ok(if built_in(&list, &name) {
        Answer::Holds
    } else {
        Answer::Missing(format!("kernel module {name} is neither loaded nor built in"))
    })
}

pub(super) fn apply(name: &str, host: &Host) -> Result<Changed> {
    host.call(["modprobe", "--", name]).ok()?;
    Ok(Changed::new("loaded"))
}

/// Whether `modules.builtin` (lines like `kernel/net/bridge/br_netfilter.ko`) names a module.
fn built_in(list: &str, name: &str) -> bool {
    list.lines().any(|line| {
        let file = line.rsplit('/').next().unwrap_or(line);
        file.strip_suffix(".ko").is_some_and(|module| plain(module) == name)
    })
}

/// Hyphens and underscores mean the same in names of modules.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    #[test]
    fn loaded_or_built_in_holds() {
        let b = Box::new();
        b.file("/proc/sys/kernel/osrelease", "6.1.0\n");
        assert!(matches!(probe("br_netfilter", &b.host).unwrap(), Answer::Missing(_)));
        b.file("/sys/module/br_netfilter/refcnt", "0");
        b.file(
            "/lib/modules/6.1.0/modules.builtin",
            "kernel/drivers/net/vxlan/vxlan.ko\nkernel/crypto/xts-x.ko\n",
        );
        for name in ["br_netfilter", "br-netfilter", "vxlan", "xts_x"] {
            assert_eq!(probe(name, &b.host).unwrap(), Answer::Holds, "{name}");
        }
    }
}
