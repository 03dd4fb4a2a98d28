//! Files that survive a power cut: written beside their place, synced, renamed, and the folder synced.
//!
//! What stands at the path is replaced, a symbolic link as well: nothing is ever written through the last
//! component. Who must not replace a link looks first (`want::file`). Folders on the way may be links.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink as make_link},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Mode and owner of a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits, as `chmod` takes them.
    pub mode: u32,
    /// User and group id; without them the file is the writer's.
    pub owner: Option<(u32, u32)>,
}

impl Meta {
    /// The writer's own file, for it alone.
    pub const PRIVATE: Self = Self { mode: 0o600, owner: None };
    /// The writer's own file, for everybody to read.
    pub const READABLE: Self = Self { mode: 0o644, owner: None };
}

/// A file that stands whole beside its place and not yet in it; dropped, it is gone.
///
/// The name beside is always the same, so that what a killed writer left is replaced by the next.
#[derive(Debug)]
#[must_use]
pub struct Staged {
    beside: PathBuf,
    path: PathBuf,
    file: File,
    placed: bool,
}

impl Staged {
    /// Writes `bytes` beside `path`; its folder exists.
    pub fn new(path: &Path, bytes: &[u8], meta: Meta) -> Result<Self> {
        let beside = beside(path)?;
        gone(&beside)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .with_context(|| format!("make {}", beside.display()))?;
        let mut staged = Self { beside, path: path.to_owned(), file, placed: false };
        staged.fill(bytes, meta).with_context(|| format!("write {}", staged.beside.display()))?;
        Ok(staged)
    }

    fn fill(&mut self, bytes: &[u8], meta: Meta) -> Result<()> {
        if let Some((user, group)) = meta.owner {
            std::os::unix::fs::fchown(&self.file, Some(user), Some(group))?;
        }
        self.file.write_all(bytes)?;
        // After the owner: a change of owner takes set-id bits away.
        Ok(self.file.set_permissions(Permissions::from_mode(meta.mode))?)
    }

    /// Where the bytes are now, for a check.
    pub fn beside(&self) -> &Path {
        &self.beside
    }

    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().with_context(|| format!("sync {}", self.beside.display()))
    }

    /// Renames it into its place; the caller has synced it, and syncs the folder.
    pub fn place(mut self) -> Result<()> {
        fs::rename(&self.beside, &self.path)
            .with_context(|| format!("put {} in place", self.path.display()))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // The next writer replaces what could not be removed.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// Writes a file so that after a cut there is the old one or the new one, whole. Missing folders are made.
pub fn write(path: &Path, bytes: &[u8], meta: Meta) -> Result<()> {
    parents(path)?;
    let staged = Staged::new(path, bytes, meta)?;
    staged.sync()?;
    staged.place()?;
    sync_parent(path)
}

/// Makes or replaces a symbolic link, in one step.
pub fn link(target: &Path, path: &Path) -> Result<()> {
    parents(path)?;
    let beside = beside(path)?;
    gone(&beside)?;
    make_link(target, &beside).with_context(|| format!("make {}", beside.display()))?;
    fs::rename(&beside, path).with_context(|| format!("put {} in place", path.display()))?;
    sync_parent(path)
}

/// Removes a file or link for good; says whether there was one. A folder is an error.
pub fn remove(path: &Path) -> Result<bool> {
    let was = gone(path)?;
    if was {
        sync_parent(path)?;
    }
    Ok(was)
}

/// Makes the folders above `path` that are missing, 0755 and the writer's, each synced in its parent.
pub fn parents(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), |folder| folders(folder, 0o755))
}

/// Makes a folder and those above it that are missing with this mode; what exists is left as it is.
pub fn folders(folder: &Path, mode: u32) -> Result<()> {
    if folder.is_dir() || folder.as_os_str().is_empty() {
        return Ok(());
    }
    parents(folder)?;
    match DirBuilder::new().mode(mode).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("make {}/", folder.display())),
    }
    fs::set_permissions(folder, Permissions::from_mode(mode))
        .with_context(|| format!("set the mode of {}/", folder.display()))?;
    sync_parent(folder)
}

/// Syncs the folder that holds `path`, so that its name is on the disk.
pub fn sync_parent(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|open| open.sync_all()).with_context(|| format!("sync {}/", folder.display()))
}

/// Syncs the whole file system that holds `path`: one wait for many files.
pub fn sync_all_of(path: &Path) -> Result<()> {
    let open = File::open(path).with_context(|| format!("open {}", path.display()))?;
    nix::unistd::syncfs(&open).with_context(|| format!("sync the file system of {}", path.display()))
}

/// A file's bytes, or nothing when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// The bytes of what is at the path itself, not behind a link; nothing when there is nothing.
pub fn look(path: &Path) -> Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("look at {}", path.display())),
    }
}

fn absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// A dot in front and `.ciab-new` behind: no reader of drop-in folders (sudo, cron, APT, systemd) takes it.
fn beside(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("`{}` names no file", path.display()))?;
    Ok(path.with_file_name(format!(".{}.ciab-new", name.to_string_lossy())))
}

fn gone(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if absent(&error) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("remove {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_nothing_is_left_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write(&path, b"old", Meta::READABLE).unwrap();
        fs::write(path.with_file_name(".file.ciab-new"), "left by a killed writer").unwrap();
        write(&path, b"new", Meta::PRIVATE).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_replaced_and_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("link"), folder.path().join("target"));
        fs::write(&target, "precious").unwrap();
        link(&target, &path).unwrap();
        write(&path, b"new", Meta::PRIVATE).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert!(look(&path).unwrap().unwrap().is_file());
    }

    #[test]
    fn what_is_staged_and_not_placed_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        drop(Staged::new(&folder.path().join("file"), b"x", Meta::PRIVATE).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn removing_says_whether_there_was_something_and_refuses_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!remove(&folder.path().join("none")).unwrap());
        assert!(remove(folder.path()).is_err());
    }
}
