//! Lets docker-registry hand out the images of a bundle from where they lie: its storage is made of second names.
//!
//! The layout is that of the storage driver `filesystem` of Docker Distribution 2.x (`registry/storage/paths.go`): a blob
//! at `blobs/sha256/<first two digits>/<digest>/data`, and small files that name digests in each repository. Tool and
//! bundle are on one file system, so a blob costs no second time its size.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{
    OCI,
    manifest::{Kind, Manifest},
    oci,
};
use crate::boxfile::content::Sha256Text;

/// The storage's root below what the registry is told is its folder.
const V2: &str = "docker/registry/v2";

/// Makes the storage of all images in `storage`; what an earlier bundle left there goes. The bundle was verified.
pub fn storage(bundle: &Path, manifest: &Manifest, storage: &Path) -> Result<()> {
    let root = storage.join(V2);
    let mut blobs: BTreeSet<Sha256Text> = BTreeSet::new();
    let mut links: BTreeMap<String, String> = BTreeMap::new();
    for part in manifest.parts.iter().filter(|part| part.kind == Kind::Image) {
        let bytes = fs::read(part.path.below(bundle)).with_context(|| format!("read {}", part.path))?;
        let repository = format!("repositories/{}", part.name);
        let mut link = |path: String, sha256: &Sha256Text| {
            links.insert(format!("{repository}/{path}/link"), format!("sha256:{sha256}"));
        };
        let own = &part.sha256;
        link(format!("_manifests/revisions/sha256/{own}"), own);
        link(format!("_manifests/tags/{}/current", part.version), own);
        link(format!("_manifests/tags/{}/index/sha256/{own}", part.version), own);
        blobs.insert(own.clone());
        for blob in oci::blobs(&bytes).with_context(|| format!("read {}", part.path))? {
            link(format!("_layers/sha256/{}", blob.sha256), &blob.sha256);
            blobs.insert(blob.sha256);
        }
    }
    for sha256 in &blobs {
        let from = bundle.join(OCI).join("blobs/sha256").join(sha256.as_str());
        let to = root.join(blob_path(sha256));
        second_name(&from, &to)?;
    }
    for (path, text) in &links {
        let path = root.join(path);
        if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            super::write(&path, text.as_bytes())?;
        }
    }
    let keep: BTreeSet<_> =
        links.into_keys().chain(blobs.iter().map(blob_path)).map(|path| root.join(path)).collect();
    prune(&root, &keep)
}

/// Whether the storage has all images, each blob being the bundle's own file. What is missing, if something is.
pub fn lacks(bundle: &Path, manifest: &Manifest, storage: &Path) -> Result<Option<String>> {
    let root = storage.join(V2);
    for part in manifest.parts.iter().filter(|part| part.kind == Kind::Image) {
        let tag =
            root.join(format!("repositories/{}/_manifests/tags/{}/current/link", part.name, part.version));
        let linked = fs::read_to_string(&tag).unwrap_or_default();
        let bytes = fs::read(part.path.below(bundle)).with_context(|| format!("read {}", part.path))?;
        let mut blobs = oci::blobs(&bytes)?.into_iter().map(|blob| blob.sha256).chain([part.sha256.clone()]);
        let whole = |sha256: Sha256Text| {
            let from = bundle.join(OCI).join("blobs/sha256").join(sha256.as_str());
            same_file(&from, &root.join(blob_path(&sha256)))
        };
        if linked != format!("sha256:{}", part.sha256) || !blobs.all(whole) {
            return Ok(Some(format!("{}:{}", part.name, part.version)));
        }
    }
    Ok(None)
}

/// The settings of a registry that hands out a storage and takes nothing.
pub fn config(storage: &Path, address: &str) -> String {
    format!(
        "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
         rootdirectory: '{}'\n  maintenance:\n    readonly:\n      enabled: true\nhttp:\n  addr: '{address}'\n",
        storage.display().to_string().replace('\'', "''")
    )
}

fn blob_path(sha256: &Sha256Text) -> String {
    format!("blobs/sha256/{}/{sha256}/data", &sha256.as_str()[..2])
}

fn same_file(a: &Path, b: &Path) -> bool {
    let id = |path: &Path| fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    id(a).is_some() && id(a) == id(b)
}

fn second_name(from: &Path, to: &Path) -> Result<()> {
    if same_file(from, to) {
        return Ok(());
    }
    let about = || format!("link {} to {}", to.display(), from.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(about)?;
    }
    match fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(about),
        _ => {}
    }
    fs::hard_link(from, to).with_context(about)
}

/// Takes away every file that is not kept, and folders that are empty then.
fn prune(folder: &Path, keep: &BTreeSet<std::path::PathBuf>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            prune(&path, keep)?;
            // One with something in it stays.
            let _ = fs::remove_dir(&path);
        } else if !keep.contains(&path) {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{manifest::Part, verify::tests::bundle};

    #[test]
    fn a_storage_is_made_of_second_names_and_follows_the_bundle() {
        let (folder, opened) = bundle();
        let at = opened.folder.join("registry");
        let missing = || lacks(&opened.folder, &opened.manifest, &at).unwrap();
        assert!(missing().is_some());
        for _ in 0..2 {
            storage(&opened.folder, &opened.manifest, &at).unwrap();
            assert_eq!(missing(), None);
        }
        let part: &Part = &opened.manifest.parts[0];
        let blob = at.join(V2).join(blob_path(&part.sha256));
        assert_eq!(fs::metadata(&blob).unwrap().nlink(), 2);
        let tag =
            at.join(V2).join("repositories/kolla/cron/_manifests/tags/2025.1-debian-bookworm/current/link");
        assert_eq!(fs::read_to_string(&tag).unwrap(), format!("sha256:{}", part.sha256));
        fs::remove_file(&blob).unwrap();
        assert!(missing().is_some());
        // Another bundle takes the place of this one.
        let none = Manifest { parts: Vec::new(), ..opened.manifest.clone() };
        storage(&opened.folder, &none, &at).unwrap();
        assert!(!tag.exists());
        drop(folder);
    }
}
