//! APT packages: installed, after whatever an interrupted dpkg left has been finished.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
};

use super::{Changed, Host};
use crate::{
    agent::durable::{self, Meta},
    step::Answer,
    tree::sha256,
};

/// For one call of apt-get; the step's own limit is what an operator sees.
const LIMIT: Duration = Duration::from_secs(3600);

/// How long somebody else's apt (unattended upgrades after a first boot) is waited for.
const LOCK: Duration = Duration::from_secs(300);

/// apt-get waits for dpkg's lock itself, but not for this one.
const LISTS_LOCK: &str = "/var/lib/apt/lists/lock";

/// Digest of the sources when we last refreshed the lists, in our record.
const SOURCES: &str = "apt-sources";

pub(super) fn probe(names: &[String], host: &Host) -> Result<Answer> {
    let missing = missing(names, host)?;
    Ok(if missing.is_empty() {
        Answer::Holds
    } else {
        Answer::Missing(format!("not installed: {}", missing.join(" ")))
    })
}

pub(super) fn apply(names: &[String], host: &Host, out: &mut dyn Write) -> Result<Changed> {
    repair(host, out)?;
    let missing = missing(names, host)?;
    if missing.is_empty() {
        return Ok(Changed::new("finished the installation"));
    }
    let now = sources(host)?;
    let kept = durable::read(&host.state(SOURCES))?;
    let known = kept.as_deref() == Some(now.as_bytes()) && unknown(&missing, host)?.is_empty();
    if !known {
        refresh(&now, host, out)?;
        let unknown = unknown(&missing, host)?;
        ensure!(unknown.is_empty(), "no APT source of this box has {}", unknown.join(" "));
    }
    let installed = install(&missing, host, out);
    if installed.is_err() && known {
        // Lists grow old: what they name may be gone from the mirror.
        refresh(&now, host, out)?;
        install(&missing, host, out)?;
    } else {
        installed?;
    }
    Ok(Changed::new(format!("installed {}", missing.join(" "))))
}

fn missing(names: &[String], host: &Host) -> Result<Vec<String>> {
    for name in names {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.:".contains(c);
        ensure!(
            !name.starts_with('-') && !name.is_empty() && name.chars().all(good),
            "`{name}` is no package name"
        );
    }
    let format = "--showformat=${Package}\t${Architecture}\t${db:Status-Status}\n";
    let words = ["dpkg-query", "--show", format, "--"].into_iter().chain(names.iter().map(String::as_str));
    // Status 1 is "one of them is unknown"; the known ones are listed all the same.
    let output = host.call(words).output()?;
    ensure!(matches!(output.status.code(), Some(0 | 1)), "dpkg-query: {}: {}", output.status, output.tail());
    let installed = parse_installed(&output.stdout);
    Ok(names.iter().filter(|name| !installed.contains(name.as_str())).cloned().collect())
}

/// The names of what is fully installed, each alone and with its architecture.
fn parse_installed(text: &str) -> BTreeSet<String> {
    let fields = text.lines().filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok());
    let installed = fields.filter(|[_, _, status]: &[&str; 3]| *status == "installed");
    installed.flat_map(|[name, arch, _]| [name.to_owned(), format!("{name}:{arch}")]).collect()
}

/// Finishes what a power cut or a kill interrupted; apt-get refuses to work before.
fn repair(host: &Host, out: &mut dyn Write) -> Result<()> {
    let updates = host.path("/var/lib/dpkg/updates")?;
    let journal = updates.is_dir() && fs::read_dir(&updates)?.next().is_some();
    if !journal && host.call(["dpkg", "--audit"]).ok()?.trim().is_empty() {
        return Ok(());
    }
    writeln!(out, "finishing what an interrupted dpkg left")?;
    let configure = ["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"];
    if let Err(error) = host.call(configure).limit(LIMIT).told(out) {
        // A package that was cut while being unpacked has to be unpacked again, which is apt's to do.
        writeln!(out, "dpkg alone could not: {error:#}")?;
    }
    apt(["--fix-broken", "install"], host, out).context("finish what an interrupted dpkg left")
}

fn install(names: &[String], host: &Host, out: &mut dyn Write) -> Result<()> {
    let words = ["install", "--"].into_iter().chain(names.iter().map(String::as_str));
    apt(words, host, out)
}

fn apt<'a>(words: impl IntoIterator<Item = &'a str>, host: &Host, out: &mut dyn Write) -> Result<()> {
    let options = [
        &format!("DPkg::Lock::Timeout={}", LOCK.as_secs()),
        "Acquire::Retries=3",
        "Dpkg::Use-Pty=0",
        "Dpkg::Options::=--force-confdef",
        "Dpkg::Options::=--force-confold",
    ];
    let mut argv: Vec<String> =
        ["apt-get", "--quiet", "--yes", "--no-install-recommends"].map(str::to_owned).into();
    argv.extend(options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]));
    argv.extend(words.into_iter().map(str::to_owned));
    host.call(argv).limit(LIMIT).told(out).map(|_| ())
}

