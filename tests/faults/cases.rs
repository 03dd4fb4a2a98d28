//! Faults that have a name of their own.

use std::path::Path;

use anyhow::Result;

use crate::results::Case;

/// Runs the cases that are wanted, on a host of their own.
pub(crate) fn run_all(
    _work: &Path,
    _binary: &Path,
    _wanted: impl Fn(&str) -> bool,
    _keep: bool,
) -> Result<Vec<Case>> {
    Ok(vec![])
}
