//! The end of a build: everything is listed with its digest, and signed.

use std::{collections::BTreeSet, fs, io::ErrorKind, path::Path};

use anyhow::{Context as _, Result};

use super::{Ground, Made, apt::ARCHITECTURE, place, sbom};
use crate::bundle::{
    MANIFEST, SIGNATURE,
    digest::Sum,
    manifest::{Listed, Manifest, Part, Schema, System},
    needs::For,
    news::{News, Units},
    verify::{Opened, verify},
};

/// The list of everything for those who have to know what is inside.
const SBOM: &str = "sbom.spdx.json";
/// The folders of all kinds.
const KINDS: [&str; 5] = ["apt", "collections", "guests", "oci", "python"];

/// Writes the SBOM, the manifest and its signature; then reads the bundle as whoever gets it will.
pub(super) fn finish(ground: &Ground<'_>, whom: &For<'_>, parts: Vec<Part>) -> Result<Made> {
    let root = &ground.settings.folder;
    let word = |text: &str| text.parse().map_err(anyhow::Error::msg);
    place::write(&root.join(SBOM), sbom::document(&parts, ground, whom)?.as_bytes())?;
    let tops = tops(&parts);
    // Kinds that this bundle does not have, of an earlier one that had them. What else lies there is somebody's.
    for name in KINDS.iter().filter(|name| !tops.contains(**name)) {
        match fs::remove_dir_all(root.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("remove {name}"));
            }
            _ => {}
        }
    }
    let of_parts: BTreeSet<&str> = parts.iter().map(|part| part.path.as_str()).collect();
    let mut files = Vec::new();
    let mut list = |path: &str| {
        // Blobs of images are named by the manifests of these, which are parts.
        if of_parts.contains(path) || path.starts_with("oci/blobs/") {
            return Ok(());
        }
        let sum = Sum::of_file(&root.join(path), |_| {}).with_context(|| format!("read {path}"))?;
        files.push(Listed {
            path: path.parse().map_err(anyhow::Error::msg)?,
            size: sum.size,
            sha256: sum.sha256,
        });
        Ok(())
    };
    list(SBOM)?;
    for top in &tops {
        walk(root, &root.join(top), &mut list)?;
    }
    let os = ground.os;
    let release = whom.release()?.map(|(release, _)| release.name.clone());
    let manifest = Manifest {
        schema: Schema::V1,
        profile: whom.profile.name,
        engine: whom.engine,
        release,
        system: System {
            id: word(&os.id)?,
            version: word(&os.version)?,
            codename: word(&os.codename)?,
            architecture: word(ARCHITECTURE)?,
        },
        made: word(&ground.made.to_string())?,
        parts,
        files,
    };
    let count = manifest.parts.len();
    let text = manifest.text()?;
    place::write(&root.join(SIGNATURE), ground.key.signature(text.as_bytes()).as_bytes())?;
    place::write(&root.join(MANIFEST), text.as_bytes())?;
    let opened = Opened::read(root, Some(ground.key.public()))?;
    let items = verify(&opened, ground.listener)?;
    ground.listener.hear(News::Stage { title: "Writing to disk", units: Units::Things, total: 1 });
    fs::File::open(root)
        .and_then(|folder| nix::unistd::syncfs(folder).map_err(Into::into))
        .context("sync the bundle")?;
    ground.listener.hear(News::Ended);
    let size = items.iter().map(|item| item.size).sum();
    Ok(Made { key: ground.key.public(), parts: count, files: items.len(), size })
}

/// The folders that the parts lie in.
fn tops(parts: &[Part]) -> BTreeSet<String> {
    parts.iter().filter_map(|part| part.path.as_str().split('/').next().map(str::to_owned)).collect()
}

/// Every file below a folder, by its path in the bundle; in the order of their names.
fn walk(root: &Path, folder: &Path, take: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<_, _>>)
        .with_context(|| format!("read {}", folder.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let inside =
            path.strip_prefix(root)?.to_str().with_context(|| format!("{} is no text", path.display()))?;
        if entry.file_type()?.is_dir() {
            walk(root, &path, take)?;
        } else {
            take(inside)?;
        }
    }
    Ok(())
}
