//! The install medium: made of Debian packages, and given a box file in place, without unpacking it.
//!
//! An ISO 9660 volume that BIOS and UEFI start, from a drive and from a stick. On it stand the live system, what it was
//! made of (`ciab/manifest.json`), and two files of a fixed size that nothing but `ciab iso embed` fills: the area with
//! the box file, and the words that GRUB hands to the kernel. An empty one has the same bytes on every medium, so that
//! what is embedded can be taken out to the last byte.

pub mod area;
pub mod build;
pub mod found;
pub mod greeting;
pub mod live;
pub mod manifest;
pub mod medium;
mod volume;

/// The folder of our own files on the medium.
const FOLDER: &str = "ciab";
/// The image of the live system on the medium.
const SYSTEM: &str = "live/system.squashfs";
/// Where the running live system has its medium.
pub const MOUNTED: &str = "/run/medium";
