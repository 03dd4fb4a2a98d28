//! `profiles/images.yaml`: the images of guests that the standards want of a cloud.

use std::sync::OnceLock;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::boxfile::{document, system::Url};

const FILE: &str = "profiles/images.yaml";

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Document {
    images: Vec<Image>,
}

/// An image as its maker publishes it, and the properties of SCS-0102-v1 that are not the same for all.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// SCS-0104-v1.
    pub name: String,
    /// Whether every cloud has it.
    #[serde(default)]
    pub mandatory: bool,
    /// `image_original_user`.
    pub login: String,
    /// GiB.
    pub min_disk: u32,
    /// MiB.
    pub min_ram: u32,
    /// `os_distro`.
    pub distribution: String,
    /// `os_version`.
    pub version: String,
    /// `os_purpose`.
    pub purpose: Purpose,
    /// `replace_frequency`.
    pub replaced: Frequency,
    /// `uuid_validity`: `last-N`, or one of the words of the standard.
    pub kept: String,
    /// `provided_until`: a date, or `none`.
    pub provided_until: String,
    /// The day that its file was made.
    #[schemars(with = "String", extend("format" = "date"))]
    pub build: Date,
    /// `image_source`: the maker's own address, wherever the file is fetched from.
    pub url: Url,
    /// Kind and digits of the file's digest.
    pub digest: String,
}

/// What an image is for, SCS-0102-v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Generic,
    Minimal,
    K8snode,
    Gpu,
    Network,
    Custom,
}

/// How often an image is replaced, SCS-0102-v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    Yearly,
    Quarterly,
    Monthly,
    Weekly,
    Daily,
    CriticalBug,
    Never,
}

/// The images of this program.
pub fn images() -> &'static [Image] {
    static IMAGES: OnceLock<Document> = OnceLock::new();
    &IMAGES.get_or_init(|| document::embedded(FILE)).images
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn one_general_image_a_system_and_the_mandatory_one_among_them() {
        let names: BTreeSet<&str> = images().iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names.len(), images().len());
        let systems: BTreeSet<(&str, &str)> = images()
            .iter()
            .filter(|image| image.purpose == Purpose::Generic)
            .map(|image| (image.distribution.as_str(), image.version.as_str()))
            .collect();
        assert_eq!(systems.len(), images().len(), "SCS-0102-v1: at most one is `generic`");
        let mandatory: Vec<&str> =
            images().iter().filter(|image| image.mandatory).map(|image| image.name.as_str()).collect();
        assert_eq!(mandatory, ["Ubuntu 24.04"]);
    }

    #[test]
    fn a_digest_says_its_kind_and_has_the_length_of_it() {
        for image in images() {
            let (kind, digits) = image.digest.split_once(':').unwrap();
            let length = match kind {
                "sha256" => 64,
                "sha512" => 128,
                _ => panic!("{kind}"),
            };
            assert!(
                digits.len() == length && digits.chars().all(|c| c.is_ascii_hexdigit()),
                "{}",
                image.name
            );
        }
    }
}
