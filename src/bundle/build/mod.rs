//! Makes a bundle: what is needed is chosen and fetched by the tools of each kind, or built, and then signed.
//!
//! Resumable after a kill at any moment: tools work in `.work/`, a file gets its place by a rename once it is whole, and
//! the manifest, without which a folder is no bundle, is written last. What stands from before is checked and used.

mod apt;
mod collections;
mod finish;
mod guest;
mod images;
mod kolla;
mod place;
mod python;
mod sbom;
mod servers;

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use self::python::Pip;
use super::{
    MANIFEST, SIGNATURE,
    key::{Key, PublicKey},
    needs::{For, Needs},
    news::{Listener, News},
};
use crate::{
    failure::{Exit, Failure},
    profile::{self, CarriedRelease, OsRelease},
    tool::{
        call::{self, Call},
        guard,
    },
};

/// What the tools work in, below the bundle; gone when it is finished.
const WORK: &str = ".work";
/// A killed build's tools are gone by then.
const ENDS: Duration = Duration::from_secs(2);

/// How a bundle is to be made.
#[derive(Clone, Debug)]
pub struct Settings {
    pub folder: PathBuf,
    /// The builder's key; made where there is none.
    pub key: PathBuf,
    pub images: ImageSource,
    /// `registry.example.org/namespace`, in place of the release's own.
    pub registry: Option<String>,
    /// A file or a URL, in place of the release's own list of versions.
    pub constraints: Option<String>,
}

/// Where container images come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ImageSource {
    /// From the registry where it answers, else they are built.
    #[default]
    Auto,
    /// From the registry.
    Fetch,
    /// They are built.
    Build,
}

/// What everything that builds looks at.
struct Ground<'a> {
    settings: &'a Settings,
    work: PathBuf,
    listener: &'a dyn Listener,
    key: &'a Key,
    os: &'a OsRelease,
    /// The version of the box's Python.
    python: String,
    carried: Option<&'static CarriedRelease>,
    /// Of all images.
    tag: Option<&'static str>,
    /// `registry/namespace` that images are fetched from.
    registry: String,
    /// A file with the versions that go together.
    constraints: Option<String>,
    made: Timestamp,
}

impl Ground<'_> {
    fn log(&self, name: &str) -> PathBuf {
        self.work.join("log").join(name)
    }

    fn said(&self, text: &str) {
        self.listener.hear(News::Said(text));
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub key: PublicKey,
    pub parts: usize,
    pub files: usize,
    /// In bytes.
    pub size: u64,
}

/// Makes the bundle, or goes on with it. Exit 2 where it cannot be begun, 4 where it stops half-way, 6 where another
/// build works in the folder.
pub fn build(
    whom: &For<'_>,
    needs: &Needs,
    settings: &Settings,
    listener: &dyn Listener,
) -> Result<Made, Failure> {
    let os = whom.os;
    let python = profile::carried().python(&os.id, &os.version);
    let python = python.with_context(|| format!("no Python is known for {} {}", os.id, os.version))?;
    refuse(needs, settings, python.as_str())?;
    let work = settings.folder.join(WORK);
    let folder = &settings.folder;
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let _held = guard::hold(lock(folder)?)?;
    fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    let made = make(whom, needs, settings, &work, python.as_str(), listener).map_err(|error| match error
        .downcast::<Failure>(
    ) {
        Ok(failure) => failure,
        Err(error) => Failure::new(Exit::Step, format!("{error:#}"))
            .hint("The same command goes on where this one stopped."),
    })?;
    fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))?;
    Ok(made)
}

