//! Checks a bundle: signature, then every file against its digest; everything that is wrong, at once.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    MANIFEST, OCI, SIGNATURE,
    digest::{self, Sum},
    key::{self, PublicKey},
    manifest::{self, Kind, Manifest},
    news::{Listener, News, Units},
    oci,
};
use crate::{
    boxfile::content::{InsidePath, Sha256Text},
    failure::{Exit, Failure},
};

/// A bundle whose manifest is signed and read; its files are not looked at yet.
#[derive(Clone, Debug)]
pub struct Opened {
    pub folder: PathBuf,
    pub manifest: Manifest,
    /// Whose signature it is.
    pub key: PublicKey,
}

/// A file that a bundle has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub path: InsidePath,
    pub size: u64,
    pub sha256: Sha256Text,
    /// What it is there for, for people.
    pub part: String,
}

impl Opened {
    /// Reads the manifest of a bundle and checks its signature. Exit 2, 7 or 8, see [`key::check`].
    pub fn read(folder: &Path, wanted: Option<PublicKey>) -> Result<Self, Failure> {
        let manifest = bytes(folder, MANIFEST, manifest::SIZE_MAX)?;
        let signature = bytes(folder, SIGNATURE, manifest::SIZE_MAX)?;
        let key = key::check(&manifest, &signature, wanted)?;
        let name = folder.join(MANIFEST).display().to_string();
        Ok(Self { folder: folder.to_owned(), manifest: Manifest::parse(&name, &manifest)?, key })
    }

    /// Every file with its digest, each once; images down to their layers. Exit 7 where an image cannot be read.
    pub fn items(&self) -> Result<Vec<Item>, Failure> {
        let mut items: BTreeMap<InsidePath, Item> = BTreeMap::new();
        let mut faults = Vec::new();
        for part in &self.manifest.parts {
            let name = format!("{} {} {}", part.kind, part.name, part.version);
            let item = Item {
                path: part.path.clone(),
                size: part.size,
                sha256: part.sha256.clone(),
                part: name.clone(),
            };
            if part.kind == Kind::Image {
                match self.image(&item) {
                    Ok(blobs) => items.extend(blobs.into_iter().map(|blob| (blob.path.clone(), blob))),
                    Err(why) => faults.push(format!("`{}` ({name}): {why}", item.path)),
                }
            }
            items.insert(item.path.clone(), item);
        }
        for file in &self.manifest.files {
            let (path, sha256) = (file.path.clone(), file.sha256.clone());
            items.insert(path.clone(), Item { path, size: file.size, sha256, part: "index".to_owned() });
        }
        match faults.is_empty() {
            true => Ok(items.into_values().collect()),
            false => Err(damaged(&faults)),
        }
    }

    /// The configuration and the layers of an image, from a manifest that is what its digest says.
    fn image(&self, item: &Item) -> Result<Vec<Item>, String> {
        if item.size > oci::MANIFEST_MAX {
            return Err(format!("{} bytes are no manifest of an image", item.size));
        }
        let sum = |bytes: &[u8]| Sum::of(bytes) == Sum { size: item.size, sha256: item.sha256.clone() };
        let path = item.path.below(&self.folder);
        let bytes = digest::open(&path).and_then(|file| limited(file, oci::MANIFEST_MAX));
        let bytes = bytes.map_err(|error| said(&error))?;
        if !sum(&bytes) {
            return Err("it is damaged: its digest is another one".to_owned());
        }
        let blobs = oci::blobs(&bytes).map_err(|error| format!("{error:#}"))?;
        Ok(blobs.into_iter().map(|blob| blob_item(blob, &item.part)).collect())
    }
}

fn blob_item(blob: oci::Blob, part: &str) -> Item {
    let path = format!("{OCI}/blobs/sha256/{}", blob.sha256);
    let path = path.parse().unwrap_or_else(|why: String| unreachable!("{why}"));
    Item { path, size: blob.size, sha256: blob.sha256, part: part.to_owned() }
}

/// Reads every file. Exit 7 with everything that is wrong.
pub fn verify(opened: &Opened, listener: &dyn Listener) -> Result<Vec<Item>, Failure> {
    let items = opened.items()?;
    let total = items.iter().map(|item| item.size).sum();
    listener.hear(News::Stage { title: "Checking digests", units: Units::Bytes, total });
    let faults = faults(&opened.folder, &items, listener);
    listener.hear(News::Ended);
    match faults.is_empty() {
        true => Ok(items),
        false => Err(damaged(&faults)),
    }
}

/// What is wrong with these files, in the order of their paths; the large ones are begun first.
fn faults(folder: &Path, items: &[Item], listener: &dyn Listener) -> Vec<String> {
    let mut order: Vec<&Item> = items.iter().collect();
    order.sort_by_key(|item| std::cmp::Reverse(item.size));
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some(item) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(why) = fault(folder, item, listener) {
                let text = format!("`{}` ({}): {why}", item.path, item.part);
                faults.lock().unwrap_or_else(PoisonError::into_inner).insert(item.path.clone(), text);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(work);
        }
    });
    faults.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// What is wrong with one file.
