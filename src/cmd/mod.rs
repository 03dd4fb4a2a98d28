//! One file a command: its words on the command line, and what it answers.

pub mod explain;
pub mod hint;
pub mod schema;
pub mod validate;
