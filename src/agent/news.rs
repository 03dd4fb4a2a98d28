//! Wakes whoever waits for an attempt: the kernel tells when a file in its folder was written to (inotify(7)).
//!
//! One queue serves a helper for its whole life, for closing one takes the kernel several milliseconds. Every news
//! wakes everybody: few wait, and each looks at two small files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// How often files are looked at where the kernel has no queue left to tell about them.
const LOOK: Duration = Duration::from_millis(4);

/// Where news of all folders that are watched arrive.
pub(super) struct News(Option<Arc<Queue>>);

struct Queue {
    inotify: Inotify,
    /// A folder has one descriptor, however many watch it.
    watched: Mutex<BTreeMap<PathBuf, (WatchDescriptor, usize)>>,
    /// How much has been heard.
    heard: Mutex<u64>,
    more: Condvar,
}

impl News {
    /// Begins to listen. A kernel that refuses (`fs.inotify.max_user_instances`) costs speed, nothing else.
    pub(super) fn listen() -> Self {
        let queue = Inotify::init(InitFlags::IN_CLOEXEC).ok().map(|inotify| {
            Arc::new(Queue {
                inotify,
                watched: Mutex::default(),
                heard: Mutex::default(),
                more: Condvar::new(),
            })
        });
        if let Some(queue) = queue.clone() {
            thread::spawn(move || {
                while queue.inotify.read_events().is_ok() {
                    *hold(&queue.heard) += 1;
                    queue.more.notify_all();
                }
            });
        }
        Self(queue)
    }

    /// Watches the files of a folder until it is dropped.
    pub(super) fn watch(&self, folder: &Path) -> Watch {
        let queue = self.0.clone().filter(|queue| queue.add(folder));
        let heard = queue.as_ref().map_or(0, |queue| *hold(&queue.heard));
        Watch { queue, folder: folder.to_owned(), heard }
    }
}

impl Queue {
    /// Whether the folder is watched now.
    fn add(&self, folder: &Path) -> bool {
        let mut watched = hold(&self.watched);
        match watched.get_mut(folder) {
            Some((_, times)) => *times += 1,
            None => match self.inotify.add_watch(folder, AddWatchFlags::IN_MODIFY) {
                Ok(descriptor) => {
                    watched.insert(folder.to_owned(), (descriptor, 1));
                }
                Err(_) => return false,
            },
        }
        true
    }

    fn remove(&self, folder: &Path) {
        let mut watched = hold(&self.watched);
        let Some((descriptor, times)) = watched.get_mut(folder) else { return };
        *times -= 1;
        if *times == 0 {
            // A folder that is gone has taken its watch along.
            let _ = self.inotify.rm_watch(*descriptor);
            watched.remove(folder);
        }
    }
}

/// Somebody who waits for news of a folder.
#[must_use]
pub(super) struct Watch {
    queue: Option<Arc<Queue>>,
    folder: PathBuf,
    heard: u64,
}

impl Watch {
    /// Returns when something was heard since the last time, at the latest after `most`.
    pub(super) fn wait(&mut self, most: Duration) {
        let Some(queue) = &self.queue else { return thread::sleep(most.min(LOOK)) };
        let waited = queue.more.wait_timeout_while(hold(&queue.heard), most, |heard| *heard == self.heard);
        self.heard = *waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.remove(&self.folder);
        }
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Instant};

    use super::*;

    /// Far longer than anything here takes; who waited so long was not woken.
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_is_written_wakes_at_once_and_silence_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("end");
        fs::write(&file, "").unwrap();
        let news = News::listen();
        let (mut first, mut second) = (news.watch(folder.path()), news.watch(folder.path()));
        let began = Instant::now();
        first.wait(Duration::from_millis(50));
        assert!(began.elapsed() >= Duration::from_millis(50));
        fs::write(&file, "written before anybody waits").unwrap();
        first.wait(LONG);
        drop(first);
        second.wait(LONG);
        fs::write(&file, "and once more").unwrap();
        second.wait(LONG);
        assert!(began.elapsed() < LONG);
    }

    #[test]
    fn a_folder_that_cannot_be_watched_is_looked_at() {
        let began = Instant::now();
        News::listen().watch("/no/such/folder".as_ref()).wait(LONG);
        assert!(began.elapsed() < LONG);
    }
}
