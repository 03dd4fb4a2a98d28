//! What the ids of checks and failures mean, how to look, how to mend.

use std::{collections::BTreeMap, sync::OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::document;

const FILE: &str = "profiles/hints.yaml";

/// One id explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// What it means, in whole sentences.
    pub means: String,
    /// Commands that show more; words in capitals are to be filled in.
    pub look: Vec<String>,
    /// What to do.
    pub mend: String,
    /// Texts in a step's output that point here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

/// All ids, in alphabetical order.
#[derive(Clone, Debug)]
pub struct Hints(BTreeMap<String, Hint>);

/// The hints of this program.
pub fn hints() -> &'static Hints {
    static HINTS: OnceLock<Hints> = OnceLock::new();
    HINTS.get_or_init(|| Hints(document::embedded(FILE)))
}

impl Hints {
    pub fn get(&self, id: &str) -> Option<&Hint> {
        self.0.get(id)
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The likely cause of a failed step: the id whose text stands latest in its output.
    ///
    /// The last words of a program are about what stopped it; earlier ones are often warnings.
    pub fn cause(&self, output: &str) -> Option<(&str, &Hint)> {
        let found = self.0.iter().flat_map(|(id, hint)| {
            hint.causes.iter().filter_map(move |text| Some((output.rfind(text.as_str())?, id, hint)))
        });
        found.max_by_key(|(at, ..)| *at).map(|(_, id, hint)| (id.as_str(), hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxfile::names::CheckId;

    #[test]
    fn every_id_is_well_formed_and_says_something() {
        for id in hints().ids() {
            let hint = hints().get(id).unwrap();
            assert!(id.parse::<CheckId>().is_ok(), "{id}");
            assert!(hint.means.ends_with('.') && hint.mend.len() > 20 && !hint.look.is_empty(), "{id}");
            assert!(hint.causes.iter().all(|text| text.len() > 6), "{id}: a short text is found everywhere");
        }
    }

    #[test]
    fn the_last_words_of_a_program_name_the_cause() {
        let output = "W: Failed to fetch http://a/b\nE: Could not get lock /var/lib/dpkg/lock-frontend.";
        assert_eq!(hints().cause(output).map(|(id, _)| id), Some("apt.lock"));
        assert_eq!(hints().cause("all is well"), None);
    }
}
