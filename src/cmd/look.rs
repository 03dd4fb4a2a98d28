//! A look at a box, through a helper that changes nothing and leaves nothing: who it is, its facts, what it keeps.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::place;
use crate::{
    agent::{
        client::{AskError, Client},
        wire::{self, Fault, Hello, Kept, Reply, Request},
    },
    boxfile::{BoxFile, args::BoxArgs, wanted::Wanted},
    facts::{Facts, source::Recording},
    failure::{Exit, Failure},
    link::Link,
    measure::Measured,
    plan::{self, Bound, Plan, PlanError, Row, check::Case},
    profile::Profile,
    render, run,
    step::{Answer, Graph, Step, StepId},
    steps,
    tree::Tree,
};

/// A box, looked at over one connection.
pub struct Look {
    pub link: Arc<Link>,
    pub client: Client,
    pub hello: Hello,
}

impl Look {
    /// Connects to the box that the box file names. One try: whoever looks is told at once.
    pub async fn at(boxfile: &BoxFile) -> Result<Self, Failure> {
        Self::through(Arc::new(place::link(boxfile).await?)).await
    }

    pub async fn through(link: Arc<Link>) -> Result<Self, Failure> {
        let client = link.connect().await.map_err(|error| error.failure)?;
        Self::over(link, client).await
    }

    /// Over a connection that was just made.
    pub async fn over(link: Arc<Link>, client: Client) -> Result<Self, Failure> {
        match ask(&client, Request::Hello { version: wire::VERSION }).await? {
            Reply::Hello(hello) => Ok(Self { link, client, hello: *hello }),
            _ => Err(odd()),
        }
    }

    pub async fn recording(&self) -> Result<Recording, Failure> {
        match ask(&self.client, Request::Facts).await? {
            Reply::Facts(recording) => Ok(*recording),
            _ => Err(odd()),
        }
    }

    pub async fn kept(&self) -> Result<Kept, Failure> {
        match ask(&self.client, Request::Bound).await? {
            Reply::Bound(kept) => Ok(*kept),
            _ => Err(odd()),
        }
    }
}

/// Asks, and turns what went wrong into a failure of the command.
pub async fn ask(client: &Client, request: Request) -> Result<Reply, Failure> {
    client.ask(request).await.map_err(|error| match error {
        AskError::Lost(_) => Failure::new(Exit::Unreachable, error.to_string()),
        AskError::Fault(Fault::Locked { holder }) => run::locked(&holder),
        AskError::Fault(Fault::Damaged { .. }) => Failure::new(Exit::Usage, error.to_string()),
        AskError::Fault(Fault::NoRoom { message }) => run::no_room(message),
        AskError::Fault(_) | AskError::Odd => Failure::new(Exit::Unexpected, error.to_string()),
    })
}

/// The failure of an answer that does not belong to its question: a defect.
pub fn odd() -> Failure {
    Failure::new(Exit::Unexpected, AskError::Odd.to_string())
}

/// Everything that a plan is made of, and the plan, or what stands against it.
pub struct Sight {
    pub wanted: Wanted,
    pub profile: Profile,
    pub facts: Facts,
    pub measured: Option<Measured>,
    pub bound: Option<Bound>,
    pub secrets: BTreeMap<String, String>,
    pub plan: Result<Plan, Vec<PlanError>>,
    /// The connection, unless the facts came from a recording.
    pub look: Option<Look>,
    pub kept: Kept,
}

/// Whether a command needs what can only be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measuring {
    Yes,
    No,
}

impl Sight {
    /// Looks at the box that a box file names, or at a recording of one.
    pub async fn of(args: &BoxArgs, replay: Option<&Path>, measuring: Measuring) -> Result<Self, Failure> {
        let wanted = args.load()?;
        match replay {
            Some(file) => {
                let recording = super::detect::load(file)?;
                Self::make(wanted, &recording, None, Kept::default(), None)
            }
            None => Self::with(wanted, measuring).await,
        }
    }

    /// Looks at the box.
    pub async fn with(wanted: Wanted, measuring: Measuring) -> Result<Self, Failure> {
        let look = Look::at(&wanted.boxfile).await?;
        Self::through(wanted, look, measuring).await
    }

