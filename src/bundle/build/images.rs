//! Container images, as one OCI image layout: fetched from a registry, or built here where none is reached.
//!
//! An image is there when its manifest and all that it names have their digests; so a build that was killed goes on, and
//! one over a damaged bundle fetches what is damaged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::Mutex,
};

use anyhow::{Context as _, Result};

use super::{
    Ground, ImageSource, each,
    kolla::Kolla,
    place::{self, made},
    python::Pip,
};
use crate::{
    boxfile::content::Sha256Text,
    bundle::{
        OCI,
        digest::Sum,
        manifest::{Kind, Part},
        needs::Image,
        news::{News, Units},
        oci::{self, Blob},
    },
    tool::call::Call,
};

/// Below `oci/`.
const BLOBS: &str = "blobs/sha256";
/// Copies that run side by side; each already fetches several layers at once.
const COPIES: usize = 2;
/// Until a registry that does not answer is taken for one that is not reached.
const PATIENCE: &str = "30s";

/// A registry, and where in it the images are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct From {
    /// `quay.io/openstack.kolla`
    pub(super) prefix: String,
}

impl From {
    fn of(&self, image: &Image) -> String {
        format!("docker://{}/{}:{}", self.prefix, image.name, image.tag)
    }

    /// Only a registry of this machine is asked without TLS.
    fn options(&self, option: &str) -> Vec<String> {
        let local = ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| self.prefix.starts_with(host));
        if local { vec![format!("{option}=false")] } else { Vec::new() }
    }
}

/// Brings all images to the layout; the parts.
pub(super) fn build(ground: &Ground<'_>, pip: &Pip<'_>, images: &[Image]) -> Result<Vec<Part>> {
    let layout = Layout::of(ground);
    fs::create_dir_all(layout.root.join(BLOBS)).with_context(|| format!("make {}", layout.root.display()))?;
    place::write(&layout.root.join("oci-layout"), oci::LAYOUT.as_bytes())?;
    let mut missing: Vec<&Image> = images.iter().filter(|image| layout.has(image).is_none()).collect();
    if let Some(first) = missing.first() {
        let registry = From { prefix: ground.registry.clone() };
        let fetch = match ground.settings.images {
            ImageSource::Fetch => true,
            ImageSource::Build => false,
            ImageSource::Auto => reached(ground, &registry, first),
        };
        if fetch {
            layout.fetch(&registry, &missing)?;
        } else {
            ground.said(&format!(
                "{} is not asked for images, or does not answer: they are built here",
                registry.prefix
            ));
            let kolla = Kolla::start(ground, pip)?;
            kolla.build(&missing)?;
            layout.fetch(&kolla.registry()?, &missing)?;
        }
        missing.retain(|image| layout.has(image).is_none());
        anyhow::ensure!(
            missing.is_empty(),
            "image {} is not whole, although it was copied",
            missing[0].repository
        );
    }
    layout.publish(images)
}

/// Whether a registry hands out this image.
fn reached(ground: &Ground<'_>, registry: &From, image: &Image) -> bool {
    let mut words = ["skopeo", "--command-timeout", PATIENCE, "inspect", "--raw"].map(str::to_owned).to_vec();
    words.extend(registry.options("--tls-verify"));
    words.push(registry.of(image));
    Call::new(&ground.log("registry"), words).output().is_ok()
}

struct Layout<'a> {
    ground: &'a Ground<'a>,
    root: PathBuf,
    /// What an earlier build has written down.
    earlier: Vec<u8>,
    /// Blobs that were found whole: those that images share are read once.
    whole: Mutex<BTreeSet<Sha256Text>>,
}

impl<'a> Layout<'a> {
    fn of(ground: &'a Ground<'a>) -> Self {
        let root = ground.settings.folder.join(OCI);
        let earlier = fs::read(root.join("index.json")).unwrap_or_default();
        Self { ground, root, earlier, whole: Mutex::new(BTreeSet::new()) }
    }

    fn blob(&self, sha256: &Sha256Text) -> PathBuf {
        self.root.join(BLOBS).join(sha256.as_str())
    }

