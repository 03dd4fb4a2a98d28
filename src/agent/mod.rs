//! agent

pub mod durable;
pub mod guard;
pub mod put;
pub mod want;
