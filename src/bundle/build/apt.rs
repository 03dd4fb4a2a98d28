//! Debian packages with everything that they depend on, as an archive that apt(8) takes.
//!
//! apt itself chooses and fetches, with the mirrors and proxies of this machine, for a system on which nothing is
//! installed: so the packages are enough whatever the box has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::{
    Ground,
    place::{self, made},
};
use crate::{
    bundle::{
        APT_KEY,
        digest::Sum,
        manifest::{Kind, Part},
        openpgp,
    },
    profile::OsRelease,
    tool::call::Call,
};

/// Of the archive, in the bundle.
pub(super) const APT: &str = "apt";
/// Where the packages lie, below `apt/`.
const POOL: &str = "pool";
/// Only this one is built for.
pub(super) const ARCHITECTURE: &str = "amd64";
const COMPONENT: &str = "main";

/// A package as its control file tells it.
struct Package {
    name: String,
    version: String,
    control: String,
    file: String,
}

/// Fetches the packages and writes the archive; the parts.
pub(super) fn build(ground: &Ground<'_>, names: &[String]) -> Result<Vec<Part>> {
    let pool = ground.settings.folder.join(APT).join(POOL);
    fs::create_dir_all(&pool).with_context(|| format!("make {}", pool.display()))?;
    let apt = Apt::prepare(ground)?;
    let index = root_index(ground);
    again(&pool, &index, &apt.archives())?;
    ground.said("Fetching Debian packages");
    apt.call("update", ["update"]).run().context("read the package lists")?;
    let files = apt.chosen(names)?;
    apt.call("fetch", ["--download-only", "install"].into_iter().chain(names.iter().map(String::as_str)))
        .run()
        .context("fetch the packages")?;
    let mut packages = Vec::new();
    for file in &files {
        let archive = apt.archives().join(file);
        let control = control(ground, &archive)?;
        let [name, version, architecture] =
            ["Package", "Version", "Architecture"].map(|key| field(&control, key));
        // The epoch is no part of a file's name in an archive: a colon would have to be escaped twice.
        let plain = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest);
        let file = format!("{name}_{plain}_{architecture}.deb");
        place::link(&archive, &pool.join(&file))?;
        packages.push(Package { name, version, control, file });
    }
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let keep: BTreeSet<&str> = packages.iter().map(|package| package.file.as_str()).collect();
    place::only(&pool, |name| keep.contains(name))?;
    publish(ground, &packages)
}

/// Fetches packages that are taken apart here, with all that they depend on; the lists were read by then.
pub(super) fn fetch(ground: &Ground<'_>, names: &[&str]) -> Result<Vec<PathBuf>> {
    let apt = Apt::prepare(ground)?;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let files = apt.chosen(&names)?;
    let words = ["--download-only", "install"].into_iter().chain(names.iter().map(String::as_str));
    apt.call("fetch-more", words).run().context("fetch packages")?;
    Ok(files.into_iter().map(|file| apt.archives().join(file)).collect())
}

/// Writes `Packages`, `Release` and its signatures.
fn publish(ground: &Ground<'_>, packages: &[Package]) -> Result<Vec<Part>> {
    let root = ground.settings.folder.join(APT);
    let mut parts = Vec::new();
    let mut index = String::new();
    for package in packages {
        let path = format!("{APT}/{POOL}/{}", package.file);
        let part = made(ground, Kind::Deb, &package.name, &package.version, &path)?;
        index += package.control.trim_end();
        index +=
            &format!("\nFilename: {POOL}/{}\nSize: {}\nSHA256: {}\n\n", package.file, part.size, part.sha256);
        parts.push(part);
    }
    let codename = &ground.os.codename;
    let suite = root.join("dists").join(codename);
    let packages = index_path();
    place::write(&suite.join(&packages), index.as_bytes())?;
    let release = release(codename, &ground.made, &[(&packages, &Sum::of(index.as_bytes()))]);
    let time = u32::try_from(ground.made.as_second()).unwrap_or(u32::MAX);
    place::write(&suite.join("Release"), release.as_bytes())?;
    place::write(
        &suite.join("Release.gpg"),
        openpgp::detached(ground.key, release.as_bytes(), time).as_bytes(),
    )?;
    place::write(&suite.join("InRelease"), openpgp::clear(ground.key, &release, time).as_bytes())?;
    place::write(&root.join(APT_KEY), openpgp::public(ground.key).as_bytes())?;
    Ok(parts)
}

