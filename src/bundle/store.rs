//! A bundle on the box: what it lacks, pieces of files as they come, and the end of an import.
//!
//! A file grows in `.incoming/` under its digest and gets its place when it is whole, so an import that is cut goes on
//! at the byte where it stopped. The manifest comes last.

use std::{
    fs::{self, File},
    io::ErrorKind,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::{
    MANIFEST, SIGNATURE,
    digest::Sum,
    key::{self, PublicKey},
    manifest::Manifest,
    news::Nobody,
    registry,
    verify::{Item, Opened, fault},
};
use crate::boxfile::content::{InsidePath, Sha256Text};

/// Where a box has its bundle.
pub const ROOT: &str = crate::plan::BUNDLE;
/// The storage of the registry, below it.
pub const REGISTRY: &str = "registry";
const INCOMING: &str = ".incoming";

/// A file of a bundle, as engine and helper speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub path: InsidePath,
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256Text,
}

impl From<&Item> for Wanted {
    fn from(item: &Item) -> Self {
        Self { path: item.path.clone(), size: item.size, sha256: item.sha256.clone() }
    }
}

impl Wanted {
    fn item(&self) -> Item {
        Item { path: self.path.clone(), size: self.size, sha256: self.sha256.clone(), part: String::new() }
    }
}

/// A file that is not there yet, and the byte to go on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lack {
    pub wanted: Wanted,
    pub from: u64,
}