fn make(
    whom: &For<'_>,
    needs: &Needs,
    settings: &Settings,
    work: &Path,
    python: &str,
    listener: &dyn Listener,
) -> Result<Made> {
    // Until everything is checked again this is no bundle.
    for name in [SIGNATURE, MANIFEST] {
        match fs::remove_file(settings.folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context("remove the old manifest");
            }
            _ => {}
        }
    }
    let key = Key::of_builder(&settings.key)?;
    let release = whom.release()?;
    let carried = release.map(|(_, carried)| carried);
    let images = release.map(|(release, _)| &release.images);
    let usual = images.map_or_else(String::new, |images| format!("{}/{}", images.registry, images.namespace));
    let mut ground = Ground {
        settings,
        work: work.to_owned(),
        listener,
        key: &key,
        os: whom.os,
        python: python.to_owned(),
        carried,
        tag: images.and_then(|images| images.tag.as_deref()),
        registry: settings.registry.clone().unwrap_or(usual),
        constraints: None,
        made: now()?,
    };
    ground.constraints = constraints(&ground)?;
    let ground = &ground;
    let mut parts = Vec::new();
    // Two lines with the network as what they have in common; images need what both bring.
    let (debs, rest) = thread::scope(|scope| {
        let debs = scope.spawn(|| apt::build(ground, &needs.packages));
        let rest = || -> Result<_> {
            if needs.python.is_empty() && needs.collections.is_empty() && needs.images.is_empty() {
                return Ok((Vec::new(), None));
            }
            let pip = Pip::prepare(ground)?;
            let mut parts = match needs.python.is_empty() {
                true => Vec::new(),
                false => python::build(ground, &pip, &needs.python)?,
            };
            parts.extend(match needs.collections.is_empty() {
                true => Vec::new(),
                false => collections::build(ground, &pip, &needs.collections)?,
            });
            Ok((parts, Some(pip)))
        };
        let rest = rest();
        (debs.join(), rest)
    });
    parts.extend(debs.map_err(|_| anyhow::anyhow!("the thread that fetches packages has panicked"))??);
    let (more, pip) = rest?;
    parts.extend(more);
    if let (Some(pip), false) = (&pip, needs.images.is_empty()) {
        parts.extend(images::build(ground, pip, &needs.images)?);
    }
    if needs.guest {
        parts.push(guest::build(ground)?);
    }
    finish::finish(ground, whom, parts)
}

/// What cannot be begun, all at once.
fn refuse(needs: &Needs, settings: &Settings, python: &str) -> Result<(), Failure> {
    // The box's own version: wheels are made for one.
    let python = (format!("python{python}"), format!("python{python}-venv"));
    let mut tools = vec![("apt-get", "apt"), ("dpkg-deb", "dpkg"), ("mmdebstrap", "mmdebstrap")];
    tools.retain(|(program, _)| *program != "mmdebstrap" || builds(needs, settings));
    if !needs.python.is_empty() || !needs.collections.is_empty() || !needs.images.is_empty() {
        tools.extend([("python3", "python3-venv"), (&*python.0, &*python.1)]);
    }
    if !needs.images.is_empty() {
        tools.push(("skopeo", "skopeo"));
    }
    if builds(needs, settings) {
        tools.extend([("docker", "docker.io"), ("docker-registry", "docker-registry"), ("tar", "tar")]);
        if std::env::var_os("DOCKER_HOST").is_none() {
            tools.push(("dockerd", "docker.io"));
        }
    }
    if needs.guest {
        tools.extend(guest::TOOLS);
    }
    call::need(&tools)?;
    let folder = &settings.folder;
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::new(Exit::Usage, format!("read {}: {error}", folder.display()))),
    };
    let ours = [WORK, MANIFEST].iter().any(|name| folder.join(name).exists());
    if entries.next().is_some() && !ours {
        let message = format!("{} is neither empty nor a bundle", folder.display());
        return Err(Failure::new(Exit::Usage, message).hint("Name a folder that is empty or does not exist."));
    }
    Ok(())
}

/// Whether images may have to be built.
fn builds(needs: &Needs, settings: &Settings) -> bool {
    !needs.images.is_empty() && settings.images != ImageSource::Fetch
}

