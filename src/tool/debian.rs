//! A Debian 12 in a folder, from its packages: the words for mmdebstrap(1), and files of ours put into it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, Result};

pub(crate) const CODENAME: &str = "bookworm";

/// Makes it from the Debian sources of this machine, without manual pages; `packages` has a name a line, `more` are further
/// options.
pub(crate) fn bootstrap(packages: &str, more: &[&str], to: &Path) -> Vec<String> {
    let include = format!("--include={}", packages.lines().collect::<Vec<_>>().join(","));
    let usual = [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        &include,
        "--aptopt=Acquire::Languages \"none\"",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=force-unsafe-io",
    ];
    let words = usual.iter().chain(more).chain([&CODENAME]).map(|word| (*word).to_owned());
    words.chain([to.display().to_string()]).collect()
}

/// Writes a file anew, with its folders. Nobody may read it in between who may not read it afterwards.
pub(crate) fn put(path: &Path, text: &str, mode: u32) -> Result<()> {
    let about = || format!("write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(about)?;
    }
    let _ = fs::remove_file(path);
    fs::write(path, "").with_context(about)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(about)?;
    fs::write(path, text).with_context(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a/b"), folder.path().join("other"));
        put(&path, "old", 0o644).unwrap();
        put(&path, "new", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&other, "mine").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        put(&path, "new", 0o644).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    }

    #[test]
    fn options_of_ones_own_stand_before_the_suite_and_the_folder() {
        let words = bootstrap("b\na\n", &["--more"], Path::new("/to"));
        assert_eq!(words[words.len() - 3..], ["--more", CODENAME, "/to"]);
        assert!(words.contains(&"--include=b,a".to_owned()));
    }
}