pub fn fault(folder: &Path, item: &Item, listener: &dyn Listener) -> Option<String> {
    let path = item.path.below(folder);
    let size = match fs::symlink_metadata(&path) {
        Ok(meta) => meta.len(),
        Err(error) => return Some(said(&error)),
    };
    // A size that is wrong is known without reading.
    if size != item.size {
        return Some(format!("it has {size} bytes instead of {}", item.size));
    }
    match Sum::of_file(&path, |read| listener.hear(News::Advanced(read))) {
        Ok(sum) if sum.sha256 == item.sha256 => None,
        Ok(sum) => Some(format!("it is damaged: its digest is {} instead of {}", sum.sha256, item.sha256)),
        Err(error) => Some(said(&error)),
    }
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is missing".to_owned(),
        _ => error.to_string(),
    }
}

fn damaged(faults: &[String]) -> Failure {
    Failure::new(Exit::Verify, format!("the bundle is damaged:\n{}", faults.join("\n"))).hint(
        "`ciab bundle build` over the same folder makes again what is damaged, or copy these files again.",
    )
}

fn bytes(folder: &Path, name: &str, limit: usize) -> Result<Vec<u8>, Failure> {
    let path = folder.join(name);
    let bytes = digest::open(&path).and_then(|file| limited(file, limit as u64 + 1));
    bytes.map_err(|error| {
        let failure = Failure::new(Exit::Usage, format!("read {}: {error}", path.display()));
        match error.kind() {
            io::ErrorKind::NotFound => {
                failure.hint("A bundle that `ciab bundle build` has not finished has none yet.")
            }
            _ => failure,
        }
    })
}

fn limited(file: fs::File, limit: u64) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bundle::{key::Key, news::Nobody};

    /// A bundle of one image of one layer, and one index.
    pub(in crate::bundle) fn bundle() -> (tempfile::TempDir, Opened) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("b");
        let blobs = root.join("oci/blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        let put = |bytes: &[u8]| {
            let sum = Sum::of(bytes);
            fs::write(blobs.join(sum.sha256.as_str()), bytes).unwrap();
            sum
        };
        let (config, layer) = (put(b"config"), put(b"layer"));
        let one = |sum: &Sum| serde_json::json!({"mediaType": "m", "size": sum.size, "digest": format!("sha256:{}", sum.sha256)});
        let image = serde_json::json!({"schemaVersion": 2, "config": one(&config), "layers": [one(&layer)]});
        let image = put(image.to_string().as_bytes());
        let mut manifest = manifest::tests::sample();
        manifest.parts[0].path = format!("oci/blobs/sha256/{}", image.sha256).parse().unwrap();
        (manifest.parts[0].size, manifest.parts[0].sha256) = (image.size, image.sha256);
        fs::create_dir_all(root.join("apt")).unwrap();
        fs::write(root.join("apt/Release"), "r").unwrap();
        let release = Sum::of(b"r");
        (manifest.files[0].size, manifest.files[0].sha256) = (release.size, release.sha256);
        let text = manifest.text().unwrap();
        let key = Key::of_builder(&key::usual(folder.path())).unwrap();
        fs::write(root.join(MANIFEST), &text).unwrap();
        fs::write(root.join(SIGNATURE), key.signature(text.as_bytes())).unwrap();
        let opened = Opened::read(&root, Some(key.public())).unwrap();
        (folder, opened)
    }

    #[test]
    fn a_whole_bundle_passes_down_to_the_layers() {
        let (_folder, opened) = bundle();
        assert_eq!(verify(&opened, &Nobody).unwrap().len(), 4);
    }

    #[test]
    fn one_byte_anywhere_is_found_and_all_of_it_is_told() {
        let (_folder, opened) = bundle();
        let items = opened.items().unwrap();
        for item in &items {
            let path = item.path.below(&opened.folder);
            let whole = fs::read(&path).unwrap();
            let mut bytes = whole.clone();
            bytes[0] ^= 1;
            for wrong in [&bytes[..], &whole[..whole.len() - 1], b""] {
                fs::write(&path, wrong).unwrap();
                let failure = verify(&opened, &Nobody).unwrap_err();
                assert_eq!(failure.exit, Exit::Verify);
                assert!(failure.message.contains(item.path.as_str()), "{failure}");
            }
            fs::remove_file(&path).unwrap();
            assert!(verify(&opened, &Nobody).unwrap_err().message.contains("it is missing"));
            fs::write(&path, whole).unwrap();
        }
        let layers: Vec<_> =
            items.iter().filter(|item| item.size == 5 || item.path.as_str().starts_with("apt")).collect();
        layers.iter().for_each(|item| fs::write(item.path.below(&opened.folder), "x").unwrap());
        let told = verify(&opened, &Nobody).unwrap_err().message;
        assert!(layers.len() == 2 && layers.iter().all(|item| told.contains(item.path.as_str())), "{told}");
    }

    #[test]
    fn a_link_to_something_endless_is_not_followed() {
        let (_folder, opened) = bundle();
        let path = opened.folder.join("apt/Release");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(verify(&opened, &Nobody).is_err());
    }

    #[test]
    fn a_folder_without_a_manifest_is_no_bundle() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Opened::read(folder.path(), None).unwrap_err().exit, Exit::Usage);
    }
}