    /// Where skopeo writes down which manifest an image has; one file an image, since it rewrites it as a whole.
    fn note(&self, image: &Image) -> PathBuf {
        self.ground.work.join("index").join(&image.name)
    }

    /// The manifest of an image that is there as a whole. A blob that is damaged is taken away, so that it is fetched.
    fn has(&self, image: &Image) -> Option<Blob> {
        let name = format!("{}:{}", image.repository, image.tag);
        let note = fs::read(self.note(image).join("index.json")).unwrap_or_default();
        let blob = oci::named(&note, &name).or_else(|_| oci::named(&self.earlier, &name)).ok()?;
        if !self.is_whole(&blob) {
            return None;
        }
        let blobs = oci::blobs(&fs::read(self.blob(&blob.sha256)).ok()?).ok()?;
        // All of them are looked at: each that is damaged has to go.
        let damaged = blobs.iter().filter(|blob| !self.is_whole(blob)).count();
        (damaged == 0).then_some(blob)
    }

    fn is_whole(&self, blob: &Blob) -> bool {
        let known = |whole: &Mutex<BTreeSet<_>>| whole.lock().is_ok_and(|whole| whole.contains(&blob.sha256));
        if known(&self.whole) {
            return true;
        }
        let path = self.blob(&blob.sha256);
        let sum = Sum { size: blob.size, sha256: blob.sha256.clone() };
        match Sum::of_file(&path, |_| {}) {
            Ok(found) if found == sum => {
                if let Ok(mut whole) = self.whole.lock() {
                    whole.insert(sum.sha256);
                }
                true
            }
            // skopeo takes a blob that stands for a whole one.
            Ok(_) => {
                let _ = fs::remove_file(&path);
                false
            }
            Err(_) => false,
        }
    }

    /// Copies images into the layout.
    fn fetch(&self, registry: &From, images: &[&Image]) -> Result<()> {
        let total = images.len() as u64;
        self.ground.listener.hear(News::Stage { title: "Copying images", units: Units::Things, total });
        let copied = each(images, COPIES, |image| {
            let note = self.note(image);
            // What a cut left of the note would stop skopeo; it is made anew, and blobs that are there stay.
            if note.exists() {
                fs::remove_dir_all(&note).with_context(|| format!("remove {}", note.display()))?;
            }
            if let Some(above) = note.parent() {
                fs::create_dir_all(above)?;
            }
            let mut words = ["skopeo", "copy", "--quiet", "--retry-times", "3"].map(str::to_owned).to_vec();
            words.extend(registry.options("--src-tls-verify"));
            words.push("--dest-shared-blob-dir".to_owned());
            words.push(self.root.join("blobs").display().to_string());
            words.push(registry.of(image));
            words.push(format!("oci:{}:{}:{}", note.display(), image.repository, image.tag));
            let call = Call::new(&self.ground.log(&format!("copy-{}", image.name)), words);
            call.run().with_context(|| format!("copy image {}", image.repository))?;
            self.ground.listener.hear(News::Advanced(1));
            Ok(())
        });
        self.ground.listener.hear(News::Ended);
        copied
    }

    /// Writes the index of all images, and takes away blobs that none of them has; the parts.
    fn publish(&self, images: &[Image]) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut types = BTreeMap::new();
        let mut keep: BTreeSet<Sha256Text> = BTreeSet::new();
        for image in images {
            let blob = self.has(image).with_context(|| format!("image {} is gone", image.repository))?;
            let bytes = fs::read(self.blob(&blob.sha256))?;
            keep.insert(blob.sha256.clone());
            keep.extend(oci::blobs(&bytes)?.into_iter().map(|blob| blob.sha256));
            types.insert(blob.sha256.clone(), oci::media_type(&bytes));
            let path = format!("{OCI}/{BLOBS}/{}", blob.sha256);
            parts.push(made(self.ground, Kind::Image, &image.repository, &image.tag, &path)?);
        }
        place::write(&self.root.join("index.json"), oci::index(&parts, &types)?.as_bytes())?;
        place::only(&self.root.join(BLOBS), |name| {
            name.parse::<Sha256Text>().is_ok_and(|sha256| keep.contains(&sha256))
        })?;
        Ok(parts)
    }
}
