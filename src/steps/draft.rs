//! A step being written down: what most steps have in common, and words for what they have not.

use crate::{
    profile::Mend,
    step::{Action, Guard, InDoubt, Limit, Probe, Resource, Retry, Step, StepId, Want},
};

/// For steps that write files and restart a service.
const SHORT: Limit = Limit { soft: 30, hard: 300 };

/// Until a change that nobody confirms is taken back: time for a new login over a slow link, short enough to wait for.
const CONFIRM: u32 = 120;

pub(super) struct Draft(Step);

/// A step that brings states about. They may be brought about again at any time.
pub(super) fn ensure(name: &str, title: &str, wants: Vec<Want>) -> Draft {
    act(name, title, Action::Ensure(wants))
}

/// A step with any action; its probe is the action's own.
pub(super) fn act(name: &str, title: &str, action: Action) -> Draft {
    Draft(Step {
        id: id(name),
        title: title.to_owned(),
        needs: Vec::new(),
        uses: Vec::new(),
        holds: Vec::new(),
        action,
        probe: Probe::Action,
        limit: SHORT,
        retry: Retry::default(),
        in_doubt: InDoubt::RunAgain,
        guard: None,
        mend: None,
    })
}

fn id(name: &str) -> StepId {
    StepId::new(name).unwrap_or_else(|why| unreachable!("{why}"))
}

impl Draft {
    pub(super) fn needs<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.0.needs = names.map(id).to_vec();
        self
    }

    /// The same, by names that come from data.
    pub(super) fn needing<'n>(mut self, names: impl Iterator<Item = &'n str>) -> Self {
        self.0.needs = names.map(id).collect();
        self
    }

    /// In addition, where the plan has the step.
    pub(super) fn needs_if(mut self, there: bool, name: &str) -> Self {
        self.0.needs.extend(there.then(|| id(name)));
        self
    }

    pub(super) fn uses<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.0.uses = names.map(id).to_vec();
        self
    }

    pub(super) fn holds<const N: usize>(mut self, resources: [Resource; N]) -> Self {
        self.0.holds = resources.to_vec();
        self
    }

    pub(super) fn probe(mut self, probe: Probe) -> Self {
        self.0.probe = probe;
        self
    }

    /// Seconds.
    pub(super) fn limit(mut self, soft: u32, hard: u32) -> Self {
        self.0.limit = Limit { soft, hard };
        self
    }

    /// For what reaches over a network: mirrors and their caches recover within minutes.
    pub(super) fn retried(mut self) -> Self {
        self.0.retry = Retry { times: 3, delay: 10 };
        self
    }

    /// Taken back unless confirmed over a new connection. It holds the network too: of two unconfirmed changes nobody
    /// could tell which one shut the operator out.
    pub(super) fn guarded(mut self, files: Vec<String>, reload: Vec<Vec<String>>) -> Self {
        self.0.guard = Some(Guard { files, reload, seconds: CONFIRM });
        if !self.0.holds.contains(&Resource::Network) {
            self.0.holds.push(Resource::Network);
        }
        self
    }

    /// Before another attempt of what was never done.
    pub(super) fn mended(mut self, mend: Option<Mend>) -> Self {
        self.0.mend = mend;
        self
    }

    pub(super) fn done(self) -> Step {
        self.0
    }
}

/// A command's words.
pub(super) fn argv<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
