//! `ciab init`: asks for what a box file needs, and writes it.

use std::{
    env, fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use super::{detect, look::Look};
use crate::{
    ask::{
        self, Prompts, Terminal,
        wizard::{self, Draft, Eyes, Seen, Target},
    },
    boxfile::{BoxFile, args::USUAL},
    facts::Facts,
    failure::{Exit, Failure},
    report::out,
};

/// Asks for what a box file needs, and writes it.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Where the box file goes; ./box.yaml when left out.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the box is: user@host, an SSH alias, or local.
    #[arg(long, value_name = "TARGET")]
    pub box_target: Option<String>,
    /// Take what the box is from this recording of `ciab detect --record` instead of looking at it.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// How long the SSH agent may take to list its keys.
const AGENT: Duration = Duration::from_secs(3);

/// Asks and writes. Nothing is written unless the last question is answered so.
pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(USUAL));
    let terminal = Terminal::here().ok_or_else(|| {
        ask::nobody("where is the box").hint(
            "without a terminal write the box file by hand: `ciab schema` and docs/box.md show every key",
        )
    })?;
    let replay = args.replay.as_deref().map(detect::load).transpose()?;
    let target = Target { there: existing(&path)?, path: path.display().to_string(), proxy: own_proxy() };
    let mut prompts = Prompts::on(terminal)?;
    let found = prompts.unless_interrupted(own_keys()).await?;
    let draft = Draft { target: args.box_target.clone(), ..Draft::default() };
    let mut eyes = LookThere {
        replay: replay.map(|recording| Facts::read(&recording)),
        prompts: Prompts::on(terminal)?,
    };
    let Some(text) = wizard::ask(&mut prompts, &mut eyes, draft, &found, &target).await? else {
        return Err(Failure::new(Exit::Interrupted, "nothing was written, as you wished"));
    };
    write(&path, &text, if target.there.is_some() { Consent::Replace } else { Consent::Create })?;
    out::note(&format!("{} is written. Next:", target.path));
    next(&path).lines().for_each(out::note);
    Ok(Exit::Done)
}

/// Looks at the box over a link, or takes what a recording tells.
struct LookThere {
    replay: Option<Facts>,
    prompts: Prompts,
}

impl Eyes for LookThere {
    async fn look(&mut self, boxfile: &BoxFile) -> Result<Seen, Failure> {
        if let Some(facts) = &self.replay {
            return Ok(Seen { facts: facts.clone(), host_key: None });
        }
        let look = async {
            let look = Look::at(boxfile).await?;
            Ok::<_, Failure>((look.recording().await?, look.link.host_key()))
        };
        let (recording, host_key) = self.prompts.unless_interrupted(look).await??;
        Ok(Seen { facts: Facts::read(&recording), host_key })
    }
}

/// The text of the file that stands there already; a folder that does not exist is said before any question.
fn existing(path: &Path) -> Result<Option<String>, Failure> {
    let folder = folder(path);
    if !folder.is_dir() {
        return Err(Failure::new(
            Exit::Usage,
            format!("write {}: there is no folder {}", path.display(), folder.display()),
        ));
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(Exit::Usage, format!("read {}: {error}", path.display()))),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file that stands there may be replaced: one that came to be meanwhile may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    Create,
    Replace,
}

/// Whole or not at all. A box file holds no secret, so others may read it.
fn write(path: &Path, text: &str, consent: Consent) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::new(Exit::Usage, format!("write {}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                failure.hint("somebody wrote it meanwhile; look at it, then run this again")
            }
            _ => failure.hint("`-o FILE` writes it elsewhere"),
        }
    };
    let mut file = tempfile::Builder::new().prefix(".box-").tempfile_in(folder(path)).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match consent {
        Consent::Create => file.persist_noclobber(path),
        Consent::Replace => file.persist(path),
    }
    .map_err(|error| failed(error.error))?;
    Ok(())
}

/// The commands that come next, as they have to be typed.
fn next(path: &Path) -> String {
    let name = match path == Path::new(USUAL) {
        true => String::new(),
        false => format!(" {}", shlex::try_quote(&path.to_string_lossy()).unwrap_or_default()),
    };
    format!(
        "  ciab check{name}    what stands against a deployment\n\
         \x20 ciab plan{name}     what will be done, and why\n\
         \x20 ciab deploy{name}   does it"
    )
}

/// The person's public keys: files, and what the agent lists.
async fn own_keys() -> Vec<wizard::FoundKey> {
    let folder = env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh")).unwrap_or_default();
    let mut list = tokio::process::Command::new("ssh-add");
    list.arg("-L").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let listed = match tokio::time::timeout(AGENT, list.output()).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).into_owned(),
        // No ssh-add, or an agent that hangs: the files are there all the same.
        Ok(Err(_)) | Err(_) => String::new(),
    };
    wizard::find(&folder, &listed)
}

/// The proxy that programs of this machine use.
fn own_proxy() -> Option<String> {
    let names = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"];
    let named = names.into_iter().find_map(|name| env::var(name).ok().filter(|url| !url.is_empty()))?;
    // One with a password in it has no place in a box file.
    named.parse::<crate::boxfile::system::Url>().ok().map(|url| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_with_consent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("box.yaml");
        assert_eq!(existing(&path).unwrap(), None);
        write(&path, "one", Consent::Create).unwrap();
        let refused = write(&path, "two", Consent::Create).unwrap_err();
        assert_eq!((refused.exit, refused.hints.len()), (Exit::Usage, 1));
        assert_eq!(existing(&path).unwrap().as_deref(), Some("one"));
        write(&path, "two", Consent::Replace).unwrap();
        assert_eq!(existing(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert!(existing(&folder.path().join("none/box.yaml")).is_err());
        assert!(existing(folder.path()).is_err());
    }
}
