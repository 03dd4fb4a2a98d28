//! What a flavor's name stands for, as nova is told it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::FlavorName;

/// A flavor as openstack-flavor-manager reads it: every key with a `:` is an extra spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Definition {
    pub name: String,
    pub cpus: u32,
    /// MiB.
    pub ram: u64,
    /// GB; 0 for a server that boots from a volume.
    pub disk: u64,
    pub specs: BTreeMap<&'static str, String>,
}

impl From<&FlavorName> for Definition {
    /// The extra specs are those of SCS-0103-v1 and, for entropy, SCS-0101-v1.
    fn from(name: &FlavorName) -> Self {
        let mut specs = BTreeMap::from([
            ("scs:name-v1", name.v1()),
            ("scs:name-v2", name.to_string()),
            ("scs:cpu-type", name.cpu.property().to_owned()),
            ("hw_rng:allowed", "True".to_owned()),
        ]);
        let kind = name.disk.and_then(|disk| disk.kind);
        specs.extend(kind.map(|kind| ("scs:disk0-type", kind.property().to_owned())));
        Self { name: name.to_string(), cpus: name.cpus, ram: name.mebibytes(), disk: name.gigabytes(), specs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_name_reaches_nova() {
        let made = Definition::from(&"SCS-2V-4-20s".parse::<FlavorName>().unwrap());
        assert_eq!((made.cpus, made.ram, made.disk), (2, 4096, 20));
        let specs: Vec<String> = made.specs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            specs,
            [
                "hw_rng:allowed=True",
                "scs:cpu-type=shared-core",
                "scs:disk0-type=ssd",
                "scs:name-v1=SCS-2V:4:20s",
                "scs:name-v2=SCS-2V-4-20s",
            ]
        );
        let plain = Definition::from(&"SCS-1L-1".parse::<FlavorName>().unwrap());
        assert_eq!(plain.specs["scs:cpu-type"], "crowded-core");
        assert!(!plain.specs.contains_key("scs:disk0-type"), "there is no disk to have a kind");
    }
}
