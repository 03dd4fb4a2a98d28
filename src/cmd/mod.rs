//! One file a command: its words on the command line, and what it answers.

pub mod agent;
pub mod check;
pub mod explain;
pub mod hint;
pub mod place;
pub mod plan;
pub mod schema;
pub mod validate;
