//! Where chance and time come from: the operating system, or, for stand-ins, nowhere.

use std::{fs::File, io::Read as _};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rcgen::KeyPair;

/// What secrets are made from.
pub(super) trait Source {
    /// So many bytes that nobody can guess.
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>>;
    fn now(&self) -> Timestamp;
    /// A key for a certificate.
    fn key(&mut self) -> Result<KeyPair>;
}

/// The operating system's generator and clock.
pub(super) struct System;

impl Source for System {
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut buffer = vec![0; count];
        let mut source = File::open("/dev/urandom").context("open the random generator")?;
        source.read_exact(&mut buffer).context("read the random generator")?;
        Ok(buffer)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// ECDSA P-256: every program that reads a certificate here takes it, and browsers take no Ed25519.
    fn key(&mut self) -> Result<KeyPair> {
        KeyPair::generate().context("make a key")
    }
}
