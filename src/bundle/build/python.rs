//! Python packages with everything that they depend on, as wheels in a simple index (PEP 503).
//!
//! pip itself chooses and fetches, with the index and proxies of this machine, for the Python of the box.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Ground,
    place::{self, made},
};
use crate::{
    bundle::{
        digest::Sum,
        manifest::{Kind, Part},
    },
    tool::call::Call,
};

/// The simple index, in the bundle.
pub(super) const SIMPLE: &str = "python/simple";
/// pip in an environment of its own; a system's may be missing or refuse to work (PEP 668).
pub(super) struct Pip<'a> {
    ground: &'a Ground<'a>,
    root: PathBuf,
}

impl<'a> Pip<'a> {
    /// Made once in a folder of work.
    pub(super) fn prepare(ground: &'a Ground<'a>) -> Result<Self> {
        let root = ground.work.join("pip");
        let pip = Self { ground, root };
        if !pip.root.join("made").exists() {
            let venv = [format!("python{}", ground.python), "-m".into(), "venv".into(), "--clear".into()]
                .into_iter();
            let venv = venv.chain([pip.root.display().to_string()]);
            Call::new(&ground.log("venv"), venv).run().context("make an environment for pip")?;
            place::write(&pip.root.join("made"), b"")?;
        }
        Ok(pip)
    }

    /// A call of pip.
    pub(super) fn call(&self, log: &str, words: impl IntoIterator<Item = String>) -> Call {
        let program = [self.root.join("bin/python").display().to_string()];
        let head = ["-m", "pip", "--no-input", "--disable-pip-version-check"].map(str::to_owned);
        Call::new(&self.ground.log(log), program.into_iter().chain(head).chain(words))
    }

    /// The index that this machine asks in place of the usual one.
    pub(super) fn index(&self) -> Result<Option<String>> {
        if let Some(index) = std::env::var("PIP_INDEX_URL").ok().filter(|index| !index.is_empty()) {
            return Ok(Some(index));
        }
        let listed = self.call("pip-config", ["config", "list"].map(str::to_owned)).output()?;
        let mut found = listed.lines().filter_map(|line| line.strip_prefix("global.index-url='"));
        Ok(found.next().map(|rest| rest.trim_end_matches('\'').to_owned()))
    }

    /// Where wheels are fetched to.
    pub(super) fn wheels(&self) -> PathBuf {
        self.ground.work.join("wheels")
    }

    /// Fetches one package without what it depends on: a wheel for any Python. Its file.
    pub(super) fn one(&self, package: &str) -> Result<PathBuf> {
        let found = |folder: &Path| find(folder, package);
        if let Some(file) = found(&self.wheels())? {
            return Ok(file);
        }
        let folder = self.ground.work.join("single");
        if let Some(file) = found(&folder)? {
            return Ok(file);
        }
        let words = ["download", "--no-deps", "--only-binary", ":all:", "--dest"].map(str::to_owned);
        let words = words.into_iter().chain([folder.display().to_string(), package.to_owned()]);
        self.call(&format!("pip-{package}"), words).run().with_context(|| format!("fetch {package}"))?;
        found(&folder)?.with_context(|| format!("fetch {package}: pip has written no wheel of it"))
    }

    /// Fetches the source code of one package, without building anything of it. Its file.
    pub(super) fn source(&self, package: &str) -> Result<PathBuf> {
        let folder = self.ground.work.join("sources").join(package);
        let first = || -> Result<Option<PathBuf>> {
            let Ok(entries) = fs::read_dir(&folder) else { return Ok(None) };
            let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
            files.retain(|file| file.to_string_lossy().ends_with(".tar.gz"));
            Ok(files.pop())
        };
        if let Some(file) = first()? {
            return Ok(file);
        }
        let words = ["download", "--no-deps", "--no-binary", ":all:", "--dest"].map(str::to_owned);
        let words = words.into_iter().chain([folder.display().to_string(), package.to_owned()]);
        let call = self.call(&format!("pip-source-{package}"), words);
        call.run().with_context(|| format!("fetch the source code of {package}"))?;
        first()?.with_context(|| format!("fetch the source code of {package}: there is none"))
    }
}

