//! Named places where a test may hold this process, to kill it, cut its connection or its power right there.
//!
//! Built only with the feature `failpoints`; what is shipped has none of it. A place is armed by a file of its
//! name in the folder (`/run/ciab-failpoint` for the helper, `CIAB_FAILPOINTS` for the engine). The process that
//! reaches it renames the file to `<name>.hit`, writes its number there and stays until that file is gone.

/// Holds here when a test has armed this place.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    let folder = std::env::var_os("CIAB_FAILPOINTS").unwrap_or_else(|| "/run/ciab-failpoint".into());
    let armed = std::path::Path::new(&folder).join(name);
    let reached = armed.with_extension("hit");
    if std::fs::rename(&armed, &reached).is_ok() {
        let _ = std::fs::write(&reached, std::process::id().to_string());
        while reached.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// Nothing: this build has no such places.
#[cfg(not(feature = "failpoints"))]
pub fn hit(_name: &str) {}

/// Every place there is, in the order in which one attempt passes them; the fault tests run through this list.
pub const PLACES: &[&str] = &[
    "engine-surveyed",
    "engine-begun",
    "serve-begun",
    "serve-prepared",
    "serve-started",
    "engine-started",
    "job-began-unwritten",
    "job-began",
    "job-acted",
    "ended-unsynced",
    "ended-unwritten",
    "ended-written",
    "engine-ended",
    "serve-probed",
    "serve-done",
    "engine-finished",
];
