//! Values written as one piece of text: each has its own reader, and one list says which reader checks which.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde_json::Value;

use crate::units::{Bytes, Mac};

/// Checks a text: `Err` says what is wrong with it.
pub type Reader = fn(&str) -> Result<(), String>;

/// Gives a type that has `FromStr<Err = String>` and `Display` its serde and JSON Schema halves.
///
/// `format` is the schema's name for the reader; [`reader_of`] finds it again, so the schema and the check agree.
macro_rules! text_types {
    ($($type:ty, $format:literal, $meaning:literal;)*) => {
        $(
            impl serde::Serialize for $type {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> serde::Deserialize<'de> for $type {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                }
            }

            impl schemars::JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($type).into()
                }
                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    schemars::json_schema!({ "description": $meaning, "type": "string", "format": $format })
                }
            }
        )*

        /// Formats with what each means, in alphabetical order.
        pub const MEANINGS: &[(&str, &str)] = &[
            $(($format, $meaning),)*
        ];

        /// The reader behind a schema's `format`.
        fn reader(format: &str) -> Option<Reader> {
            match format {
                $($format => Some(|text| text.parse::<$type>().map(drop)),)*
                "ip" => Some(|text| address::<IpAddr>(text, "192.0.2.1 or 2001:db8::1")),
                "sysctl-value" => Some(|text| super::system::sysctl_value(text).map(drop)),
                _ => None,
            }
        }
    };
}

text_types! {
    super::access::HostKey, "host-key", "a host key: `ssh-ed25519 AAAA...` or its `SHA256:...` fingerprint";
    super::access::Login, "login", "where to log in: `user@host:port`; user and port may be left out";
    super::access::Target, "target", "`local`, or `user@host:port`; user and port may be left out";
    super::content::InsidePath, "inside-path", "a path inside of a folder, without `..`";
    super::content::Sha256Text, "sha256", "a SHA-256 in lower-case hexadecimal";
    super::content::Word, "word", "one word without spaces";
    super::names::CheckId, "check-id", "the id of a check, such as `memory.size`";
    super::names::Direct, "direct", "a host, a domain such as `.example.org`, an address or a network";
    super::names::DomainName, "domain-name", "a DNS domain, such as `example.org`";
    super::names::HostLabel, "host-label", "one DNS label, such as `cloud1`";
    super::names::HostOrIp, "host", "a host name or an IP address";
    super::names::ReleaseName, "release", "a release of the engine, in quotes, such as `\"2025.1\"`";
    super::names::Role, "role", "a role's name: lower-case letters, digits and `-`";
    super::names::ServiceName, "service", "a service of `profiles/services.yaml`, such as `horizon`";
    super::names::UserName, "user-name", "a Unix user name";
    super::cloud::VolumeGroup, "volume-group", "the name of an LVM volume group";
    super::nets::Cidr, "cidr", "a network, such as `192.168.16.0/24`";
    super::nets::InterfaceAddress, "interface-address", "an address with its prefix length, such as `192.0.2.10/24`";
    super::selector::DeviceName, "device-name", "a serial number, or a name below /dev/disk/by-id";
    super::selector::Pattern, "pattern", "text that must match as a whole; `*` stands for any text, `?` for one character, `|` parts alternatives";
    super::selector::SizeRange, "size-range", "a size, `>=200GiB`, `<2TB`, or both ends as `200GiB..2TB`";
    super::ssh_key::SshKey, "ssh-key", "an OpenSSH public key line";
    super::system::KollaVariable, "kolla-variable", "a variable of kolla-ansible, such as `openstack_service_workers`";
    super::system::Locale, "locale", "a locale, such as `C.UTF-8`";
    super::system::PathText, "path", "an absolute path, or one that begins with `~/`";
    super::system::SysctlKey, "sysctl-key", "a kernel parameter, such as `vm.swappiness`";
    super::system::TimeZone, "time-zone", "a time zone of the tz database, such as `Europe/Berlin`";
    super::system::Url, "http-url", "an http or https URL";
}

/// The reader that a schema names by its `format`, or for quantities by their `pattern`, and its name.
pub(super) fn reader_of(schema: &Value) -> Option<(&str, Reader)> {
    let pattern = |quantity: schemars::Schema| quantity.get("pattern").cloned();
    let mut generator = schemars::SchemaGenerator::default();
    match (schema.get("format").and_then(Value::as_str), schema.get("pattern")) {
        (Some(format), _) => Some((format, reader(format)?)),
        (None, Some(own)) if Some(own) == pattern(Bytes::json_schema(&mut generator)).as_ref() => {
            Some(("size", |text| text.parse::<Bytes>().map(drop)))
        }
        (None, Some(own)) if Some(own) == pattern(Mac::json_schema(&mut generator)).as_ref() => {
            Some(("MAC address", |text| text.parse::<Mac>().map(drop)))
        }
        _ => None,
    }
}

fn address<T: std::str::FromStr>(text: &str, example: &str) -> Result<(), String> {
    text.parse::<T>().map(drop).map_err(|_| format!("`{text}` is no IP address: write one such as {example}"))
}
