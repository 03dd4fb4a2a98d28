//! Builds images with kolla's own tool, on a base made of Debian packages, with the services' code from PyPI.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::{
    Ground,
    collections::COLLECTIONS,
    each,
    images::From,
    place,
    python::Pip,
    servers::{engine, registry},
};
use crate::{
    bundle::{
        digest::Sum,
        needs::Image,
        news::{News, Units},
    },
    embedded,
    tool::call::{Call, Service},
};

/// What of kolla's templates is ours.
const OVERRIDE: &str = "bundle/kolla-override.j2";
/// What the database's image asks it with; upstream's is at a place of its own.
const CLUSTERCHECK: &str = "bundle/clustercheck";
/// The name of the base; its tag is a digest of what it is made of.
const BASE: &str = "ciab-base";
/// Packages whose code is fetched at a time.
const SIDE_BY_SIDE: usize = 2;
/// Between two looks at what the build says.
const LOOK: Duration = Duration::from_secs(2);

/// The tools, and what they need to be running.
pub(super) struct Kolla<'a> {
    ground: &'a Ground<'a>,
    pip: &'a Pip<'a>,
    root: PathBuf,
    /// The engine's socket, as DOCKER_HOST names it.
    host: String,
    _engine: Option<Service>,
    port: u16,
    _registry: Service,
}

impl<'a> Kolla<'a> {
    /// Starts a registry, and a container engine where this machine names none (DOCKER_HOST).
    pub(super) fn start(ground: &'a Ground<'a>, pip: &'a Pip<'a>) -> Result<Self> {
        let root = ground.work.join("kolla");
        fs::create_dir_all(&root).with_context(|| format!("make {}", root.display()))?;
        let (host, engine) = match std::env::var("DOCKER_HOST") {
            Ok(host) if !host.is_empty() => (host, None),
            _ => engine(ground)?,
        };
        let (port, registry) = registry(ground)?;
        Ok(Self { ground, pip, root, host, _engine: engine, port, _registry: registry })
    }

