//! From `access` in the box file to a link: what the SSH configuration says, what is kept about the box here.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use secrecy::SecretString;

use crate::{
    ask::{self, Terminal},
    boxfile::{
        BoxFile,
        access::{HostKey, Login, Target},
        secret::SecretRef,
        system::PathText,
    },
    failure::{Exit, Failure},
    link::{
        Link, Place,
        ssh::{
            Agent, Destination, Hop, Keys,
            config::{self, Resolved},
            pin::Pin,
        },
    },
};

/// The link to the box that a box file names.
pub async fn link(boxfile: &BoxFile) -> Result<Link, Failure> {
    let access = &boxfile.access;
    let terminal = Terminal::here();
    let state = state_folder(&access.target)?;
    let place = match &access.target {
        Target::Local => Place::Local,
        Target::Ssh(login) => {
            let known = Known::read(&state);
            Place::Ssh(Box::new(destination(boxfile, login, known, terminal).await?))
        }
    };
    let mut link = Link::new(place, state)?;
    link.sudo_password =
        access.sudo_password.as_ref().map(|secret| read_secret(secret, terminal)).transpose()?;
    link.ask = terminal.map(|terminal| Arc::new(terminal) as _);
    Ok(link)
}

/// Where this workstation keeps what it knows of a box: `$XDG_STATE_HOME/ciab/<target>`.
fn state_folder(target: &Target) -> Result<PathBuf, Failure> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || ".-@".contains(c) { c } else { '_' };
    Ok(state_base()?.join(target.to_string().chars().map(safe).collect::<String>()))
}

/// Where this workstation keeps what is its own: `$XDG_STATE_HOME/ciab`.
pub fn state_base() -> Result<PathBuf, Failure> {
    let base = env::var_os("XDG_STATE_HOME").filter(|path| Path::new(path).is_absolute()).map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/state")));
    let base = base.ok_or_else(|| {
        Failure::new(Exit::Usage, "there is no place to keep keys: neither XDG_STATE_HOME nor HOME is set")
    })?;
    Ok(base.join("ciab"))
}

/// Where this workstation keeps what can be made again: `$XDG_CACHE_HOME/ciab`.
pub fn cache_base() -> Result<PathBuf, Failure> {
    let base = env::var_os("XDG_CACHE_HOME").filter(|path| Path::new(path).is_absolute()).map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let base = base.ok_or_else(|| {
        Failure::new(Exit::Usage, "there is no place to keep files: neither XDG_CACHE_HOME nor HOME is set")
    })?;
    Ok(base.join("ciab"))
}

/// What an earlier run left here about the box. A cache: the box is the truth.
#[derive(Debug, Default)]
pub struct Known {
    /// The box's identity.
    pub box_id: Option<String>,
    /// The operator that an earlier run made there.
    pub operator: Option<String>,
    /// The box file of the last run from here.
    pub boxfile: Option<String>,
}

impl Known {
    pub fn read(state: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(state.join(name)).ok();
        let word = |name: &str| read(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Self { box_id: word("box-id"), operator: word("operator"), boxfile: read("box.yaml") }
    }

    /// Keeps what is set.
    pub fn write(&self, state: &Path) -> Result<()> {
        fs::create_dir_all(state).with_context(|| format!("make {}", state.display()))?;
        for (name, text) in
            [("box-id", &self.box_id), ("operator", &self.operator), ("box.yaml", &self.boxfile)]
        {
            if let Some(text) = text {
                let path = state.join(name);
                fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            }
        }
        Ok(())
    }
}

async fn destination(
    boxfile: &BoxFile,
    login: &Login,
    known: Known,
    terminal: Option<Terminal>,
) -> Result<Destination, Failure> {
    let access = &boxfile.access;
    let resolved = resolve(login).await;
    let jump = match (&access.jump, &resolved.jump) {
        (Some(jump), _) => Some(jump.clone()),
        (None, Some(text)) => Some(text.parse().map_err(|why| {
            Failure::new(Exit::Usage, format!("the SSH configuration names the jump host `{text}`: {why}"))
                .hint("ciab goes through one host at most; name it as `access.jump`")
        })?),
        (None, None) => None,
    };
    let identity = access.identity.as_ref().map(|path| path.expand(home().as_deref()));
    let identity = identity.transpose().map_err(|why| Failure::new(Exit::Usage, why))?;
    let jump = match jump {
        Some(login) => {
            let resolved = resolve(&login).await;
            let mut keys = keys(&resolved);
            keys.files.splice(..0, identity.clone());
            Some((hop(&login, &resolved), keys))
        }
        None => None,
    };
    let keys = match identity {
        Some(file) => Keys { files: vec![file], agent: Agent::None },
        None => keys(&resolved),
    };
    let hop = hop(login, &resolved);
    let first = hop.user.clone();
    let operator = boxfile.access.operator.name.to_string();
    // The operator comes first once a run has made it; before, the user of the first login.
    let mut users = if known.operator.as_ref() == Some(&operator) {
        vec![operator, first]
    } else {
        vec![first, operator]
    };
    users.dedup();
    Ok(Destination {
        jump,
        pin: access.host_key.as_ref().map(|key| match key {
            HostKey::Key(key) => Pin::Key(key.to_string()),
            HostKey::Fingerprint(text) => Pin::Fingerprint(text.clone()),
        }),
        users,
        keys,
        password: access.password.as_ref().map(|secret| read_secret(secret, terminal)).transpose()?,
        hop,
        later: Vec::new(),
    })
}

async fn resolve(login: &Login) -> Resolved {
    config::resolve(login.host.as_str(), login.user.as_deref(), login.port).await
}

fn keys(resolved: &Resolved) -> Keys {
    let agent = match resolved.agent.as_deref() {
        Some("none") => Agent::None,
        _ if resolved.identities_only => Agent::Files,
        _ => Agent::All,
    };
    Keys { files: resolved.identities.clone(), agent }
}

fn hop(login: &Login, resolved: &Resolved) -> Hop {
    let me = || env::var("USER").unwrap_or_else(|_| "root".into());
    let host = resolved.host.clone().unwrap_or_else(|| login.host.to_string());
    Hop {
        alias: resolved.alias.clone(),
        host,
        port: login.port.or(resolved.port).unwrap_or(22),
        user: login.user.clone().or_else(|| resolved.user.clone()).unwrap_or_else(me),
        known_hosts: resolved.known_hosts.clone(),
    }
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").map(PathBuf::from)
}

/// A path of the box file with `~` replaced.
pub fn expanded(path: &PathText) -> Result<PathBuf, Failure> {
    path.expand(home().as_deref()).map_err(|why| Failure::new(Exit::Usage, why))
}

/// Reads a secret from where the box file says it is.
pub fn read_secret(secret: &SecretRef, terminal: Option<Terminal>) -> Result<SecretString, Failure> {
    secret.fetch(|question| {
        let terminal = terminal.ok_or_else(|| ask::nobody(question))?;
        terminal
            .secret(question)
            .ok_or_else(|| Failure::new(Exit::Interrupted, "the question was not answered"))
    })
}
