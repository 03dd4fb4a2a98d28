//! A box over SSH: one connection, one channel, the helper at its end. The only place that names `russh`.

mod auth;
pub mod config;
mod helper;
pub mod pin;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use russh::client::{self, Handle};
use secrecy::SecretString;
use tokio::{net::TcpStream, time::timeout};

use super::{Link, LinkError};
use crate::{
    agent::client::Client,
    failure::{Exit, Failure},
};
use pin::{Pin, Verdict};

/// How long a TCP connection and the exchange of keys may take.
const CONNECT: Duration = Duration::from_secs(20);
/// Silence after which the other side is asked whether it is there, and how often it may leave that unanswered.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVES: usize = 3;

/// Where a box is and who logs in, after the SSH configuration has been asked.
#[derive(Clone, Debug)]
pub struct Destination {
    pub hop: Hop,
    /// A host to go through.
    pub jump: Option<Hop>,
    /// The host key the operator named; it wins over everything that was learnt.
    pub pin: Option<Pin>,
    /// Users to try in this order: the operator that an earlier run made, then the one of the first login.
    pub users: Vec<String>,
    /// Key files in the order in which they are offered.
    pub identities: Vec<PathBuf>,
    pub use_agent: bool,
    /// A password for the first login; used once, to put the keys in place.
    pub password: Option<SecretString>,
}

/// One host on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Files of known host keys, as ssh(1) would read them.
    pub known_hosts: Vec<PathBuf>,
    /// The name under which known host keys are filed.
    pub alias: String,
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
        match auth::login(session, &to.hop, user, to, link.ask.as_deref()).await {
            Ok(session) => {
                let sudo = (user != "root").then_some(link.sudo_password.as_ref());
                return helper::start(session, sudo, digest).await;
            }
            Err(error) if error.passing => return Err(error),
            // The operator does not exist before the first run has made it.
            Err(error) => refused = Some(error),
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
                let stream = dial(&to.hop).await?;
                handshake(link, &to.hop, to.pin.as_ref(), stream).await
            }
            Some(jump) => {
                let first = handshake(link, jump, None, dial(jump).await?).await?;
                let first = auth::login(first, jump, &jump.user, to, link.ask.as_deref()).await?;
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
async fn dial(hop: &Hop) -> Result<TcpStream, LinkError> {
    let failed = |error: &dyn fmt::Display| LinkError::passing(format!("connect to {hop}: {error}"));
    let mut last = None;
    for address in config::addresses(&hop.host).await.map_err(|error| failed(&error))? {
        match TcpStream::connect((address, hop.port)).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|error| failed(&error))?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
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
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        Ok(accept)
    }
}
