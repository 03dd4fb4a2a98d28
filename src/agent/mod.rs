//! agent

pub mod durable;
pub mod put;
pub mod want;
