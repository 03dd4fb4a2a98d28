//! The bundle: everything that a profile needs, in one folder, for a box that reaches nothing.
//!
//! | in the folder | what |
//! |---|---|
//! | `manifest.json`, `manifest.json.sig` | every file with its digest; one Ed25519 signature over it |
//! | `oci/` | container images, one OCI image layout; a layer that several have lies there once |
//! | `apt/` | an archive of Debian packages, signed with the same key as OpenPGP wants it |
//! | `python/simple/` | wheels, as a simple index (PEP 503) |
//! | `collections/` | Ansible collections, a tarball each |
//! | `guests/` | disk images for servers |
//! | `sbom.spdx.json` | what all of this is, for those who have to know (SPDX 2.3) |
//!
//! The manifest is written last, so a folder with one is whole. Nothing is believed: whoever reads a bundle checks the
//! signature, then each file against its digest ([`verify`]).

pub mod build;
pub mod digest;
pub mod key;
pub mod manifest;
pub mod needs;
pub mod news;
pub mod oci;
pub mod openpgp;
pub mod registry;
pub mod serve;
pub mod store;
pub mod verify;

use std::path::Path;

use crate::agent::durable::{self, Meta};

/// The list of everything, and its signature.
pub const MANIFEST: &str = "manifest.json";
pub const SIGNATURE: &str = "manifest.json.sig";
/// The OCI image layout.
pub const OCI: &str = "oci";
/// The key of the archive of packages, in `apt/`: what `Signed-By` names.
pub const APT_KEY: &str = "ciab-bundle.asc";

/// Writes a file that everybody may read: after a cut there is the old one or the new one.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    durable::write(path, bytes, Meta::READABLE)
}
