//! Names: host labels, domains, hosts, users, roles, releases, services and check ids.

use std::{fmt, net::IpAddr, str::FromStr};

/// Longest DNS label, RFC 1035 section 2.3.4.
const LABEL_MAX: usize = 63;
/// Longest DNS name in text form, RFC 1035 section 2.3.4.
const NAME_MAX: usize = 253;
/// Longest user name that `useradd` and utmp accept.
const USER_MAX: usize = 32;

/// Declares a checked text newtype that can be shown and compared.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }
    };
}
pub(super) use checked;

checked!(
    /// One DNS label in lower case: what `hostname` prints.
    HostLabel,
    |text| label(text)
        .map_err(|why| format!("`{text}` is no host name: {why}; write one such as cloud1"))
);

checked!(
    /// A DNS domain of one or more lower-case labels, without a trailing dot.
    DomainName,
    |text| domain(text)
        .map_err(|why| format!("`{text}` is no domain: {why}; write one such as example.org"))
);

checked!(
    /// A host by DNS name or by IPv4 or IPv6 address (without brackets).
    HostOrIp,
    |text| match text.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            Err(format!("`{text}` is no IP address: write one such as 192.0.2.1, or a host name"))
        }
        Err(_) => domain(text).map_err(|why| format!("`{text}` is no host: {why}")),
    }
);

checked!(
    /// A Unix user name, as Debian's `adduser` accepts it; `root` is not one that can be made.
    UserName,
    |text| {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if text == "root" {
            Err("the operator is a user of its own, not `root`".to_owned())
        } else if starts && text.len() <= USER_MAX && text.chars().all(rest) {
            Ok(())
        } else {
            Err(format!(
                "`{text}` is no user name: begin with a lower-case letter, go on with a-z, 0-9, `-` or `_`, \
                 at most {USER_MAX}"
            ))
        }
    }
);

checked!(
    /// What a disk or NIC is for, such as `data` or `management`.
    Role,
    |text| label(text).map_err(|why| format!("`{text}` is no role name: {why}"))
);

checked!(
    /// The stable id of a check or failure, such as `disk.fsync-p99` or `scs.flavor.disk`.
    CheckId,
    |text| match text.contains('.') && text.split('.').all(|part| label(part).is_ok()) {
        true => Ok(()),
        false => Err(format!("`{text}` is no check id: write one such as memory.size")),
    }
);

checked!(
    /// A release of an engine as its makers write it, such as `2025.1` or `10.2.0`; `profiles/releases.yaml` has all.
    ReleaseName,
    |text| {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
        if !text.is_empty() && text.chars().all(inside) {
            Ok(())
        } else {
            Err(format!("`{text}` is no release: write one such as \"2025.1\""))
        }
    }
);

checked!(
    /// A service of a cloud, such as `keystone`; `profiles/services.yaml` has all.
    ServiceName,
    |text| label(text).map_err(|why| format!("`{text}` is no name of a service: {why}"))
);

checked!(
    /// What `no_proxy` may list: a host, a domain that begins with a dot, an address or a network.
    Direct,
    |text| {
        let inside = |c: char| c.is_ascii_alphanumeric() || ".-:/*_".contains(c);
        if !text.is_empty() && text.chars().all(inside) {
            Ok(())
        } else {
            Err(format!("`{text}` is no host, domain or network: write one such as .example.org"))
        }
    }
);

fn label(text: &str) -> Result<(), &'static str> {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.is_empty() {
        Err("a label is empty")
    } else if text.len() > LABEL_MAX {
        Err("a label is longer than 63 characters")
    } else if !text.bytes().all(inside) {
        Err("it may hold a-z, 0-9 and `-` only")
    } else if text.starts_with('-') || text.ends_with('-') {
        Err("a label may not begin or end with `-`")
    } else {
        Ok(())
    }
}

fn domain(text: &str) -> Result<(), &'static str> {
    if text.len() > NAME_MAX {
        Err("it is longer than 253 characters")
    } else {
        text.split('.').try_for_each(label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dns() {
        for good in ["a", "cloud1", "a-b", "3com"] {
            assert!(good.parse::<HostLabel>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<HostLabel>().is_err(), "{bad}");
        }
        assert!("example.org".parse::<DomainName>().is_ok());
        assert!("example..org".parse::<DomainName>().is_err());
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["ntp.example.org", "192.0.2.1", "2001:db8::1"] {
            assert!(good.parse::<HostOrIp>().is_ok(), "{good}");
        }
        for bad in ["192.0.2.256", "1.2.3", "a b", ""] {
            assert!(bad.parse::<HostOrIp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_operator_is_not_root() {
        assert!("root".parse::<UserName>().is_err());
        assert!("dragon".parse::<UserName>().is_ok());
        assert!("1st".parse::<UserName>().is_err());
    }
}
