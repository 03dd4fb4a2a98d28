//! `ciab schema`: the JSON Schema of the box file.

use clap::Args;
use serde_json::Value;

use crate::boxfile::schema;

/// Prints the JSON Schema of the box file.
#[derive(Args, Clone, Copy, Debug)]
pub struct SchemaArgs {}

pub fn run(_: SchemaArgs) -> Value {
    schema::schema()
}
