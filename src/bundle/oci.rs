//! An OCI image layout: which blobs an image is made of, and the index that names the images.
//!
//! OCI Image Format Specification 1.0, `image-layout.md` and `manifest.md`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::manifest::{Kind, Part};
use crate::boxfile::content::Sha256Text;

/// A manifest is a few KiB; the specification asks registries to take 4 MiB.
pub const MANIFEST_MAX: u64 = 4 << 20;
/// More layers than any engine takes (Docker: 127).
const LAYERS_MAX: usize = 512;

/// `application/vnd.oci.image.manifest.v1+json`
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The annotation under which tools look for an image by name, `annotations.md`.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// `oci-layout`.
pub const LAYOUT: &str = "{\"imageLayoutVersion\": \"1.0.0\"}\n";

/// A blob with its size in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub sha256: Sha256Text,
    pub size: u64,
}

/// What of a manifest is needed to find the rest of the image. Others may write more into it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    fn blob(&self) -> Result<Blob> {
        let digest = self.digest.strip_prefix("sha256:").unwrap_or(&self.digest);
        let sha256 = digest.parse().map_err(anyhow::Error::msg).context("a digest of the manifest")?;
        Ok(Blob { sha256, size: self.size })
    }
}

/// The configuration and the layers of an image, from its manifest; in their order, each once.
pub fn blobs(manifest: &[u8]) -> Result<Vec<Blob>> {
    let document: Document = serde_json::from_slice(manifest).context("it is no manifest of an image")?;
    ensure!(document.schema_version == 2, "it is a manifest of version {}", document.schema_version);
    ensure!(document.layers.len() <= LAYERS_MAX, "it has {} layers", document.layers.len());
    let mut blobs: Vec<Blob> = Vec::new();
    for descriptor in std::iter::once(&document.config).chain(&document.layers) {
        let blob = descriptor.blob()?;
        if !blobs.contains(&blob) {
            blobs.push(blob);
        }
    }
    Ok(blobs)
}

/// The media type of a manifest: Docker's own say theirs, OCI's may leave it out.
pub fn media_type(manifest: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: Option<String>,
    }
    let typed = serde_json::from_slice::<Typed>(manifest).ok();
    typed.and_then(|typed| typed.media_type).unwrap_or_else(|| OCI_MANIFEST.to_owned())
}

/// `index.json`: every image by `<repository>:<tag>`; `types` are the media types of the manifests by digest.
pub fn index(parts: &[Part], types: &BTreeMap<Sha256Text, String>) -> Result<String> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index {
        schema_version: u32,
        manifests: Vec<Descriptor>,
    }
    let mut images: Vec<&Part> = parts.iter().filter(|part| part.kind == Kind::Image).collect();
    images.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let descriptor = |part: &&Part| Descriptor {
        media_type: types.get(&part.sha256).cloned().unwrap_or_else(|| OCI_MANIFEST.to_owned()),
        digest: format!("sha256:{}", part.sha256),
        size: part.size,
        annotations: [(REF_NAME.to_owned(), format!("{}:{}", part.name, part.version))].into(),
    };
    let index = Index { schema_version: 2, manifests: images.iter().map(descriptor).collect() };
    Ok(serde_json::to_string_pretty(&index).context("write the index of the images")? + "\n")
}

/// The digest that an index of an image layout, as a tool writes it, has under this name.
pub fn named(index: &[u8], name: &str) -> Result<Blob> {
    #[derive(Deserialize)]
    struct Index {
        manifests: Vec<Descriptor>,
    }
    let index: Index = serde_json::from_slice(index).context("read the index of the images")?;
    let mut found =
        index.manifests.iter().filter(|one| one.annotations.get(REF_NAME).is_some_and(|n| n == name));
    let found =
        found.next_back().with_context(|| format!("the index of the images does not name `{name}`"))?;
    found.blob()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(layers: &[&str]) -> Vec<u8> {
        let descriptor = |c: &str| serde_json::json!({"mediaType": "m", "digest": format!("sha256:{}", c.repeat(64)), "size": 3});
        let layers: Vec<_> = layers.iter().map(|c| descriptor(c)).collect();
        serde_json::json!({"schemaVersion": 2, "config": descriptor("c"), "layers": layers})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn an_image_is_its_configuration_and_each_layer_once() {
        let names: Vec<_> = blobs(&document(&["a", "b", "a"]))
            .unwrap()
            .iter()
            .map(|b| b.sha256.as_str()[..1].to_owned())
            .collect();
        assert_eq!(names, ["c", "a", "b"]);
        assert!(blobs(&document(&["../../etc"])).is_err());
        assert!(blobs(b"{}").is_err());
    }

    #[test]
    fn an_index_names_what_it_was_made_of() {
        let part = super::super::manifest::tests::sample().parts.remove(0);
        let text = index(std::slice::from_ref(&part), &BTreeMap::new()).unwrap();
        let found = named(text.as_bytes(), "kolla/cron:2025.1-debian-bookworm").unwrap();
        assert_eq!(found, Blob { sha256: part.sha256, size: part.size });
        assert!(named(text.as_bytes(), "kolla/cron:latest").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic_it(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = (blobs(&bytes), named(&bytes, "a"), media_type(&bytes));
        }
    }
}
