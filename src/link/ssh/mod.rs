//! A box over SSH: one connection, one channel, the helper at its end. The only place that names `russh`.

mod auth;
pub mod config;
mod helper;
pub mod pin;

use std::{
    fmt, io,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use russh::client::{self, Handle};
use secrecy::SecretString;
use tokio::{net::TcpStream, time::timeout};

use super::{Link, LinkError, Place};
use crate::{
    agent::client::Client,
    failure::{Exit, Failure},
};
use pin::{Pin, Verdict};

/// How long a TCP connection and the exchange of keys may take.
const CONNECT: Duration = Duration::from_secs(20);
/// How long one address of several may take.
const ADDRESS: Duration = Duration::from_secs(6);
/// Silence after which the other side is asked whether it is there, and how often it may leave that unanswered.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVES: usize = 3;

/// Where a box is and who logs in, after the SSH configuration has been asked.
#[derive(Clone, Debug)]
pub struct Destination {
    pub hop: Hop,
    /// A host to go through, and the keys that it may know.
    pub jump: Option<(Hop, Keys)>,
    /// The host key the operator named; it wins over everything that was learnt.
    pub pin: Option<Pin>,
    /// Users to try in this order: the operator that an earlier run made, then the one of the first login.
    pub users: Vec<String>,
    pub keys: Keys,
    /// A password for the first login; used once, to put the keys in place.
    pub password: Option<SecretString>,
    /// Addresses that a plan gives the box: tried where it does not answer at its own any more. Its key stays.
    pub later: Vec<IpAddr>,
}

/// The keys that a host is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Key files in the order in which they are offered.
    pub files: Vec<PathBuf>,
    pub agent: Agent,
}

/// Which of its keys the SSH agent is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Agent {
    #[default]
    None,
    /// Those of the files (`IdentitiesOnly` of ssh_config(5)).
    Files,
    All,
}

/// One host on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Files of known host keys, as ssh(1) would read them.
    pub known_hosts: Vec<PathBuf>,
    /// The name under which known host keys are filed, where it is not made of host and port.
    pub alias: Option<String>,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)?;
        if self.port == 22 { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hop.fmt(f)
    }
}

/// Connects, checks the host key, logs in, starts the helper.
pub(super) async fn connect(link: &Link, to: &Destination, digest: &str) -> Result<Client, LinkError> {
    let mut refused = None;
    for user in &to.users {
        let session = open(link, to).await?;
        match auth::login(session, &to.hop, user, &to.keys, link.ask.as_deref()).await {
            Ok(session) => {
                let sudo = (user != "root").then_some(link.sudo_password.as_ref());
                return helper::start(session, sudo, digest).await;
            }
            Err(error) if error.passing => return Err(error),
            // The operator does not exist before the first run has made it; what is told is about the user who should.
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    Err(refused.unwrap_or_else(|| LinkError::passing("no user to log in as")))
}

/// Puts public keys in place with a password, so that it is never needed again.
pub async fn place_keys(link: &Link, to: &Destination, keys: &[String]) -> Result<(), LinkError> {
    let Some(password) = &to.password else { return Ok(()) };
    let session = open(link, to).await?;
    auth::place_keys(session, &to.hop, password, keys).await
}

/// A connection whose host key has been checked, before any login.
async fn open(link: &Link, to: &Destination) -> Result<Session, LinkError> {
    let reach = async {
        match &to.jump {
            None => {
                let stream = dial(&to.hop, &to.later).await?;
                handshake(link, &to.hop, to.pin.as_ref(), stream).await
            }
            Some((jump, keys)) => {
                let first = handshake(link, jump, None, dial(jump, &[]).await?).await?;
                let first = auth::login(first, jump, &jump.user, keys, link.ask.as_deref()).await?;
                let through = first
                    .handle
                    .channel_open_direct_tcpip(to.hop.host.clone(), to.hop.port.into(), "127.0.0.1", 0)
                    .await
                    .map_err(|error| {
                        LinkError::passing(format!("reach {} through {jump}: {error}", to.hop))
                    })?;
                let mut session = handshake(link, &to.hop, to.pin.as_ref(), through.into_stream()).await?;
                session.through = Some(Box::new(first.handle));
                Ok(session)
            }
        }
    };
    match timeout(CONNECT * if to.jump.is_some() { 2 } else { 1 }, reach).await {
        Ok(result) => result,
        Err(_) => Err(LinkError::passing(format!(
            "connect to {}: no answer within {} s",
            to.hop,
            CONNECT.as_secs()
        ))),
    }
}

/// A TCP connection. Names are looked up by `getent`, whose C library is the system's own: a static binary
/// cannot load another version's name services.
async fn dial(hop: &Hop, later: &[IpAddr]) -> Result<TcpStream, LinkError> {
    let failed = |error: &dyn fmt::Display| LinkError::passing(format!("connect to {hop}: {error}"));
    let mut last = None;
    let own = config::addresses(&hop.host).await.map_err(|error| failed(&error))?;
    for address in own.into_iter().chain(later.iter().copied()) {
        let stream = TcpStream::connect((address, hop.port));
        // An address that nobody has any more is silent, and the others have their turn before the whole is over.
        let silent = || Err(io::Error::from(io::ErrorKind::TimedOut));
        match timeout(ADDRESS, stream).await.unwrap_or_else(|_| silent()) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|error| failed(&error))?;
                return Ok(stream);
            }
            Err(error) => {
                last.get_or_insert(error);
            }
        }
    }
    Err(match last {
        Some(error) => failed(&error),
        None => failed(&"the name has no address"),
    })
}

