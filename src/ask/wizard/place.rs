//! What the box shall be, where it is, and a look at it.

use super::{Answer, Eyes, Go, Person, Talk, fold};
use crate::{
    boxfile::ProfileName,
    failure::{Exit, Failure},
    profile::Profile,
    steps,
};

const LOCAL: &str = "local";

/// Behind what `deploy` refuses.
pub(super) const NOT_DEPLOYED: &str = " (planned and rendered only)";

/// A profile in the list, and how far this version goes with it.
fn offer(name: ProfileName) -> Result<String, Failure> {
    let profile = Profile::load(name)?;
    let engine = profile.preset_engine();
    let mut volumes = profile.backends(engine).map(Some).chain([None]);
    let far = volumes.any(|volumes| steps::carry_through(name, engine, volumes));
    let far = if far { "" } else { NOT_DEPLOYED };
    Ok(format!("{name}: {}{far}", profile.title))
}

/// What to do about a box that does not let itself be looked at.
#[derive(Clone, Copy)]
enum Way {
    Again,
    Blind,
    Sudo,
    Password,
}

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn profile(&mut self) -> Result<Go, Failure> {
        let items = ProfileName::ALL.map(offer).into_iter().collect::<Result<Vec<_>, _>>()?;
        self.explain("What shall become of the box? Each profile adds to the one above it.")?;
        let now = ProfileName::ALL.iter().position(|profile| *profile == self.draft.profile);
        let Answer::Given(at) = self.choose("Profile", items, now.unwrap_or_default()).await? else {
            return Ok(Go::Back);
        };
        let profile = ProfileName::ALL[at];
        if profile != self.draft.profile {
            // Each profile takes other disks.
            (self.draft.backend, self.draft.disks) = (None, Vec::new());
        }
        self.draft.profile = profile;
        Ok(Go::On)
    }

    pub(super) async fn place(&mut self) -> Result<Go, Failure> {
        self.explain(
            "Where is the box? Everything on it may be changed, so this machine is not the default.",
        )?;
        let items = ["another machine, over SSH", "this machine"].map(str::to_owned).to_vec();
        let now = usize::from(self.draft.target.as_deref() == Some(LOCAL));
        match self.choose("The box is", items, now).await? {
            Answer::Back => return Ok(Go::Back),
            Answer::Given(0) => {
                self.draft.target = self.draft.target.take().filter(|target| target != LOCAL);
            }
            Answer::Given(_) => {
                self.draft.target = Some(LOCAL.to_owned());
                self.draft.login_password = false;
                return self.look().await;
            }
        }
        Ok(Go::On)
    }

    pub(super) async fn login(&mut self) -> Result<Go, Failure> {
        if self.draft.target.as_deref() == Some(LOCAL) {
            return Ok(Go::Over);
        }
        self.explain(
            "Who logs in where, the first time? Such as root@192.0.2.10, or an alias of your ~/.ssh/config.",
        )?;
        let default = self.draft.target.clone();
        let go = self
            .fill("access.target", "Login", default, |draft, typed| {
                draft.target = Some(typed.to_owned());
                draft.login_password = false;
            })
            .await?;
        match go {
            Go::On if self.draft.target.as_deref() == Some(LOCAL) => Ok(Go::Back),
            Go::On => self.look().await,
            other => Ok(other),
        }
    }

    /// Looks at the box. Without a look the questions have no defaults of the box, and are put all the same.
    async fn look(&mut self) -> Result<Go, Failure> {
        let target = self.draft.target.clone().unwrap_or_default();
        let local = target == LOCAL;
        loop {
            (self.seen, self.draft.host_key) = (None, None);
            let where_ = if local { "this machine" } else { &target };
            self.explain(&format!("Looking at {where_}; nothing is changed there."))?;
            let boxfile = self.draft.for_a_look()?;
            let failure = match self.eyes.look(&boxfile).await {
                Ok(seen) => {
                    let profile = Profile::load(self.draft.profile)?;
                    self.person.say(&fold(&seen.summary(&profile)))?;
                    self.draft.host_key.clone_from(&seen.host_key);
                    self.seen = Some(seen);
                    return Ok(Go::On);
                }
                Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
                Err(failure) => failure,
            };
            self.person.say(&fold(&format!("That did not work: {}", failure.message)))?;
            for hint in &failure.hints {
                self.person.say(&fold(&format!("  {hint}")))?;
            }
            let mut ways = vec![
                (Way::Again, "try again"),
                (Way::Blind, "go on without a look: fewer defaults are known"),
                (Way::Sudo, "try again; sudo asks for a password, ask me for it"),
            ];
            if !local {
                ways.push((Way::Password, "go on; `deploy` asks for a password once, and puts my key there"));
            }
            let items = ways.iter().map(|(_, item)| (*item).to_owned()).collect();
            let Answer::Given(at) = self.choose("And now", items, 0).await? else { return Ok(Go::Back) };
            match ways.get(at).map(|(way, _)| way) {
                Some(Way::Sudo) => self.draft.sudo_password = Some(true),
                Some(Way::Blind) => return Ok(Go::On),
                Some(Way::Password) => {
                    self.draft.login_password = true;
                    return Ok(Go::On);
                }
                Some(Way::Again) | None => {}
            }
        }
    }

    /// Only where the box could not be looked at as root.
    pub(super) async fn sudo(&mut self) -> Result<Go, Failure> {
        let root = match &self.seen {
            Some(seen) => seen.facts.observed.privilege.uid == Some(0),
            None => self.draft.target.as_deref().is_some_and(|target| target.starts_with("root@")),
        };
        if root || (self.seen.is_some() && self.draft.sudo_password == Some(true)) {
            return Ok(Go::Over);
        }
        self.explain("Becoming root there was not possible, or was not tried. `deploy` needs it.")?;
        let items =
            ["sudo asks for a password: ask me for it each time", "sudo asks for none"].map(str::to_owned);
        // Who has no key there yet logs in with a password, and most likely becomes root with it too.
        let asks = self.draft.sudo_password.unwrap_or(self.draft.login_password);
        let now = usize::from(!asks);
        let Answer::Given(at) = self.choose("On the box", items.to_vec(), now).await? else {
            return Ok(Go::Back);
        };
        self.draft.sudo_password = Some(at == 0);
        Ok(Go::On)
    }
}
