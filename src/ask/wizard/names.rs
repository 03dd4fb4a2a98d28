//! What the box is called.

use super::{Eyes, Go, Person, Talk};
use crate::{boxfile::names::HostLabel, failure::Failure};

/// Names that machines have before anybody gave them one.
const NOBODYS: [&str; 6] = ["debian", "linux", "localhost", "raspberrypi", "server", "ubuntu"];

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn name(&mut self) -> Result<Go, Failure> {
        let own = self.seen.as_ref().and_then(|seen| seen.facts.observed.host.name.as_deref());
        let label = own.and_then(|name| name.split('.').next()).map(str::to_lowercase);
        let good =
            label.filter(|name| name.parse::<HostLabel>().is_ok() && !NOBODYS.contains(&name.as_str()));
        let (default, reason) = match good {
            Some(name) => (name, "It calls itself so already."),
            None => ("ciab".to_owned(), "It has no name of its own yet."),
        };
        self.explain(&format!("The box's host name. {reason}"))?;
        let default = self.draft.name.clone().unwrap_or(default);
        self.fill("name", "Name", Some(default), |draft, typed| draft.name = Some(typed.to_owned())).await
    }

    pub(super) async fn domain(&mut self) -> Result<Go, Failure> {
        let own = self.seen.as_ref().and_then(|seen| seen.facts.observed.host.name.as_deref());
        let tail = own.and_then(|name| name.split_once('.')).map(|(_, domain)| domain.to_lowercase());
        let tail = tail.filter(|domain| domain.parse::<crate::boxfile::names::DomainName>().is_ok());
        let (default, reason) = match tail {
            Some(domain) => (domain, "It is the one that the box has now."),
            None => ("internal".to_owned(), "`internal` is kept free for private use, so it never clashes."),
        };
        self.explain(&format!("The domain after the name. {reason}"))?;
        let default = self.draft.domain.clone().unwrap_or(default);
        self.fill("domain", "Domain", Some(default), |draft, typed| draft.domain = Some(typed.to_owned()))
            .await
    }
}