async fn handshake<S>(link: &Link, hop: &Hop, named: Option<&Pin>, stream: S) -> Result<Session, LinkError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let expected = pin::expected(&link.state, hop, named).map_err(LinkError::lasting)?;
    let mut config = client::Config {
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES,
        inactivity_timeout: None,
        // One large window: a helper binary of some MB should not wait for acknowledgements.
        window_size: 16 << 20,
        ..client::Config::default()
    };
    // Ask for the kind of key that is pinned: a server has several, and another kind would look like a change.
    if let Some(algorithm) = expected.algorithm() {
        config.preferred.key = vec![algorithm].into();
    }
    let verdict = Arc::new(Mutex::new(None));
    let handler =
        HostKeyCheck { expected, hop: hop.clone(), link: link.clone(), verdict: Arc::clone(&verdict) };
    let connected = client::connect_stream(Arc::new(config), stream, handler).await;
    let verdict = verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (connected, verdict) {
        (_, Some(Verdict::Refused(failure))) => Err(LinkError::lasting(failure)),
        (Ok(handle), _) => Ok(Session { handle, through: None }),
        (Err(russh::Error::NoCommonAlgo { .. }), _) => Err(LinkError::lasting(
            Failure::new(Exit::Refused, format!("{hop} offers no host key of the kind that is pinned"))
                .hint("if the box was installed anew, say so: take the new fingerprint from its console and put it in `access.host_key`"),
        )),
        (Err(error), _) => Err(LinkError::passing(format!("connect to {hop}: {error}"))),
    }
}

/// A connection; the jump host's lives as long as it.
struct Session {
    handle: Handle<HostKeyCheck>,
    through: Option<Box<Handle<HostKeyCheck>>>,
}

struct HostKeyCheck {
    expected: pin::Expected,
    hop: Hop,
    link: Link,
    verdict: Arc<Mutex<Option<Verdict>>>,
}

impl client::Handler for HostKeyCheck {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let russh::keys::PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let verdict = self.expected.judge(key, &self.hop, self.link.ask.as_deref());
        if let Verdict::Learnt = verdict
            && let Err(error) = pin::learn(&self.link.state, &self.hop, key)
        {
            let failure =
                Failure::new(Exit::Unexpected, format!("keep the host key of {}: {error:#}", self.hop));
            *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(Verdict::Refused(failure));
            return Ok(false);
        }
        let accept = !matches!(verdict, Verdict::Refused(_));
        if accept
            && let Place::Ssh(destination) = &self.link.place
            && destination.hop == self.hop
        {
            let fingerprint = key.fingerprint(russh::keys::HashAlg::Sha256).to_string();
            *self.link.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        }
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        Ok(accept)
    }
}