    /// Looks at the box over this connection.
    pub async fn through(wanted: Wanted, look: Look, measuring: Measuring) -> Result<Self, Failure> {
        let (recording, kept) = tokio::join!(look.recording(), look.kept());
        let (recording, kept) = (recording?, kept?);
        let measured = match measuring {
            Measuring::No => None,
            Measuring::Yes => {
                let profile = Profile::load(wanted.boxfile.profile)?;
                let facts = Facts::read(&recording);
                let requests = plan::measures(&wanted.boxfile, &profile, &facts);
                match ask(&look.client, Request::Measure { requests }).await? {
                    Reply::Measured(measured) => Some(*measured),
                    _ => return Err(odd()),
                }
            }
        };
        Self::make(wanted, &recording, measured, kept, Some(look))
    }

    fn make(
        wanted: Wanted,
        recording: &Recording,
        measured: Option<Measured>,
        mut kept: Kept,
        look: Option<Look>,
    ) -> Result<Self, Failure> {
        let profile = Profile::load(wanted.boxfile.profile)?;
        let facts = Facts::read(recording);
        let bound: Option<Bound> = match kept.bound.take() {
            Some(value) => Some(serde_json::from_value(value).map_err(|error| {
                Failure::new(Exit::Usage, format!("read bound.json of the box: the file is damaged: {error}"))
            })?),
            None => None,
        };
        let plan = Plan::make(&facts, &wanted.boxfile, &profile, bound.as_ref());
        let secrets = std::mem::take(&mut kept.secrets);
        Ok(Self { wanted, profile, facts, measured, bound, secrets, plan, look, kept })
    }
}

impl Sight {
    /// What preflight judges.
    pub fn case(&self) -> Case<'_> {
        Case {
            facts: &self.facts,
            measured: self.measured.as_ref(),
            wanted: &self.wanted.boxfile,
            profile: &self.profile,
            plan: self.plan.as_ref().map_err(Vec::as_slice),
            bound: self.bound.as_ref(),
        }
    }

    /// The tree and the steps of a plan; with stand-ins for secrets that the box has not made yet.
    pub fn steps(&self, plan: &Plan) -> Result<(Tree, Graph), Failure> {
        let mut secrets = render::stand_ins(plan);
        secrets.extend(self.secrets.clone());
        secrets.extend(super::certificates::operators(&self.wanted.boxfile)?);
        let tree = render::tree(plan, &secrets)?;
        let graph = steps::list(plan, &tree);
        Ok((tree, graph))
    }

    /// Steps that were once done on the box, and that the graph does not have any more.
    pub fn left(&self, graph: &Graph) -> Vec<String> {
        let gone = |step: &&StepId| graph.get(step.as_str()).is_none();
        self.kept.steps.iter().filter(gone).map(ToString::to_string).collect()
    }

    /// The steps as a page shows them, with what the box's record says of each.
    pub async fn rows(&self, plan: &Plan) -> Result<Vec<Row>, Failure> {
        let (_, graph) = self.steps(plan)?;
        let standings = match &self.look {
            Some(look) => match ask(&look.client, Request::Survey { graph: graph.clone() }).await? {
                Reply::Survey(standings) => standings,
                _ => return Err(odd()),
            },
            None => Vec::new(),
        };
        let row = |step: &Step| Row {
            id: step.id.to_string(),
            title: step.title.clone(),
            seconds: self.profile.estimates.get(step.id.as_str()).copied().unwrap_or(1),
            status: standings.iter().find(|standing| standing.step == step.id).map_or(
                String::new(),
                |standing| {
                    match (standing.attempt, &standing.answer) {
                        // Before the first run nothing is done, whatever already happens to hold.
                        (0, Answer::Holds) => "holds".into(),
                        (0, _) => String::new(),
                        _ => super::status::word(standing),
                    }
                },
            ),
        };
        let left = self.left(&graph).into_iter().map(|id| Row {
            title: "Of an earlier run; this one neither runs it nor takes it back".into(),
            seconds: 0,
            status: "left on the box".into(),
            id,
        });
        Ok(graph.steps.iter().map(row).chain(left).collect())
    }
}
