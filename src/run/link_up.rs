//! Opens a session with the box: connection, identity, lock, run, survey; and again, with patience, once it is lost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};

use super::{Request, Teller, Wish};
use crate::{
    agent::{
        client::{AskError, Client},
        lock::LEASE,
        wire::{self, Fault, Reply, Standing},
    },
    event::{Kind, Outcome},
    failpoint,
    failure::{Exit, Failure},
    link::{Link, LinkError},
};

/// Pauses between tries to reach a box: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A helper whose engine vanished gives the lock back within its lease; a little more than that is waited.
const LOCK_PATIENCE: Duration = Duration::from_millis(LEASE + 5_000);

/// A session with the box, over as many connections as it takes.
pub(super) struct Session<'a> {
    request: &'a Request,
    link: &'a Arc<Link>,
    /// The run's number, once it was begun.
    run: Option<u64>,
    lost_since: Option<Instant>,
    ever_connected: bool,
}

/// What came of opening.
pub(super) enum Opened {
    Ready(Client, Vec<Standing>),
    Over(Outcome),
}

/// Why one try did not succeed.
enum Trouble {
    /// May pass by itself.
    Passing(String),
    Locked(String),
    Failure(Failure),
}

impl From<LinkError> for Trouble {
    fn from(error: LinkError) -> Self {
        if error.passing { Self::Passing(error.failure.message) } else { Self::Failure(error.failure) }
    }
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Lost(why) => Self::Passing(why),
            going @ AskError::Fault(Fault::GoingDown) => Self::Passing(going.to_string()),
            AskError::Fault(Fault::Locked { holder }) => Self::Locked(holder),
            AskError::Fault(Fault::Damaged { message }) => Self::Failure(Failure::new(Exit::Usage, message)),
            AskError::Fault(Fault::NoRoom { message }) => Self::Failure(no_room(message)),
            other => Self::Failure(Failure::new(Exit::Unexpected, other.to_string())),
        }
    }
}

/// Nothing was begun, since the box cannot keep what it would have to.
pub(crate) fn no_room(message: String) -> Failure {
    Failure::new(Exit::Preflight, message)
        .hint("nothing was begun; make room on the box (`ciab hint os.space`), and the same command goes on")
}

impl<'a> Session<'a> {
    pub(super) fn new(request: &'a Request, link: &'a Arc<Link>) -> Self {
        Self { request, link, run: None, lost_since: None, ever_connected: false }
    }

    /// Notes that the connection is gone.
    pub(super) fn lost(&mut self, why: String, teller: &mut Teller<'_>) {
        self.lost_since.get_or_insert_with(Instant::now);
        teller.tell(Kind::ConnectionLost { why });
    }

    /// Connects until it works, the patience is over, or somebody wants to leave.
    pub(super) async fn open(
        &mut self,
        teller: &mut Teller<'_>,
        wish: &watch::Receiver<Wish>,
    ) -> Result<Opened, Failure> {
        let began = Instant::now();
        let mut wish = wish.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            let tried = tokio::select! {
                tried = self.try_open(teller) => tried,
                () = leaving(&mut wish) => return Ok(Opened::Over(Outcome::Interrupted)),
            };
            let trouble = match tried {
                Ok((client, standings)) => {
                    self.ever_connected = true;
                    if let Some(since) = self.lost_since.take() {
                        let after_millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                        teller.tell(Kind::ConnectionBack { after_millis });
                    }
                    return Ok(Opened::Ready(client, standings));
                }
                // A box that let us in before and refuses now is going down or coming up: pam_nologin(8) keeps
                // everybody but root out then.
                Err(Trouble::Failure(failure))
                    if self.ever_connected && failure.exit == Exit::Unreachable =>
                {
                    Trouble::Passing(failure.message)
                }
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Failure(failure) => return Err(failure),
                Trouble::Locked(holder) => {
                    // Right after a loss it may be our own last helper, whose lease still runs.
                    if self.run.is_none() || began.elapsed() >= LOCK_PATIENCE {
                        return Ok(Opened::Over(Outcome::Locked { holder }));
                    }
                }
                Trouble::Passing(why) => {
                    if began.elapsed() >= self.request.reconnect {
                        let seconds = self.request.reconnect.as_secs();
                        let what = format!("{why} (tried for {seconds} s)");
                        if self.ever_connected {
                            return Ok(Opened::Over(Outcome::Lost { why: what }));
                        }
                        let hint = "jobs that run on the box go on; the same command finds them again";
                        return Err(Failure::new(Exit::Unreachable, what).hint(hint));
                    }
                }
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = leaving(&mut wish) => return Ok(Opened::Over(Outcome::Interrupted)),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_open(&mut self, teller: &mut Teller<'_>) -> Result<(Client, Vec<Standing>), Trouble> {
        let client = self.link.connect().await?;
        let Reply::Hello(hello) = client.ask(wire::Request::Hello { version: wire::VERSION }).await? else {
            return Err(AskError::Odd.into());
        };
        if let Some(failure) = self.another_box(&hello) {
            return Err(Trouble::Failure(failure));
        }
        if let Some(run) = self.run
            && hello.run != run
        {
            let what =
                format!("another run (number {}) has begun on this box since: this one is over", hello.run);
            return Err(Trouble::Failure(
                Failure::new(Exit::Locked, what)
                    .hint("see what it does with `ciab status` and `ciab logs -f`"),
            ));
        }
        let lock =
            wire::Request::Lock { display: self.request.display.clone(), name: self.request.name.clone() };
        let Reply::Locked { last_event, .. } = client.ask(lock).await? else {
            return Err(AskError::Odd.into());
        };
        let survey = wire::Request::Survey { graph: self.request.graph.clone() };
        let Reply::Survey(standings) = client.ask(survey).await? else { return Err(AskError::Odd.into()) };
        failpoint::hit("engine-surveyed");
        let begin = match self.run {
            Some(run) => wire::Request::Resume { run },
            None => wire::Request::Begin {
                boxfile: self.request.boxfile.clone(),
                plan: self.request.plan.clone(),
                graph: self.request.graph.clone(),
            },
        };
        let Reply::Begun { run } = client.ask(begin).await? else { return Err(AskError::Odd.into()) };
        failpoint::hit("engine-begun");
        if self.run.is_none() {
            teller.seq = last_event;
        }
        self.run = Some(run);
        teller.run = run;
        Ok((client, standings))
    }

    fn another_box(&self, hello: &wire::Hello) -> Option<Failure> {
        let refused = |what: String| Some(Failure::new(Exit::Refused, what));
        if !hello.root {
            return refused("the helper does not run as root on the box".into());
        }
        match (&self.request.expect_box, &hello.box_id) {
            (Some(known), Some(shown)) if known != shown => {
                return refused(format!("{} is another box than before: its id is {shown}", self.link.name())).map(|f| {
                    f.hint("if the box was installed anew, forget the old one: delete its folder below ~/.local/state/ciab")
                });
            }
            _ => {}
        }
        match &hello.name {
            Some(name) if *name != self.request.name => refused(format!(
                "this box was set up as `{name}`, and the box file names it `{}`",
                self.request.name
            ))
            .map(|f| f.hint("use the box file it was set up with, or give the box its name in `name`")),
            _ => None,
        }
    }
}

/// Returns when somebody wants to leave.
pub(super) async fn leaving(wish: &mut watch::Receiver<Wish>) {
    if wish.wait_for(|wish| *wish == Wish::Detach).await.is_err() {
        // Nobody is there who could wish anything.
        std::future::pending::<()>().await;
    }
}