/// The text of a Release file.
fn release(codename: &str, made: &Timestamp, indexes: &[(&str, &Sum)]) -> String {
    let mut text = format!(
        "Origin: ciab\nLabel: ciab bundle\nSuite: {codename}\nCodename: {codename}\nDate: {}\n\
         Architectures: {ARCHITECTURE}\nComponents: {COMPONENT}\nDescription: Packages that an offline box needs\n\
         SHA256:\n",
        made.strftime("%a, %d %b %Y %H:%M:%S UTC")
    );
    for (path, sum) in indexes {
        text += &format!(" {} {} {path}\n", sum.sha256, sum.size);
    }
    text
}

/// apt with folders of its own, so that nothing of this machine but its mirrors and proxies takes part.
struct Apt<'a> {
    ground: &'a Ground<'a>,
    root: PathBuf,
}

impl<'a> Apt<'a> {
    fn prepare(ground: &'a Ground<'a>) -> Result<Self> {
        let apt = Self { ground, root: ground.work.join("apt") };
        for folder in ["state/lists/partial", "cache/archives/partial"] {
            let folder = apt.root.join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        }
        place::write(&apt.root.join("status"), b"")?;
        let targets = Call::new(
            &ground.log("apt-targets"),
            [
                "apt-get",
                "indextargets",
                "--format",
                "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                "Created-By: Packages",
            ],
        );
        let own = targets.output().context("ask apt for the archives of this machine")?;
        let sources = sources(&own, ground.os);
        place::write(&apt.root.join("sources.list"), sources.as_bytes())?;
        Ok(apt)
    }

    fn archives(&self) -> PathBuf {
        self.root.join("cache/archives")
    }

    fn call<'w>(&self, log: &str, words: impl IntoIterator<Item = &'w str>) -> Call {
        let path = |inside: &str| self.root.join(inside).display().to_string();
        let options = [
            format!("Dir::State={}", path("state")),
            format!("Dir::State::status={}", path("status")),
            format!("Dir::Cache={}", path("cache")),
            format!("Dir::Etc::sourcelist={}", path("sources.list")),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            "Dir::Etc::preferences=/dev/null".to_owned(),
            "Dir::Etc::preferencesparts=/dev/null".to_owned(),
            format!("APT::Architecture={ARCHITECTURE}"),
            format!("APT::Architectures={ARCHITECTURE}"),
            "APT::Install-Recommends=false".to_owned(),
            // Its own user may not write in our folders.
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
            // Hooks of this machine are for its own packages.
            "APT::Update::Post-Invoke-Success=".to_owned(),
            "APT::Update::Post-Invoke=".to_owned(),
        ];
        let options = options.into_iter().flat_map(|option| ["-o".to_owned(), option]);
        let words = words.into_iter().map(str::to_owned);
        let argv = ["apt-get".to_owned(), "-qy".to_owned()].into_iter().chain(options).chain(words);
        Call::new(&self.ground.log(&format!("apt-{log}")), argv)
    }

    /// The names under which apt keeps what it would install.
    fn chosen(&self, names: &[String]) -> Result<Vec<String>> {
        // With an archive at hand apt leaves it out of the list: it is asked with an empty cache.
        let empty = self.root.join("empty");
        fs::create_dir_all(empty.join("partial"))?;
        let cache = format!("Dir::Cache::archives={}", empty.display());
        let words =
            ["-o", &cache, "--print-uris", "install"].into_iter().chain(names.iter().map(String::as_str));
        let text = self.call("choose", words).output().context("choose packages")?;
        let files = chosen(&text);
        ensure!(!files.is_empty(), "apt chose no packages");
        Ok(files)
    }
}

/// The second word of each line of `--print-uris`: `'URI' FILE SIZE DIGEST`.
fn chosen(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with('\''));
    let files = lines.filter_map(|line| line.split_ascii_whitespace().nth(1));
    files.filter(|file| file.ends_with(".deb") && !file.contains('/')).map(str::to_owned).collect()
}