    /// Where the images that were built are handed out.
    pub(super) fn registry(&self) -> Result<From> {
        Ok(From { prefix: format!("{}/{}", self.address(), self.namespace()?) })
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn namespace(&self) -> Result<&str> {
        let carried = self.ground.carried.context("engine without images")?;
        Ok(carried.namespace.as_str())
    }

    fn docker(&self, log: &str, words: &[&str]) -> Call {
        let words = ["docker"].iter().chain(words).copied();
        // The builder that every engine has; the newer one asks a registry for what is only here.
        Call::new(&self.ground.log(log), words).env("DOCKER_HOST", &self.host).env("DOCKER_BUILDKIT", "0")
    }

    /// Builds the images and hands them to the registry.
    pub(super) fn build(&self, images: &[&Image]) -> Result<()> {
        let carried = self.ground.carried.context("engine without images")?;
        let base = self.base()?;
        self.ground.said("Fetching the code of the services");
        let config = self.config(&base, images)?;
        let tool = self.tool(carried.build.tool.as_str())?;
        let total = images.len() as u64;
        self.ground.listener.hear(News::Stage { title: "Building images", units: Units::Things, total });
        let mut words =
            vec![tool.display().to_string(), "--config-file".to_owned(), config.display().to_string()];
        words.extend(images.iter().map(|image| format!("^{}$", image.name)));
        let log = self.ground.log("kolla-build");
        let built = self.watched(&log, words, images);
        self.ground.listener.hear(News::Ended);
        built.context("build images")?;
        self.ground.listener.hear(News::Stage {
            title: "Taking images out of the engine",
            units: Units::Things,
            total,
        });
        let pushed = images.iter().try_for_each(|image| self.push(image));
        self.ground.listener.hear(News::Ended);
        pushed
    }

    /// Runs kolla-build; counts the images that its log says are finished.
    fn watched(&self, log: &Path, words: Vec<String>, images: &[&Image]) -> Result<()> {
        let mut build = Call::new(log, words).env("DOCKER_HOST", &self.host).start()?;
        let mut counted = 0;
        loop {
            let ended = build.ended()?;
            let text = fs::read(log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let done =
                images.iter().filter(|image| text.contains(&format!(".{}:Built at ", image.name))).count();
            self.ground.listener.hear(News::Advanced((done - counted) as u64));
            counted = done;
            match ended {
                Some(result) => return result,
                None => sleep(LOOK),
            }
        }
    }

    fn push(&self, image: &Image) -> Result<()> {
        let name = format!("{}:{}", image.repository, image.tag);
        let away = format!("{}/{name}", self.address());
        let log = format!("push-{}", image.name);
        self.docker(&log, &["tag", &name, &away]).run()?;
        self.docker(&log, &["push", &away]).run().with_context(|| format!("take out image {name}"))?;
        self.docker(&log, &["rmi", &away]).run()?;
        self.ground.listener.hear(News::Advanced(1));
        Ok(())
    }

    /// The base of all images; its tag.
    fn base(&self) -> Result<String> {
        let context = self.root.join("base");
        let carried = self.ground.carried.context("engine without images")?;
        let for_build = context.join("ciab-build");
        fs::create_dir_all(&for_build).with_context(|| format!("make {}", for_build.display()))?;
        let sources =
            fs::read(self.ground.work.join("apt/sources.list")).context("read the archives of the build")?;
        place::write(&for_build.join("sources.list"), &sources)?;
        let constraints =
            self.ground.constraints.as_deref().context("a build of images needs constraints")?;
        place::write(&for_build.join("upper-constraints.txt"), &fs::read(constraints)?)?;
        place::write(&for_build.join("clustercheck"), embedded::text(CLUSTERCHECK).as_bytes())?;
        for name in &carried.build.toolbox {
            let file = self.collection(name.as_str())?;
            place::link(&file, &for_build.join(file.file_name().unwrap_or_default()))?;
        }
        let authorities = authorities(&context.join("authorities"))?;
        let recipe = dockerfile(authorities, self.pip.index()?.as_deref());
        place::write(&context.join("Dockerfile"), recipe.as_bytes())?;
        // What is there under this tag was made of the same.
        let tag = format!("{}-{}", self.ground.os.codename, &contents(&context)?.as_str()[..12]);
        let name = format!("{BASE}:{tag}");
        if self.docker("base-there", &["image", "inspect", &name]).run().is_ok() {
            return Ok(tag);
        }
        self.ground.said("Making the base of the images of Debian packages");
        let root = context.join("root.tar");
        let words = [
            "mmdebstrap",
            "--variant=minbase",
            "--include=ca-certificates,gnupg",
            &self.ground.os.codename,
            &root.display().to_string(),
            &for_build.join("sources.list").display().to_string(),
        ];
        Call::new(&self.ground.log("mmdebstrap"), words).run().context("make a root of Debian packages")?;
        let context = context.display().to_string();
        self.docker("base", &["build", "--network", "host", "--tag", &name, &context]).run()?;
        fs::remove_file(&root)?;
        Ok(tag)
    }

    /// The tarball of a collection that the bundle has.
    fn collection(&self, name: &str) -> Result<PathBuf> {
        let folder = self.ground.settings.folder.join(COLLECTIONS);
        let head = format!("{}-", name.replace('.', "-"));
        for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&head)) {
                return Ok(path);
            }
        }
        bail!("the collection {name}, which the toolbox needs, is not in {}", folder.display())
    }

    /// kolla-build, in an environment of its own.
    fn tool(&self, package: &str) -> Result<PathBuf> {
        let venv = self.root.join("venv");
        let program = venv.join("bin/kolla-build");
        if venv.join("made").exists() {
            return Ok(program);
        }
        let words = ["python3", "-m", "venv", "--clear"].map(str::to_owned).into_iter();
        let words = words.chain([venv.display().to_string()]);
        Call::new(&self.ground.log("venv-kolla"), words).run().context("make an environment for kolla")?;
        let words = ["install", "--quiet", package, "docker"].map(str::to_owned);
        let python = [venv.join("bin/python").display().to_string(), "-m".to_owned(), "pip".to_owned()];
        let call = Call::new(&self.ground.log("pip-kolla"), python.into_iter().chain(words));
        call.run().with_context(|| format!("install {package}"))?;
        place::write(&venv.join("made"), b"")?;
        Ok(program)
    }

    /// Writes kolla-build's settings.
    fn config(&self, base: &str, images: &[&Image]) -> Result<PathBuf> {
        let carried = self.ground.carried.context("engine without images")?;
        let tool = self.tool(carried.build.tool.as_str())?;
        let tag = self.ground.tag.context("engine without images")?;
        place::write(&self.root.join("override.j2"), embedded::text(OVERRIDE).as_bytes())?;
        place::write(&self.root.join("repos.yaml"), b"debian: {}\n")?;
        // The tool makes no folder for what each image's build says.
        let logs = self.root.join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("make {}", logs.display()))?;
        let own = |name: &str| self.root.join(name).display().to_string();
        let mut text = format!(
            "[DEFAULT]\nbase = debian\nbase_image = {BASE}\nbase_tag = {base}\nnamespace = {}\ntag = {tag}\n\
             engine = docker\nnetwork_mode = host\nthreads = {}\nskip_existing = true\nskip_parents = false\n\
             pull = false\npush = false\nretries = 1\nformat = none\nrepos_yaml = {}\ntemplate_override = {}\nlogs_dir = {}\n",
            carried.namespace,
            std::thread::available_parallelism().map_or(1, usize::from),
            own("repos.yaml"),
            own("override.j2"),
            own("logs"),
        );
        let mut section = |name: &str, file: &Path| {
            text += &format!("[{name}]\ntype = local\nlocation = {}\n", file.display());
        };
        section("openstack-base", &self.requirements()?);
        let sources: Vec<_> = carried
            .build
            .sources
            .iter()
            .filter(|(name, _)| images.iter().any(|image| concerns(name, &image.name)))
            .collect();
        each(&sources, SIDE_BY_SIDE, |(_, package)| self.pip.source(package.as_str()).map(drop))?;
        for (name, package) in &sources {
            section(name, &self.pip.source(package.as_str())?);
        }
        // Plugins whose code would come from elsewhere.
        let list = "from kolla.common.sources import SOURCES; print('\\n'.join(SOURCES))";
        let python = tool.with_file_name("python").display().to_string();
        let known = Call::new(&self.ground.log("kolla-sources"), [python.as_str(), "-c", list]).output()?;
        for name in known.lines().filter(|name| name.contains("-plugin-")) {
            if !carried.build.sources.contains_key(name) {
                text += &format!("[{name}]\nenabled = false\n");
            }
        }
        let path = self.root.join("kolla-build.conf");
        place::write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// What takes the place of OpenStack's repository of requirements: the list alone is read.
    fn requirements(&self) -> Result<PathBuf> {
        let folder = self.root.join("requirements");
        let constraints =
            self.ground.constraints.as_deref().context("a build of images needs constraints")?;
        place::write(&folder.join("upper-constraints.txt"), &fs::read(constraints)?)?;
        let file = self.root.join("requirements.tar.gz");
        let words = ["tar", "-C"].map(str::to_owned).into_iter().chain([
            self.root.display().to_string(),
            "-czf".to_owned(),
            file.display().to_string(),
            "requirements".to_owned(),
        ]);
        Call::new(&self.ground.log("requirements"), words).run()?;
        Ok(file)
    }
}

