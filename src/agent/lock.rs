//! One writer: a kernel lock held by the one process on the box that may change it, and a lease on its engine.
//!
//! The lock goes with the process, so nothing stale can be left. An engine that says nothing for thirty seconds
//! of the boot-time clock ends its helper; jobs go on as units of their own.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{boot, record::Record, wire::Fault};

/// How long an engine may be silent, in milliseconds.
pub const LEASE: u64 = 30_000;

/// Who holds the lock; only for display.
#[derive(Debug, Serialize, Deserialize)]
pub struct Holder {
    pub display: String,
    pub pid: u32,
}

/// The lock, while this lives.
#[must_use]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub fn take(record: &Record, display: &str) -> Result<Self, Fault> {
        let take = || -> Result<std::result::Result<File, TryLockError>> {
            let path = record.path("lock");
            let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = open.with_context(|| format!("open {}", path.display()))?;
            Ok(file.try_lock().map(|()| file))
        };
        match take().map_err(|error| Fault::failed(&error))? {
            Ok(file) => {
                let holder = Holder { display: display.to_owned(), pid: std::process::id() };
                let text = serde_json::to_vec(&holder).unwrap_or_default();
                // Only for display: a full disk must not keep anybody from taking the lock.
                let _ = fs::write(record.path("holder.json"), text);
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(Fault::Locked { holder: holder(record).unwrap_or_else(|| "an unknown run".into()) })
            }
            Err(TryLockError::Error(error)) => {
                Err(Fault::failed(&anyhow::Error::from(error).context("take the lock")))
            }
        }
    }
}

/// Who holds the lock at this moment, without taking it.
pub fn holder(record: &Record) -> Option<String> {
    let file = File::open(record.path("lock")).ok()?;
    // A shared lock is refused only while a writer holds the exclusive one; it is given back at once.
    match file.try_lock_shared() {
        Ok(()) => None,
        Err(_) => {
            let text = fs::read(record.path("holder.json")).unwrap_or_default();
            let holder: Option<Holder> = serde_json::from_slice(&text).ok();
            Some(
                holder.map_or_else(
                    || "an unknown run".into(),
                    |h| format!("{} (process {})", h.display, h.pid),
                ),
            )
        }
    }
}

/// The time of the engine's last word. When the lease is dropped, nobody watches it any more.
#[derive(Debug)]
pub struct Lease(Arc<AtomicU64>);

impl Lease {
    /// Starts a lease that ends this process when it runs out.
    pub fn start() -> Self {
        let lease = Self(Arc::new(AtomicU64::new(boot::clock())));
        let watched = Arc::downgrade(&lease.0);
        std::thread::spawn(move || {
            loop {
                let Some(last) = watched.upgrade() else { return };
                if boot::clock().saturating_sub(last.load(Ordering::Relaxed)) >= LEASE {
                    break;
                }
                drop(last);
                std::thread::sleep(Duration::from_secs(1));
            }
            tracing::warn!("no word from the engine for {} seconds: giving up the lock", LEASE / 1000);
            std::process::exit(75);
        });
        lease
    }

    /// The engine said something.
    pub fn renew(&self) {
        self.0.store(boot::clock(), Ordering::Relaxed);
    }
}
