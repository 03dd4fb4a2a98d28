//! `apt`, `tls` and `tuning`: how the host itself is set up.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{names::checked, secret::SecretRef};
use crate::units::Bytes;

/// Where packages come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Apt {
    /// The archive to install from. Left out, the box's own sources are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Url>,
    /// The archive of security updates. Left out, the distribution's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_mirror: Option<Url>,
    /// What is updated without being asked.
    pub upgrades: Upgrades,
}

/// What `unattended-upgrades` may install.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Upgrades {
    /// Security updates only; the container engine is held.
    #[default]
    Security,
    /// Nothing.
    None,
}

/// Certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file, on this machine, of your certificate authority; the box trusts it instead of one made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathText>,
    /// The certificate of your own for the cloud's endpoints, PEM, with those between it and its authority behind it;
    /// a file or a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<SecretRef>,
    /// Its private key, PEM (PKCS #8) without a passphrase; a file or a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretRef>,
}

/// Settings of the host that the profile has values for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// The time zone.
    pub timezone: TimeZone,
    /// The locale.
    pub locale: Locale,
    /// Kernel parameters that replace or add to those of the profile.
    #[schemars(with = "BTreeMap<String, SysctlValue>", extend("propertyNames" = {"format": "sysctl-key"}))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctl: BTreeMap<SysctlKey, SysctlValue>,
    /// Limits of every login that replace those of the profile.
    pub limits: Limits,
    /// Sizes of logs.
    pub logs: Logs,
    /// What runs virtual machines. Left out, the processor decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtualisation: Option<Virtualisation>,
    /// Variables of kolla-ansible, for engine `kolla`, that replace those of ciab. No secrets.
    #[schemars(with = "BTreeMap<String, SysctlValue>", extend("propertyNames" = {"format": "kolla-variable"}))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kolla: BTreeMap<KollaVariable, SysctlValue>,
}

/// What runs virtual machines, libvirt's `virt_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Virtualisation {
    /// The processor, at full speed.
    Kvm,
    /// Emulation, many times slower; for a box that is a virtual machine without nesting.
    Qemu,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            timezone: TimeZone("Etc/UTC".to_owned()),
            locale: Locale("C.UTF-8".to_owned()),
            sysctl: BTreeMap::new(),
            limits: Limits::default(),
            logs: Logs::default(),
            virtualisation: None,
            kolla: BTreeMap::new(),
        }
    }
}

/// Limits of every login, limits.conf(5). Left out, the profile's value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open files of one process.
    #[schemars(range(min = 1024, max = 1_073_741_816))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nofile: Option<u32>,
    /// Processes of one user.
    #[schemars(range(min = 256, max = 4_194_304))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nproc: Option<u32>,
}

/// Sizes of logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// The whole journal. Left out, it is sized from the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<Bytes>,
    /// One log file of one container.
    pub container: Bytes,
    /// Log files that are kept of one container.
    #[schemars(range(min = 1, max = 100))]
    pub container_files: u32,
}

impl Default for Logs {
    fn default() -> Self {
        // 150 MiB for each container; Docker's own default is one file without an end.
        Self { journal: None, container: Bytes::mib(50), container_files: 3 }
    }
}

/// A value of a kernel parameter; a number in the file is kept as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysctlValue(String);

