//! `profiles/flavors.yaml`: the flavors that the standards want of a cloud.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{boxfile::document, scs::FlavorName};

const FILE: &str = "profiles/flavors.yaml";

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flavors {
    /// SCS-0103-v1, in its order.
    pub mandatory: Vec<FlavorName>,
}

/// The flavors of this program.
pub fn flavors() -> &'static Flavors {
    static FLAVORS: OnceLock<Flavors> = OnceLock::new();
    FLAVORS.get_or_init(|| document::embedded(FILE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_stand_once_and_as_they_are_written() {
        let names: BTreeSet<String> = flavors().mandatory.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 15, "SCS-0103-v1 has fifteen");
    }
}
