//! The helper on the box and the words it is spoken to with. The same static binary as the engine.
//!
//! `serve` answers an engine; every change runs as a unit of its own (`unit`), in which `job` acts and writes that
//! it began, and writes how it ended. `record` is what all of them believe; `standing` is what a record means.

pub mod before;
pub mod boot;
pub mod bundle;
pub mod client;
mod documents;
pub mod durable;
pub mod guard;
pub mod install;
pub mod job;
pub mod keep;
pub mod lock;
mod mend;
mod news;
pub mod osism;
pub mod probe;
pub mod put;
mod questions;
pub mod record;
pub mod redact;
pub mod serve;
pub mod standing;
pub mod survey;
mod systemd;
pub mod tail;
pub mod unit;
pub mod want;
pub mod wire;
