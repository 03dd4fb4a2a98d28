//! The one place that knows the YAML crate: reads strictly, writes what YAML 1.1 tools read the same.

use serde::{Serialize, de::DeserializeOwned};

/// Reads one document into `T`. The error's text carries line, column and the source line.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

/// Writes a document whose scalars mean the same to YAML 1.1 (Ansible's PyYAML) and YAML 1.2 readers.
pub fn to_string<T: Serialize>(value: &T) -> anyhow::Result<String> {
    // The default folds at 80 columns, which turns an SSH key into a two-line scalar.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: 100_000 };
    Ok(serde_saphyr::to_string_with_options(value, options)?)
}
