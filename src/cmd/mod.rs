//! The commands, one file each.

pub mod agent;
pub mod detect;
pub mod match_device;
