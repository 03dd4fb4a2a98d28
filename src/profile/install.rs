//! `profiles/install.yaml`: how the disk of a system is laid out.

use std::{collections::BTreeMap, sync::OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    boxfile::{content::Word, document},
    units::Bytes,
};

const FILE: &str = "profiles/install.yaml";

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// A root that is smaller is refused.
    pub minimum: Bytes,
    /// Where that figure comes from.
    pub source: String,
    /// From the beginning of the disk on, one of each kind. Those without a size are there as the box file wants them.
    pub partitions: Vec<LayoutPart>,
    /// The name of the root until the installation is finished.
    pub unfinished: Word,
    /// Seconds that a step takes, by its name.
    pub estimates: BTreeMap<String, u32>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayoutPart {
    /// Its name in the GPT.
    pub name: Word,
    pub kind: PartKind,
    /// Left out, what the box file says, or all that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
}

/// What a partition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    Bios,
    Efi,
    Swap,
    Root,
    // A volume group of LVM.
    Volumes,
}

impl PartKind {
    /// The type in the GPT (UEFI 2.10, table 5.7; GRUB manual; discoverable partitions specification), as udev writes it.
    pub fn type_id(self) -> &'static str {
        match self {
            Self::Bios => "21686148-6449-6e6f-744e-656564454649",
            Self::Efi => "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
            Self::Swap => "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
            Self::Root => "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
            Self::Volumes => "e6d6d379-f507-44c2-a23c-238f2a3df928",
        }
    }
}

/// The layout.
pub fn layout() -> &'static Layout {
    static LAYOUT: OnceLock<Layout> = OnceLock::new();
    LAYOUT.get_or_init(|| document::embedded(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_whole() {
        let layout = layout();
        let kinds: Vec<PartKind> = layout.partitions.iter().map(|part| part.kind).collect();
        use PartKind::{Bios, Efi, Root, Swap, Volumes};
        assert_eq!(kinds, [Bios, Efi, Swap, Root, Volumes]);
        let sized = |part: &LayoutPart| matches!(part.kind, Bios | Efi);
        let whole = |part: &LayoutPart| part.size.is_some_and(|size| size.0 > 0 && size.0 % (1 << 20) == 0);
        assert!(layout.partitions.iter().all(|part| sized(part) == whole(part)));
        assert!(layout.partitions.iter().all(|part| part.name != layout.unfinished));
        let sum: u64 = layout.partitions.iter().filter_map(|part| part.size).map(|size| size.0).sum();
        assert!(sum < layout.minimum.0 / 2);
    }
}
