//! Bytes to a box: a child process here, or one SSH channel there. What is said over them is `agent`'s business.

pub mod child;
pub mod ssh;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;

use crate::{
    agent::{client::Client, install},
    failure::{Exit, Failure},
};

/// A connection that could not be made.
#[derive(Debug)]
pub struct LinkError {
    pub failure: Failure,
    /// The world may change by itself: the network, a box that is starting. A refused login does not.
    pub passing: bool,
}

impl LinkError {
    pub(crate) fn passing(message: impl Into<String>) -> Self {
        Self { failure: Failure::new(Exit::Unreachable, message), passing: true }
    }

    pub(crate) fn lasting(failure: Failure) -> Self {
        Self { failure, passing: false }
    }
}

/// Where a box is.
#[derive(Clone, Debug)]
pub enum Place {
    /// This machine.
    Local,
    Ssh(Box<ssh::Destination>),
}

/// Asks a person about an unknown host key or a passphrase; a run without a terminal has none.
pub trait Ask: Send + Sync {
    /// Whether this key, named by its fingerprint, is the box's.
    fn trust(&self, host: &str, fingerprint: &str) -> bool;
    /// The passphrase of a private key file.
    fn passphrase(&self, file: &str) -> Option<SecretString>;
}

/// How to reach a box's helper: made once, used for every connection of a run.
#[derive(Clone)]
pub struct Link {
    pub place: Place,
    /// The password that sudo wants, where it wants one.
    pub sudo_password: Option<SecretString>,
    /// This workstation's folder about the box: the pin of its host key.
    pub state: PathBuf,
    /// Answers questions of the first contact; without it they are refusals.
    pub ask: Option<Arc<dyn Ask>>,
    digest: String,
    shown: Arc<Mutex<Option<String>>>,
}

impl Link {
    pub fn new(place: Place, state: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            place,
            sudo_password: None,
            state,
            ask: None,
            digest: install::own_digest()?,
            shown: Arc::default(),
        })
    }

    /// Starts a helper on the box, over a connection of its own.
    pub async fn connect(&self) -> Result<Client, LinkError> {
        match &self.place {
            Place::Local => child::connect(&self.digest, self.sudo_password.as_ref()).await,
            Place::Ssh(destination) => ssh::connect(self, destination, &self.digest).await,
        }
    }

    /// The fingerprint (`SHA256:...`) of the host key that the box showed, once one was accepted.
    pub fn host_key(&self) -> Option<String> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The box as messages name it.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Local => "this machine".into(),
            Place::Ssh(destination) => destination.to_string(),
        }
    }
}
