//! Secrets that the operator brings: the box file only says where each one is.

use std::{fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::system::PathText;

/// Where a secret is; the secret itself never stands in a box file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    /// A file on this machine that holds the secret; one trailing line break is taken off.
    File(PathText),
    /// The question to ask on the terminal.
    Prompt(String),
    /// The name of a systemd credential of the process that runs `ciab`.
    Credential(String),
}

/// Where to get the bytes of a secret, once `~` and the credentials folder are known.
#[derive(Debug, PartialEq, Eq)]
pub enum SecretSource<'a> {
    Read(PathBuf),
    Ask(&'a str),
}

impl SecretRef {
    /// Turns the reference into a place to read or a question to ask.
    ///
    /// `home` is `$HOME`, `credentials` is `$CREDENTIALS_DIRECTORY` (systemd.exec(5)); `None` where it is not set.
    pub fn source(
        &self,
        home: Option<&std::path::Path>,
        credentials: Option<&std::path::Path>,
    ) -> Result<SecretSource<'_>, String> {
        match self {
            Self::File(path) => path.expand(home).map(SecretSource::Read),
            Self::Prompt(question) => Ok(SecretSource::Ask(question)),
            // A name with a slash would leave the folder that systemd made for us.
            Self::Credential(name) if name.is_empty() || name.contains('/') || name.starts_with('.') => {
                Err(format!("`{name}` is no credential name"))
            }
            Self::Credential(name) => match credentials {
                Some(folder) => Ok(SecretSource::Read(folder.join(name))),
                None => {
                    Err(format!("credential `{name}` is not here: this process has no systemd credentials"))
                }
            },
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {path}"),
            Self::Prompt(question) => write!(f, "asked as `{question}`"),
            Self::Credential(name) => write!(f, "the credential {name}"),
        }
    }
}