/// Those of the packages that the lists have no version of.
fn unknown(names: &[String], host: &Host) -> Result<Vec<String>> {
    let words = ["apt-cache", "policy", "--"].into_iter().chain(names.iter().map(String::as_str));
    let policy = host.call(words).ok()?;
    let known = parse_candidates(&policy);
    // The architecture is named in the answer only when it is a foreign one.
    let base = |name: &str| name.split_once(':').map_or(name.to_owned(), |(base, _)| base.to_owned());
    let has = |name: &str| known.contains(name) || known.contains(base(name).as_str());
    Ok(names.iter().filter(|name| !has(name)).cloned().collect())
}

/// The packages that have a candidate version.
fn parse_candidates(text: &str) -> BTreeSet<&str> {
    let (mut known, mut name) = (BTreeSet::new(), "");
    for line in text.lines() {
        if let Some(head) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            name = head;
        } else if line.trim().strip_prefix("Candidate: ").is_some_and(|version| version != "(none)") {
            known.insert(name);
        }
    }
    known
}

fn refresh(sources: &str, host: &Host, out: &mut dyn Write) -> Result<()> {
    wait_for_lists(&host.path(LISTS_LOCK)?)?;
    // Without the error mode apt-get says 0 when it could fetch nothing at all.
    let update = apt(["-o", "APT::Update::Error-Mode=any", "update"], host, out);
    if let Err(error) = update {
        // One broken source of the operator's must not stop us when the others have what is needed.
        writeln!(out, "not every APT source could be refreshed: {error:#}")?;
        return Ok(());
    }
    durable::write(&host.state(SOURCES), sources.as_bytes(), Meta::PRIVATE)
}

/// The digest of all that says where packages come from.
fn sources(host: &Host) -> Result<String> {
    let mut files = vec![host.path("/etc/apt/sources.list")?];
    for folder in ["sources.list.d", "trusted.gpg.d", "keyrings"] {
        let folder = host.path(&format!("/etc/apt/{folder}"))?;
        if folder.is_dir() {
            let entries: Result<Vec<PathBuf>, _> =
                fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect();
            files.extend(entries.map_err(|error: std::io::Error| error).context("list the APT sources")?);
        }
    }
    files.sort();
    let mut all = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        all.extend(format!("{}\n", sha256(&durable::read(file)?.unwrap_or_default())).bytes());
    }
    Ok(sha256(&all))
}

fn wait_for_lists(path: &PathBuf) -> Result<()> {
    let start = Instant::now();
    while held(path)? {
        if start.elapsed() > LOCK {
            bail!("another apt holds {} for more than {} s", path.display(), LOCK.as_secs());
        }
        sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Whether another process holds a write lock (fcntl) on a file.
fn held(path: &PathBuf) -> Result<bool> {
    let Ok(file) = File::open(path) else {
        return Ok(false);
    };
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_GETLK(&mut lock))
        .with_context(|| format!("look at the lock {}", path.display()))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    fn names(names: &str) -> Vec<String> {
        names.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_the_fully_installed_counts() {
        let b = Box::new().says(
            "dpkg-query",
            1,
            "jq\tamd64\tinstalled\ngit\tamd64\thalf-configured\nvim\tamd64\tconfig-files\n",
        );
        assert_eq!(
            probe(&names("jq jq:amd64 git vim none"), &b.host).unwrap(),
            Answer::Missing("not installed: git vim none".into())
        );
        assert_eq!(probe(&names("jq"), &b.host).unwrap(), Answer::Holds);
    }

    #[test]
    fn a_candidate_of_none_is_unknown() {
        let text = "jq:\n  Installed: (none)\n  Candidate: 1.6-2.1\n  Version table:\n     1.6-2.1 500\nold:\n  Candidate: (none)\n";
        assert_eq!(parse_candidates(text), BTreeSet::from(["jq"]));
    }

    #[test]
    fn lists_are_refreshed_once_for_the_same_sources() {
        let b = Box::new().says("apt-cache", 0, "jq:\n  Candidate: 1\n");
        let updates = |b: &Box| b.ran().iter().filter(|line| line.ends_with(" update")).count();
        for (source, expected) in [("deb a", 1), ("deb a", 1), ("deb b", 2)] {
            b.file("/etc/apt/sources.list", source);
            apply(&names("jq"), &b.host, &mut Vec::new()).unwrap();
            assert_eq!(updates(&b), expected, "{source}");
        }
    }

    #[test]
    fn a_package_nobody_has_is_named() {
        let b = Box::new();
        let error = apply(&names("nojq"), &b.host, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "no APT source of this box has nojq");
        assert!(b.ran().iter().any(|line| line.ends_with(" update")));
    }

    #[test]
    fn an_interrupted_dpkg_is_finished_first() {
        let b = Box::new().says("apt-cache", 0, "jq:\n  Candidate: 1\n");
        b.file("/var/lib/dpkg/updates/0001", "");
        apply(&names("jq"), &b.host, &mut Vec::new()).unwrap();
        assert_eq!(b.ran()[0], "dpkg --configure -a --force-confdef --force-confold");
        assert!(b.ran()[1].ends_with("--fix-broken install"));
    }

    #[test]
    fn words_that_are_no_names_are_refused() {
        for bad in ["--reinstall", "a b", "", "jq=1"] {
            assert!(probe(&[bad.to_owned()], &Box::new().host).is_err(), "{bad}");
        }
    }
}
