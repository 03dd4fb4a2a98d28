//! agent

pub mod durable;
pub mod want;
