//! Logs in: keys of the agent, key files, and once a password to put keys in place.

use std::{path::Path, sync::Arc};

use russh::{
    client::AuthResult,
    keys::{
        PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
        load_public_key, load_secret_key,
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::{Destination, Hop, Session, helper};
use crate::{
    failure::{Exit, Failure},
    link::{Ask, LinkError},
};

/// What was tried, for the message when nothing worked.
#[derive(Default)]
struct Tried {
    keys: Vec<String>,
    rsa: Vec<String>,
    trouble: Vec<String>,
}

/// Logs in with the keys there are, in order.
pub(super) async fn login(
    mut session: Session,
    hop: &Hop,
    user: &str,
    to: &Destination,
    ask: Option<&dyn Ask>,
) -> Result<Session, LinkError> {
    let mut tried = Tried::default();
    for file in &to.identities {
        if with_file(&mut session, hop, user, file, ask, &mut tried).await? {
            return Ok(session);
        }
    }
    if to.use_agent && with_agent(&mut session, hop, user, &mut tried).await? {
        return Ok(session);
    }
    Err(LinkError::lasting(refused(hop, user, &tried)))
}

async fn with_file(
    session: &mut Session,
    hop: &Hop,
    user: &str,
    file: &Path,
    ask: Option<&dyn Ask>,
    tried: &mut Tried,
) -> Result<bool, LinkError> {
    if !file.exists() {
        return Ok(false);
    }
    let name = file.display().to_string();
    let public = load_public_key(file.with_extension("pub")).ok();
    if public.is_some_and(|key| key.algorithm().is_rsa()) {
        tried.rsa.push(name);
        return Ok(false);
    }
    let loaded = match load_secret_key(file, None) {
        Err(russh::keys::Error::KeyIsEncrypted) => match ask.and_then(|ask| ask.passphrase(&name)) {
            Some(passphrase) => load_secret_key(file, Some(passphrase.expose_secret())),
            None => {
                tried
                    .trouble
                    .push(format!("{name} has a passphrase: add it to the agent with `ssh-add {name}`"));
                return Ok(false);
            }
        },
        other => other,
    };
    let key = match loaded {
        Ok(key) if key.algorithm().is_rsa() => {
            tried.rsa.push(name);
            return Ok(false);
        }
        Ok(key) => key,
        Err(error) => {
            tried.trouble.push(format!("{name} could not be read: {error}"));
            return Ok(false);
        }
    };
    tried.keys.push(name);
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    let answer = session.handle.authenticate_publickey(user, key).await;
    Ok(answer.map_err(|error| lost(hop, &error))?.success())
}

async fn with_agent(
    session: &mut Session,
    hop: &Hop,
    user: &str,
    tried: &mut Tried,
) -> Result<bool, LinkError> {
    let Ok(mut agent) = AgentClient::connect_env().await else { return Ok(false) };
    let identities = match agent.request_identities().await {
        Ok(identities) => identities,
        Err(error) => {
            tried.trouble.push(format!("the SSH agent did not answer: {error}"));
            return Ok(false);
        }
    };
    for identity in identities {
        let AgentIdentity::PublicKey { key, comment } = identity else { continue };
        let name = agent_name(&key, &comment);
        if key.algorithm().is_rsa() {
            tried.rsa.push(name);
            continue;
        }
        tried.keys.push(name);
        match session.handle.authenticate_publickey_with(user, key, None, &mut agent).await {
            Ok(AuthResult::Success) => return Ok(true),
            Ok(AuthResult::Failure { .. }) => {}
            Err(error) => return Err(LinkError::passing(format!("log in to {hop}: {error}"))),
        }
    }
    Ok(false)
}

fn agent_name(key: &PublicKey, comment: &str) -> String {
    format!("{comment} ({}, agent)", key.algorithm())
}

fn lost(hop: &Hop, error: &russh::Error) -> LinkError {
    LinkError::passing(format!("log in to {hop}: {error}"))
}

fn refused(hop: &Hop, user: &str, tried: &Tried) -> Failure {
    let place = Hop { user: user.to_owned(), ..hop.clone() };
    let what = match (tried.keys.as_slice(), tried.rsa.as_slice()) {
        ([], []) => format!("log in to {place}: there is no key to log in with"),
        ([], _) => format!("log in to {place}: there are only RSA keys, which ciab does not use"),
        (keys, _) => format!("log in to {place}: the box refused {}", keys.join(", ")),
    };
    let port = if hop.port == 22 { String::new() } else { format!(" -p {}", hop.port) };
    let mut failure = Failure::new(Exit::Unreachable, what);
    if tried.keys.is_empty() {
        let copy = format!("ssh-copy-id -i ~/.ssh/id_ed25519.pub{port} {user}@{}", hop.host);
        failure = failure.hint(format!(
            "make a key and put it on the box: ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519 && {copy}"
        ));
    } else {
        failure = failure.hint(format!("see what ssh says: ssh -v{port} {user}@{}", hop.host));
    }
    for trouble in &tried.trouble {
        failure = failure.hint(trouble.clone());
    }
    failure
}

/// Logs in with a password and adds keys to the user's `authorized_keys`.
pub(super) async fn place_keys(
    session: Session,
    hop: &Hop,
    password: &SecretString,
    keys: &[String],
) -> Result<(), LinkError> {
    let mut session = session;
    let answer = session.handle.authenticate_password(&hop.user, password.expose_secret()).await;
    if !answer.map_err(|error| lost(hop, &error))?.success() {
        return Err(LinkError::lasting(
            Failure::new(Exit::Unreachable, format!("log in to {hop}: the password was refused")).hint(
                "some hosts allow no login with a password: look at PasswordAuthentication in sshd_config(5)",
            ),
        ));
    }
    helper::add_authorized_keys(&session, keys).await
}