impl SysctlValue {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SysctlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SysctlValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<i64>() {
            Ok(number) if number.to_string() == self.0 => serializer.serialize_i64(number),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for SysctlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = SysctlValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a line of text")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<SysctlValue, E> {
                Ok(SysctlValue(number.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<SysctlValue, E> {
                Ok(SysctlValue(number.to_string()))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SysctlValue, E> {
                sysctl_value(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for SysctlValue {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SysctlValue".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a number or a line of text", "type": ["string", "integer"], "format": "sysctl-value"
        })
    }
}

/// Reads a value as sysctl.d(5) holds it: one line, not empty.
pub(super) fn sysctl_value(text: &str) -> Result<SysctlValue, String> {
    if text.trim().is_empty() || text.chars().any(|c| c.is_control() && c != '\t') {
        Err("a kernel parameter's value is one line of text".to_owned())
    } else {
        Ok(SysctlValue(text.to_owned()))
    }
}

checked!(
    /// The name of a kernel parameter with dots, as `sysctl -a` prints it.
    SysctlKey,
    |text| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "_-/*".contains(c);
        let good = text.contains('.') && text.split('.').all(|part| !part.is_empty() && part.chars().all(inside));
        if good { Ok(()) } else { Err(format!("`{text}` is no kernel parameter: write one such as vm.swappiness")) }
    }
);

checked!(
    /// The name of a variable of kolla-ansible, such as `openstack_service_workers`.
    KollaVariable,
    |text| {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let secret = ["_password", "_secret", "_ssh_key", "_secret_key", "_private_key"];
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(inside) {
            Err(format!("`{text}` is no variable of kolla-ansible: use a-z, 0-9 and `_`"))
        } else if secret.iter().any(|end| text.ends_with(end)) {
            Err(format!("`{text}` is a secret, and a box file holds none"))
        } else {
            Ok(())
        }
    }
);

checked!(
    /// A name of the tz database; whether the box has it is the box's to say.
    TimeZone,
    |text| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "_+-".contains(c);
        let good = text.split('/').all(|part| !part.is_empty() && part.chars().all(inside));
        if good { Ok(()) } else { Err(format!("`{text}` is no time zone: write one such as Europe/Berlin")) }
    }
);

checked!(
    /// A locale in UTF-8, `C.UTF-8` or `language_COUNTRY.UTF-8`.
    Locale,
    |text| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@';
        let name = text.strip_suffix(".UTF-8").unwrap_or_default();
        let good = !name.is_empty() && name.chars().all(inside);
        if good { Ok(()) } else { Err(format!("`{text}` is no UTF-8 locale: write one such as de_DE.UTF-8")) }
    }
);

checked!(
    /// A path on the machine that `ciab` runs on.
    PathText,
    |text| {
        if text.chars().any(char::is_control) {
            Err("a path is one line".to_owned())
        } else if text.starts_with('/') || text.starts_with("~/") {
            Ok(())
        } else {
            Err(format!("`{text}` depends on the current folder: begin it with / or ~/"))
        }
    }
);

impl PathText {
    /// The path with `~` replaced by `home`.
    pub fn expand(&self, home: Option<&Path>) -> Result<PathBuf, String> {
        match (self.as_str().strip_prefix("~/"), home) {
            (None, _) => Ok(PathBuf::from(self.as_str())),
            (Some(rest), Some(home)) => Ok(home.join(rest)),
            (Some(_), None) => Err(format!("`{self}`: HOME is not set")),
        }
    }
}

checked!(
    /// An http or https URL without a user name and password, since the box file holds no secrets.
    Url,
    |text| {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        if authority.contains('@') {
            Err("a URL in a box file holds no user name and password".to_owned())
        } else if authority.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"') {
            Err(format!("`{text}` is no URL: write one such as http://deb.example.org/debian"))
        } else {
            Ok(())
        }
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_hold_no_passwords() {
        for good in ["http://a", "https://a.b:8080/c?d=e@f"] {
            assert!(good.parse::<Url>().is_ok(), "{good}");
        }
        for bad in ["", "a", "ftp://a", "http://", "http://u:p@a/", "http://a b", "http://a\n"] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_do_not_depend_on_the_current_folder() {
        let path: PathText = "~/.ssh/id".parse().unwrap();
        assert_eq!(path.expand(Some(Path::new("/home/a"))), Ok(PathBuf::from("/home/a/.ssh/id")));
        assert!(path.expand(None).is_err());
        assert!("id".parse::<PathText>().is_err());
    }

    #[test]
    fn settings_are_checked_by_shape() {
        assert!("net.ipv4.conf.all.rp_filter".parse::<SysctlKey>().is_ok());
        assert!("swappiness".parse::<SysctlKey>().is_err());
        assert!("America/Argentina/Ushuaia".parse::<TimeZone>().is_ok());
        assert!("../etc/passwd".parse::<TimeZone>().is_err());
        assert!("de_DE.UTF-8".parse::<Locale>().is_ok());
        assert!("de_DE".parse::<Locale>().is_err());
    }
}
