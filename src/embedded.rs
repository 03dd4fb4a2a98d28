//! The texts embedded in this program: `templates/`, `profiles/`, `bundle/`, `iso/` and the schema of the box file, packed by
//! `build.rs` to a sixth and unpacked whole when the first of them is asked for.

use std::sync::LazyLock;

use miniz_oxide::inflate::decompress_to_vec;

/// Names, ordered, with the first byte of each text and the byte after its last.
const TABLE: &[(&str, usize, usize)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

fn texts() -> &'static str {
    static TEXTS: LazyLock<String> = LazyLock::new(|| {
        let packed = include_bytes!(concat!(env!("OUT_DIR"), "/embedded"));
        let bytes =
            decompress_to_vec(packed).unwrap_or_else(|error| unreachable!("what build.rs packed: {error}"));
        String::from_utf8(bytes).unwrap_or_else(|error| unreachable!("what build.rs packed: {error}"))
    });
    &TEXTS
}

/// A text by its path in the repository, such as `profiles/core.yaml`.
pub fn find(path: &str) -> Option<&'static str> {
    let at = TABLE.binary_search_by_key(&path, |(name, ..)| name).ok()?;
    let (_, first, end) = TABLE[at];
    Some(&texts()[first..end])
}

/// A text that this program was built with: each path stands in the source, and the tests ask for every one.
pub fn text(path: &'static str) -> &'static str {
    find(path).unwrap_or_else(|| unreachable!("{path} is not embedded"))
}

/// The paths below a folder, ordered.
pub fn below(folder: &str) -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .map(|(name, ..)| *name)
        .filter(move |name| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_text_is_the_file_of_the_repository() {
        for (name, ..) in TABLE {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            assert_eq!(find(name).unwrap(), fs::read_to_string(file).unwrap(), "{name}");
        }
        assert!(TABLE.is_sorted());
        assert_eq!(find("profiles/none.yaml"), None);
    }

    #[test]
    fn folders_are_told_by_their_whole_name() {
        assert!(below("profiles").any(|name| name == "profiles/core.yaml"));
        assert_eq!(below("profile").count(), 0);
    }
}
