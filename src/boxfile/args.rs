//! `BOX` and `--set` of every command that reads a box file, and the files and variables behind them.

use std::{
    env, fs,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use clap::Args;

pub(crate) use super::read::SIZE_MAX;
use super::{fault::Findings, layers::Layers, place::Layer, wanted::Wanted};
use crate::failure::{Exit, Failure};

/// Read when no box file is named.
pub const USUAL: &str = "./box.yaml";

/// Which box file, and what to change in it for this once.
#[derive(Args, Clone, Debug, Default)]
pub struct BoxArgs {
    /// The box file; ./box.yaml when left out.
    #[arg(value_name = "BOX")]
    pub file: Option<PathBuf>,
    /// A value that replaces the one in the box file, such as network.vip=192.168.16.9.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Why there is no box file to work with.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read at all.
    Unreadable(Failure),
    /// It can, and says the wrong thing.
    Wrong(Findings),
}

impl BoxArgs {
    /// All layers of this process as they are: flags, environment, kernel command line, file, presets.
    pub fn layers(&self) -> Result<Layers, Failure> {
        let mut layers = Layers::new();
        let path = self.file.clone().unwrap_or_else(|| PathBuf::from(USUAL));
        layers.document(Layer::File, &path.display().to_string(), &bytes(&path)?);
        if let Ok(line) = fs::read_to_string("/proc/cmdline") {
            layers.cmdline(&line);
        }
        let mut variables: Vec<_> =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        // The environment has no order; what is reported shall have one.
        variables.sort();
        for (name, value) in variables {
            layers.variable(&name, &value.to_string_lossy());
        }
        for text in &self.set {
            layers.flag(text);
        }
        Ok(layers)
    }

    /// The box file that all layers make together.
    pub fn load(&self) -> Result<Wanted, LoadError> {
        self.layers().map_err(LoadError::Unreadable)?.wanted().map_err(LoadError::Wrong)
    }
}

/// The file, up to one byte more than any box file has: /dev/zero ends too.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    match limited(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            let failure = Failure::new(Exit::Usage, format!("read the box file {}: {error}", path.display()));
            Err(match error.kind() {
                ErrorKind::NotFound => {
                    failure.hint("`ciab init` writes a box file; name it if it is elsewhere")
                }
                ErrorKind::IsADirectory => failure.hint("name the file in that folder, such as box.yaml"),
                _ => failure,
            })
        }
    }
}

/// The same, where the caller says what an error means.
pub(crate) fn limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(SIZE_MAX).unwrap_or(u64::MAX) + 1;
    fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Unreadable(failure) => failure,
            LoadError::Wrong(findings) => findings.into(),
        }
    }
}
