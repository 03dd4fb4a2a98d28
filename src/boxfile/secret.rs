//! Secrets that the operator brings: the box file only says where each one is.

use std::{
    env, fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use secrecy::{SecretString, zeroize::Zeroize};
use serde::{Deserialize, Serialize};

use super::system::PathText;
use crate::failure::{Exit, Failure};

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

/// A secret is a password or a key; a file larger than this is the wrong file.
const SIZE_MAX: u64 = 64 << 10;

/// Where to get the bytes of a secret, once `~` and the credentials folder are known.
#[derive(Debug, PartialEq, Eq)]
enum Origin<'a> {
    Read(PathBuf),
    Ask(&'a str),
}

impl SecretRef {
    /// Fetches the secret; `ask` puts a question to the operator.
    pub fn fetch(
        &self,
        ask: impl FnOnce(&str) -> Result<SecretString, Failure>,
    ) -> Result<SecretString, Failure> {
        let folder = |name| env::var_os(name).map(PathBuf::from);
        let origin = self.origin(folder("HOME").as_deref(), folder("CREDENTIALS_DIRECTORY").as_deref());
        match origin.map_err(|why| Failure::new(Exit::Usage, why))? {
            Origin::Ask(question) => ask(question),
            Origin::Read(path) => read(&path).map_err(|error| {
                Failure::new(Exit::Usage, format!("read the secret in {}: {error}", path.display()))
            }),
        }
    }

    fn origin(&self, home: Option<&Path>, credentials: Option<&Path>) -> Result<Origin<'_>, String> {
        match self {
            Self::File(path) => path.expand(home).map(Origin::Read),
            Self::Prompt(question) => Ok(Origin::Ask(question)),
            // A name with a slash would leave the folder that systemd made for us.
            Self::Credential(name) if name.is_empty() || name.contains('/') || name.starts_with('.') => {
                Err(format!("`{name}` is no credential name"))
            }
            Self::Credential(name) => match credentials {
                Some(folder) => Ok(Origin::Read(folder.join(name))),
                None => {
                    Err(format!("credential `{name}` is not here: this process has no systemd credentials"))
                }
            },
        }
    }
}

/// The file's text without one trailing line break, which editors add.
fn read(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    fs::File::open(path)?.take(SIZE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SIZE_MAX {
        text.zeroize();
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(SecretString::from(text))
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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_file_is_read_without_its_last_line_break_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pw");
        fs::write(&path, "canary\n").unwrap();
        let reference = SecretRef::File(path.to_str().unwrap().parse().unwrap());
        let secret = reference.fetch(|_| unreachable!()).unwrap();
        assert_eq!(secret.expose_secret(), "canary");
        let shown =
            format!("{reference:?} {reference} {} {secret:?}", serde_json::to_string(&reference).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_credential_stays_in_its_folder() {
        let credential = |name: &str| SecretRef::Credential(name.to_owned());
        let folder = Path::new("/run/credentials/ciab");
        assert_eq!(credential("pw").origin(None, Some(folder)), Ok(Origin::Read(folder.join("pw"))));
        assert!(credential("../pw").origin(None, Some(folder)).is_err());
        assert!(credential("pw").origin(None, None).is_err());
    }
}
