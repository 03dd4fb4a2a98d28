//! Ansible collections, as the tarballs that ansible-galaxy(1) installs; each out of a wheel that has it.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result};

use super::{
    Ground,
    place::{self, made},
    python::Pip,
};
use crate::{
    bundle::{
        manifest::{Kind, Part},
        needs::Collection,
    },
    embedded,
    tool::call::Call,
};

/// In the bundle.
pub(super) const COLLECTIONS: &str = "collections";
/// Cuts one collection out of a wheel.
const CUT: &str = "bundle/collection.py";

/// Fetches the wheels and cuts the collections out; the parts.
pub(super) fn build(ground: &Ground<'_>, pip: &Pip<'_>, collections: &[Collection]) -> Result<Vec<Part>> {
    ground.said("Making Ansible collections");
    let folder = ground.settings.folder.join(COLLECTIONS);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut parts = Vec::new();
    let mut keep = BTreeSet::new();
    for collection in collections {
        let wheel = pip.one(&collection.package)?;
        let words = [
            "python3".to_owned(),
            "-c".to_owned(),
            embedded::text(CUT).to_owned(),
            wheel.display().to_string(),
            collection.name.clone(),
            folder.display().to_string(),
        ];
        let name = &collection.name;
        let said = Call::new(&ground.log(&format!("collection-{name}")), words).output();
        let said = said.with_context(|| format!("cut {name} out of {}", collection.package))?;
        let file = said.trim().to_owned();
        // NAMESPACE-NAME-VERSION.tar.gz; neither of the first two has a hyphen.
        let version = file.strip_suffix(".tar.gz").and_then(|stem| stem.splitn(3, '-').nth(2));
        let version = version.with_context(|| format!("`{file}` is no name of a collection"))?;
        parts.push(made(ground, Kind::Collection, name, version, &format!("{COLLECTIONS}/{file}"))?);
        keep.insert(file);
    }
    place::only(&folder, |name| keep.contains(name))?;
    Ok(parts)
}
