//! How much of the file system logs and copies of images may take.

use super::Has;
use crate::{
    profile::{DiskRules, Share},
    units::Bytes,
};

/// What each may take.
pub(super) struct Disk {
    pub(super) logs: Bytes,
    pub(super) log_file: Bytes,
    pub(super) image_cache: Bytes,
}

pub(super) fn make(rules: &DiskRules, has: &Has<'_>, say: &mut impl FnMut(&str, String)) -> Disk {
    let mut of = |key: &str, share: &Share| match has.file_system {
        Some(size) => {
            let bounds = format!("{} to {}", share.least.human(), share.most.human());
            say(key, format!("1/{} of the {} that hold it, {bounds}", share.share, size.human()));
            // The least is of no use where there is hardly anything.
            mib(share.of(size).min(Bytes(size.0 / 4)))
        }
        None => {
            say(key, "the size of the file system is unknown".to_owned());
            share.least
        }
    };
    let logs = of("logs", &rules.logs);
    let image_cache = of("image_cache", &rules.image_cache);
    let services = u64::try_from(has.services.len()).unwrap_or(u64::MAX).max(1);
    let files = services.saturating_mul(rules.log_files_each * rules.log_files_kept).max(1);
    let log_file = mib(Bytes(logs.0 / files)).clamp(rules.log_file.least, rules.log_file.most);
    say(
        "log_file",
        format!(
            "{} files of each service, {} of each kept, together within {}",
            rules.log_files_each,
            rules.log_files_kept,
            logs.human()
        ),
    );
    Disk { logs, log_file, image_cache }
}

fn mib(bytes: Bytes) -> Bytes {
    Bytes::mib(bytes.0 >> 20)
}