/// The bundle's folder on the box.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Those of the files that are missing or damaged, and how many bytes the file system has free.
    pub fn lacks(&self, wanted: &[Wanted]) -> Result<(Vec<Lack>, u64)> {
        let incoming = self.incoming()?;
        let lacking = wanted.iter().filter(|wanted| fault(&self.root, &wanted.item(), &Nobody).is_some());
        let from = |wanted: &Wanted| {
            let there = fs::metadata(incoming.join(wanted.sha256.as_str())).map_or(0, |meta| meta.len());
            // One that is longer is something else.
            if there > wanted.size { 0 } else { there }
        };
        let lacks = lacking.map(|wanted| Lack { from: from(wanted), wanted: wanted.clone() }).collect();
        let free =
            nix::sys::statvfs::statvfs(&self.root).context("ask the file system for its free space")?;
        Ok((lacks, free.blocks_available() * free.fragment_size()))
    }

    /// Takes a piece of a file that goes to byte `at`; with the last one the file gets its place.
    pub fn piece(&self, wanted: &Wanted, at: u64, bytes: &[u8]) -> Result<()> {
        let growing = self.incoming()?.join(wanted.sha256.as_str());
        let about = || format!("write {}", growing.display());
        let end = at + bytes.len() as u64;
        ensure!(end <= wanted.size, "`{}` is longer than its {} bytes", wanted.path, wanted.size);
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&growing);
        let file = file.with_context(about)?;
        if at == 0 {
            file.set_len(0).with_context(about)?;
        }
        let there = file.metadata().with_context(about)?.len();
        ensure!(there >= at, "a piece of `{}` is missing: it goes on at byte {there}, not {at}", wanted.path);
        file.write_all_at(bytes, at).with_context(about)?;
        if end < wanted.size {
            return Ok(());
        }
        file.set_len(end).with_context(about)?;
        let sum = Sum::of_file(&growing, |_| {}).with_context(about)?;
        if sum.sha256 != wanted.sha256 {
            fs::remove_file(&growing).with_context(about)?;
            bail!(
                "`{}` came damaged: its digest is {} instead of {}",
                wanted.path,
                sum.sha256,
                wanted.sha256
            );
        }
        file.sync_all().with_context(about)?;
        let place = wanted.path.below(&self.root);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        fs::rename(&growing, &place).with_context(|| format!("put {} in place", place.display()))
    }

    /// Ends an import: everything is there, what an earlier bundle left goes, the registry's storage is made. `key` is
    /// the one that the engine has compared.
    pub fn finish(&self, manifest: &[u8], signature: &[u8], key: PublicKey) -> Result<()> {
        key::check(manifest, signature, Some(key))?;
        let opened =
            Opened { folder: self.root.clone(), manifest: Manifest::parse(MANIFEST, manifest)?, key };
        let items = opened.items()?;
        // Each was checked when it got its place, or by `lacks`.
        for item in &items {
            let size = fs::symlink_metadata(item.path.below(&self.root)).map(|meta| meta.len()).ok();
            ensure!(size == Some(item.size), "`{}` has not come", item.path);
        }
        remove(&self.root.join(MANIFEST))?;
        let keep = |path: &Path| {
            let inside = path.strip_prefix(&self.root).ok().and_then(Path::to_str).unwrap_or_default();
            items.binary_search_by(|item| item.path.as_str().cmp(inside)).is_ok()
        };
        prune(&self.root, &self.root.join(REGISTRY), &keep)?;
        registry::storage(&self.root, &opened.manifest, &self.root.join(REGISTRY))?;
        super::write(&self.root.join(SIGNATURE), signature)?;
        super::write(&self.root.join(MANIFEST), manifest)?;
        let root = File::open(&self.root).with_context(|| format!("open {}", self.root.display()))?;
        nix::unistd::syncfs(root).context("sync the bundle")
    }

    /// What of its own bundle the box lacks, if it does: files by their size, which is all that can be seen in a moment.
    pub fn there(&self) -> Result<Option<String>> {
        if !self.root.join(MANIFEST).exists() {
            return Ok(Some(format!(
                "there is no bundle in {}: `ciab bundle import` brings one",
                self.root.display()
            )));
        }
        let opened = Opened::read(&self.root, None)?;
        for item in opened.items()? {
            if fs::symlink_metadata(item.path.below(&self.root)).map(|meta| meta.len()).ok()
                != Some(item.size)
            {
                return Ok(Some(format!("`{}` of the bundle is not what it was", item.path)));
            }
        }
        let image = registry::lacks(&self.root, &opened.manifest, &self.root.join(REGISTRY))?;
        Ok(image.map(|image| format!("the registry of the bundle lacks {image}")))
    }

    fn incoming(&self) -> Result<PathBuf> {
        let folder = self.root.join(INCOMING);
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        Ok(folder)
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Takes away files that no one keeps, and folders that are empty then; one folder is left as it is.
fn prune(folder: &Path, but: &Path, keep: &dyn Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        if path == but {
            continue;
        }
        if entry.file_type()?.is_dir() {
            prune(&path, but, keep)?;
            // One with something in it stays.
            let _ = fs::remove_dir(&path);
        } else if !keep(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::verify::{tests::bundle, verify};

    /// Brings over what is lacking, in pieces of so many bytes; stops after `stop` of them.
    fn carry(opened: &Opened, store: &Store, piece: usize, stop: usize) -> usize {
        let wanted: Vec<Wanted> = opened.items().unwrap().iter().map(Wanted::from).collect();
        let (lacks, free) = store.lacks(&wanted).unwrap();
        assert!(free > 0);
        let mut sent = 0;
        for Lack { wanted, from } in lacks {
            let bytes = fs::read(wanted.path.below(&opened.folder)).unwrap();
            let mut at = usize::try_from(from).unwrap();
            while at < bytes.len() && sent < stop {
                let end = (at + piece).min(bytes.len());
                store.piece(&wanted, at as u64, &bytes[at..end]).unwrap();
                (at, sent) = (end, sent + 1);
            }
        }
        sent
    }

    fn finish(opened: &Opened, store: &Store) -> Result<()> {
        let read = |name| fs::read(opened.folder.join(name)).unwrap();
        store.finish(&read(MANIFEST), &read(SIGNATURE), opened.key)
    }

    #[test]
    fn an_import_goes_on_where_it_was_cut_wherever_that_was() {
        let (folder, opened) = bundle();
        let whole = carry(&opened, &Store::at(&folder.path().join("whole")), 3, usize::MAX);
        for cut in 0..whole {
            let store = Store::at(&folder.path().join(format!("box{cut}")));
            assert_eq!(carry(&opened, &store, 3, cut), cut);
            let early = finish(&opened, &store);
            assert!(early.is_err(), "{cut}");
            assert!(store.there().unwrap().is_some_and(|why| why.contains("bundle import")));
            assert_eq!(carry(&opened, &store, 3, usize::MAX), whole - cut);
            finish(&opened, &store).unwrap();
            let there = Opened::read(&store.root, Some(opened.key)).unwrap();
            verify(&there, &Nobody).unwrap();
            assert!(!store.root.join(INCOMING).exists());
            assert_eq!(store.there().unwrap(), None);
            assert_eq!(
                registry::lacks(&store.root, &there.manifest, &store.root.join(REGISTRY)).unwrap(),
                None
            );
        }
    }

    #[test]
    fn what_comes_damaged_is_refused_and_what_became_damaged_comes_again() {
        let (folder, opened) = bundle();
        let store = Store::at(&folder.path().join("box"));
        let wanted = Wanted::from(&opened.items().unwrap()[0]);
        let mut bytes = fs::read(wanted.path.below(&opened.folder)).unwrap();
        bytes[0] ^= 1;
        assert!(store.piece(&wanted, 0, &bytes).unwrap_err().to_string().contains("came damaged"));
        assert!(store.piece(&wanted, 1, &bytes[1..]).is_err());
        carry(&opened, &store, 1000, usize::MAX);
        finish(&opened, &store).unwrap();
        fs::write(wanted.path.below(&store.root), &bytes[1..]).unwrap();
        assert!(store.there().unwrap().is_some());
        fs::write(wanted.path.below(&store.root), &bytes).unwrap();
        fs::write(store.root.join("stray"), "s").unwrap();
        assert_eq!(carry(&opened, &store, 1000, usize::MAX), 1);
        finish(&opened, &store).unwrap();
        assert!(!store.root.join("stray").exists());
        assert_eq!(carry(&opened, &store, 1000, usize::MAX), 0);
    }
}