/// The wheel of `name==version` in a folder.
fn find(folder: &Path, package: &str) -> Result<Option<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(None) };
    let (name, version) =
        package.split_once("==").with_context(|| format!("`{package}` names no version"))?;
    for entry in entries {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if wheel(&file).is_some_and(|(n, v)| normal(&n) == normal(name) && v == version) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Fetches the packages and writes the index; the parts.
pub(super) fn build(ground: &Ground<'_>, pip: &Pip<'_>, packages: &[String]) -> Result<Vec<Part>> {
    let simple = ground.settings.folder.join(SIMPLE);
    again(&simple, &pip.wheels())?;
    ground.said("Fetching Python packages");
    let wanted = pip.wheels();
    fs::create_dir_all(&wanted)?;
    let folder = wanted.display().to_string();
    let mut all = Vec::new();
    if let Some(constraints) = &ground.constraints {
        all.extend(["--constraint".to_owned(), constraints.clone()]);
    }
    all.extend(packages.iter().cloned());
    // Of what is there as source alone, wheels are made.
    let fetch = ["wheel", "--use-pep517", "--wheel-dir", &folder].map(str::to_owned);
    let fetched = pip.call("pip-wheel", fetch.into_iter().chain(all.iter().cloned())).run();
    fetched.context("fetch the Python packages")?;
    // Which of them a box would take that has nothing else: some may be there from an earlier build, and no longer needed.
    let report = ground.work.join("pip-report.json");
    let take = ["install", "--dry-run", "--ignore-installed", "--no-index", "--find-links", &folder];
    let take = take.into_iter().chain(["--quiet", "--report"]).map(str::to_owned);
    let take = take.chain([report.display().to_string()]).chain(all);
    pip.call("pip-report", take).run().context("see whether the Python packages are enough")?;
    let text = fs::read_to_string(&report).with_context(|| format!("read {}", report.display()))?;
    let files = taken(&text).with_context(|| format!("read {}", report.display()))?;
    ensure!(!files.is_empty(), "pip would install nothing; its report is {}", report.display());
    publish(ground, &wanted, &files)
}

/// The wheels in pip's report of an installation (pip's manual, "Installation Report", version 1).
fn taken(text: &str) -> Result<BTreeSet<String>> {
    let report: serde_json::Value = serde_json::from_str(text)?;
    let packages = report["install"].as_array().context("there is no list `install`")?;
    let file = |package: &serde_json::Value| {
        let url = package["download_info"]["url"].as_str().context("a package has no URL")?;
        // A local version has a plus sign.
        Ok(url.rsplit('/').next().unwrap_or_default().replace("%2B", "+"))
    };
    packages.iter().map(file).collect()
}

/// Lays the wheels in the index.
fn publish(ground: &Ground<'_>, wheels: &Path, files: &BTreeSet<String>) -> Result<Vec<Part>> {
    let simple = ground.settings.folder.join(SIMPLE);
    let mut projects: BTreeMap<String, Vec<(&String, Part)>> = BTreeMap::new();
    for file in files {
        let Some((name, version)) = wheel(file) else { bail!("{file} is no wheel") };
        let project = normal(&name);
        place::link(&wheels.join(file), &simple.join(&project).join(file))?;
        let part = made(ground, Kind::Wheel, &project, &version, &format!("{SIMPLE}/{project}/{file}"))?;
        projects.entry(project).or_default().push((file, part));
    }
    place::only(&simple, |name| projects.contains_key(name))?;
    for (project, files) in &projects {
        let folder = simple.join(project);
        place::only(&folder, |name| files.iter().any(|(file, _)| *file == name))?;
        place::write(&folder.join("index.html"), page(project, files.iter().map(link)).as_bytes())?;
    }
    let all = projects.keys().map(|project| format!("<a href=\"{project}/\">{project}</a>"));
    place::write(&simple.join("index.html"), page("Simple index", all).as_bytes())?;
    Ok(projects.into_values().flatten().map(|(_, part)| part).collect())
}

fn link((file, part): &(&String, Part)) -> String {
    // A local version has a plus sign, which is a space in a URL.
    let url = file.replace('%', "%25").replace('+', "%2B");
    format!("<a href=\"{url}#sha256={}\">{file}</a>", part.sha256)
}

/// PEP 503, and PEP 629 for the version.
fn page(title: &str, links: impl Iterator<Item = String>) -> String {
    let links: String = links.map(|link| format!("    {link}<br>\n")).collect();
    format!(
        "<!DOCTYPE html>\n<html>\n  <head>\n    <meta name=\"pypi:repository-version\" content=\"1.0\">\n    \
         <title>{title}</title>\n  </head>\n  <body>\n{links}  </body>\n</html>\n"
    )
}

/// Gives pip back the wheels that an earlier build of this folder has fetched, if they are whole.
fn again(simple: &Path, wheels: &Path) -> Result<()> {
    fs::create_dir_all(simple).with_context(|| format!("make {}", simple.display()))?;
    for project in fs::read_dir(simple)? {
        let project = project?.path();
        let Ok(page) = fs::read_to_string(project.join("index.html")) else { continue };
        for entry in fs::read_dir(&project)? {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let sum = Sum::of_file(&path, |_| {});
            if wheel(&file).is_some() && sum.is_ok_and(|sum| page.contains(sum.sha256.as_str())) {
                place::link(&path, &wheels.join(&file))?;
            }
        }
    }
    Ok(())
}

/// Name and version of a wheel, from its file's name (PEP 427).
fn wheel(file: &str) -> Option<(String, String)> {
    let mut parts = file.strip_suffix(".whl")?.split('-');
    let (name, version) = (parts.next()?, parts.next()?);
    let good = !name.is_empty() && !version.is_empty() && parts.count() >= 3;
    good.then(|| (name.to_owned(), version.to_owned()))
}

/// The normal form of a project's name, PEP 503.
fn normal(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let c = if "-_.".contains(c) { '-' } else { c.to_ascii_lowercase() };
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_standards() {
        assert_eq!(normal("Foo__Bar.-baz"), "foo-bar-baz");
        let of = |file: &str| wheel(file).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(of("kolla_ansible-20.6.0-py3-none-any.whl").as_deref(), Some("kolla_ansible 20.6.0"));
        assert_eq!(of("a-1-2-cp311-abi3-manylinux_2_17_x86_64.whl").as_deref(), Some("a 1"));
        assert_eq!(of("a-1.tar.gz"), None);
        assert_eq!(of("a-1-x.whl"), None);
    }

    #[test]
    fn what_pip_would_install_is_read() {
        let package =
            |file: &str| format!(r#"{{"download_info": {{"url": "file:///w/{file}"}}, "metadata": {{}}}}"#);
        let (a, b) = (package("a-1%2Bx-py3-none-any.whl"), package("b_c-2-py3-none-any.whl"));
        let text = format!(r#"{{"version": "1", "install": [{a}, {b}]}}"#);
        assert_eq!(
            Vec::from_iter(taken(&text).unwrap()),
            ["a-1+x-py3-none-any.whl", "b_c-2-py3-none-any.whl"]
        );
        assert!(taken("{}").is_err());
    }
}