/// sources.list(5) for the system of the box: where this machine has archives of it, its own; else the system's usual ones.
fn sources(own: &str, os: &OsRelease) -> String {
    let archive = &os.archive;
    let suites: Vec<&String> =
        [&os.codename].into_iter().chain(&archive.suites).chain([&archive.security_suite]).collect();
    let mut found: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for line in own.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [uri, release, component] = words[..]
            && suites.iter().any(|suite| *suite == release)
            && archive.components.iter().any(|known| known == component)
        {
            found.entry((uri, release)).or_default().insert(component);
        }
    }
    let signed = &archive.signed_by;
    let line = |uri: &str, suite: &str, components: &[&str]| {
        format!("deb [signed-by={signed}] {uri} {suite} {}\n", components.join(" "))
    };
    if found.keys().any(|(_, release)| *release == os.codename) {
        let lines = found.iter().map(|((uri, suite), components)| {
            line(uri, suite, &components.iter().copied().collect::<Vec<_>>())
        });
        return lines.collect();
    }
    let components: Vec<&str> = archive.components.iter().map(String::as_str).collect();
    let usual = suites.iter().map(|suite| {
        let security = **suite == archive.security_suite;
        line(if security { &archive.security_mirror } else { &archive.mirror }, suite, &components)
    });
    usual.collect()
}

/// The index that an earlier build of this folder has written; empty where there is none.
fn root_index(ground: &Ground<'_>) -> String {
    let suite = ground.settings.folder.join(APT).join("dists").join(&ground.os.codename);
    fs::read_to_string(suite.join(index_path())).unwrap_or_default()
}

fn index_path() -> String {
    format!("{COMPONENT}/binary-{ARCHITECTURE}/Packages")
}

/// Gives apt back the packages that an earlier build of this folder has fetched. apt takes an archive of the right size
/// for a whole one, so each has to have the digest that the earlier index says.
fn again(pool: &Path, index: &str, archives: &Path) -> Result<()> {
    for stanza in index.split("\n\n").filter(|stanza| !stanza.trim().is_empty()) {
        let [name, version, architecture, file, sum] =
            ["Package", "Version", "Architecture", "Filename", "SHA256"].map(|key| field(stanza, key));
        let Some(file) = Path::new(&file).file_name() else { continue };
        let path = pool.join(file);
        if Sum::of_file(&path, |_| {}).is_ok_and(|found| found.sha256.as_str() == sum) {
            let name = format!("{name}_{}_{architecture}.deb", version.replace(':', "%3a"));
            place::link(&path, &archives.join(name))?;
        }
    }
    Ok(())
}

fn control(ground: &Ground<'_>, file: &Path) -> Result<String> {
    let argv = ["dpkg-deb", "--field"].map(str::to_owned).into_iter().chain([file.display().to_string()]);
    Call::new(&ground.log("dpkg-deb"), argv).output().with_context(|| format!("read {}", file.display()))
}

/// A field of a control file that stands on one line.
fn field(control: &str, name: &str) -> String {
    let line = control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map_or(String::new(), |value| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{boxfile::ProfileName, profile::Profile};

    #[test]
    fn archives_of_this_machine_come_first_and_others_not_at_all() {
        let base = Profile::load(ProfileName::Base).unwrap();
        let os = base.os_release("debian", "12").unwrap();
        let own = "http://mirror.example.org/debian/ bookworm main\n\
                   http://mirror.example.org/debian/ bookworm contrib\n\
                   http://mirror.example.org/debian-security/ bookworm-security main\n\
                   https://third.example.org/apt cloud-sdk-bookworm main\n";
        assert_eq!(
            sources(own, os),
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example.org/debian-security/ bookworm-security main\n\
             deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example.org/debian/ bookworm main\n"
        );
        let other = sources("http://mirror.example.org/debian/ trixie main\n", os);
        assert_eq!(other.lines().count(), 3);
        assert!(other.contains(" http://deb.debian.org/debian bookworm main\n"), "{other}");
    }

    #[test]
    fn files_are_read_off_what_apt_prints() {
        let text = "Reading package lists...\n\
                    'http://m/debian/pool/main/a/a_1%253a2_amd64.deb' a_1%3a2_amd64.deb 12 SHA256:ab\n\
                    'http://m/x' ../x.deb 1 SHA256:ab\n";
        assert_eq!(chosen(text), ["a_1%3a2_amd64.deb"]);
    }

    #[test]
    fn a_release_file_lists_its_indexes() {
        let sum = Sum::of(b"abc");
        let text = release("bookworm", &Timestamp::UNIX_EPOCH, &[("main/binary-amd64/Packages", &sum)]);
        assert!(text.contains("Date: Thu, 01 Jan 1970 00:00:00 UTC\n"), "{text}");
        assert!(
            text.ends_with(&format!("SHA256:\n {} 3 main/binary-amd64/Packages\n", sum.sha256)),
            "{text}"
        );
    }
}