/// Keeps a second build out for as long as it lives. Tools of one that was killed have a moment to end.
///
/// It is the folder itself that is locked: a file in it would be gone, and made anew by another build, while this one ends.
fn lock(folder: &Path) -> Result<File, Failure> {
    let file = File::open(folder).with_context(|| format!("open {}", folder.display()))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < ENDS => thread::sleep(ENDS / 100),
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(
                    Exit::Locked,
                    format!("another build works in {}", folder.display()),
                ));
            }
            Err(TryLockError::Error(error)) => {
                return Err(Failure::new(Exit::Unexpected, format!("lock {}: {error}", folder.display())));
            }
        }
    }
}

/// The file with the versions that go together, fetched where it is a URL; none for an engine without releases.
fn constraints(ground: &Ground<'_>) -> Result<Option<String>> {
    let usual = ground.carried.map(|carried| carried.constraints.to_string());
    let Some(place) = ground.settings.constraints.clone().or(usual) else { return Ok(None) };
    let file = ground.work.join("constraints.txt");
    if place.contains("://") {
        // apt's own, which knows the proxies of this machine.
        let words = ["/usr/lib/apt/apt-helper", "download-file", &place].map(str::to_owned);
        let words = words.into_iter().chain([file.display().to_string()]);
        Call::new(&ground.log("constraints"), words).run().with_context(|| format!("fetch {place}"))?;
    } else {
        let bytes = fs::read(&place).with_context(|| format!("read {place}"))?;
        place::write(&file, &bytes)?;
    }
    Ok(Some(file.display().to_string()))
}

/// The time that is written into the bundle; SOURCE_DATE_EPOCH gives the same bundle twice the same bytes
/// (reproducible-builds.org).
fn now() -> Result<Timestamp> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            let seconds =
                text.parse().with_context(|| format!("SOURCE_DATE_EPOCH: `{text}` is no number"))?;
            Timestamp::from_second(seconds).context("SOURCE_DATE_EPOCH")
        }
        Err(_) => Ok(Timestamp::from_second(Timestamp::now().as_second())?),
    }
}

/// Does something to each, so many side by side; the first error, after which nothing new is begun.
fn each<T: Sync>(all: &[T], side_by_side: usize, work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<anyhow::Error>> = Mutex::new(None);
    let one = || {
        while let Some(item) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = work(item) {
                next.store(all.len(), Ordering::Relaxed);
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..side_by_side.min(all.len()) {
            scope.spawn(one);
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path) -> Settings {
        Settings {
            folder: folder.to_owned(),
            key: folder.join("key"),
            images: ImageSource::Auto,
            registry: None,
            constraints: None,
        }
    }

    fn nothing() -> Needs {
        Needs { images: vec![], packages: vec![], python: vec![], collections: vec![], guest: false }
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        refuse(&nothing(), &settings(folder.path()), "3.11").unwrap();
        refuse(&nothing(), &settings(&folder.path().join("new")), "3.11").unwrap();
        fs::write(folder.path().join("mine"), "").unwrap();
        let failure = refuse(&nothing(), &settings(folder.path()), "3.11").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        fs::create_dir(folder.path().join(WORK)).unwrap();
        refuse(&nothing(), &settings(folder.path()), "3.11").unwrap();
    }

    #[test]
    fn one_build_at_a_time_works_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        assert_eq!(lock(folder.path()).unwrap_err().exit, Exit::Locked);
        drop(held);
        lock(folder.path()).unwrap();
    }

    #[test]
    fn after_an_error_nothing_new_is_begun() {
        let seen = AtomicUsize::new(0);
        let result = each(&[1, 2, 3, 4, 5], 1, |n| {
            seen.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(*n != 2, "two");
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "two");
        assert_eq!(seen.into_inner(), 2);
        each(&[1, 2, 3], 2, |_| Ok(())).unwrap();
    }
}