/// Whether a source of kolla's is in an image: `nova-base` is in `nova-api`, and so is `nova-base-plugin-x`.
fn concerns(source: &str, image: &str) -> bool {
    let parent = source.split("-plugin-").next().unwrap_or(source);
    let service = parent.strip_suffix("-base").unwrap_or(parent);
    image.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Copies the authorities that this machine trusts beside those of Debian: without them a build behind a proxy that
/// looks into TLS fetches nothing. How many there are.
fn authorities(folder: &Path) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let Ok(entries) = fs::read_dir("/usr/local/share/ca-certificates") else { return Ok(0) };
    let mut count = 0;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "crt") {
            place::write(&folder.join(path.file_name().unwrap_or_default()), &fs::read(&path)?)?;
            count += 1;
        }
    }
    Ok(count)
}

fn dockerfile(authorities: usize, index: Option<&str>) -> String {
    let mut text = "FROM scratch\nADD root.tar /\nCOPY ciab-build /usr/share/ciab-build\n".to_owned();
    if authorities > 0 {
        text += "COPY authorities /usr/local/share/ca-certificates\nRUN update-ca-certificates\n";
        let bundle = "/etc/ssl/certs/ca-certificates.crt";
        // Python programs bring lists of their own.
        text += &format!("ENV PIP_CERT={bundle} REQUESTS_CA_BUNDLE={bundle} SSL_CERT_FILE={bundle}\n");
    }
    if let Some(index) = index {
        text += &format!("ENV PIP_INDEX_URL={index}\n");
    }
    text
}

/// A digest of all files below a folder but the root that is made from them.
fn contents(folder: &Path) -> Result<crate::boxfile::content::Sha256Text> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "root.tar") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut text = String::new();
    for file in files {
        let sum = Sum::of_file(&file, |_| {}).with_context(|| format!("read {}", file.display()))?;
        text += &format!("{} {}\n", file.display(), sum.sha256);
    }
    Ok(Sum::of(text.as_bytes()).sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_carries_authorities_and_an_index_where_this_machine_has_them() {
        assert!(!dockerfile(0, None).contains("ENV"));
        let text = dockerfile(1, Some("https://index.example.org/simple"));
        assert!(
            text.contains("update-ca-certificates")
                && text.contains("ENV PIP_INDEX_URL=https://index.example.org/simple")
        );
    }

    #[test]
    fn a_source_is_fetched_for_its_own_images_alone() {
        for (source, image) in [
            ("nova-base", "nova-api"),
            ("horizon", "horizon"),
            ("octavia-api-plugin-ovn-octavia-provider", "octavia-api"),
        ] {
            assert!(concerns(source, image), "{source} {image}");
        }
        for (source, image) in [("nova-base", "cron"), ("horizon", "horizons"), ("heat-base", "keystone")] {
            assert!(!concerns(source, image), "{source} {image}");
        }
    }

    #[test]
    fn a_base_is_known_by_what_it_is_made_of() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "1").unwrap();
        let first = contents(folder.path()).unwrap();
        fs::write(folder.path().join("root.tar"), "x").unwrap();
        assert_eq!(contents(folder.path()).unwrap(), first);
        fs::write(folder.path().join("a"), "2").unwrap();
        assert_ne!(contents(folder.path()).unwrap(), first);
    }
}
