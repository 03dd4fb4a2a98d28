//! How the box is reached.

use super::{Answer, Eyes, Go, Person, Seen, Talk, draft::Draft};
use crate::{failure::Failure, plan::selector::about_nic};

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    /// Only where there is a choice.
    pub(super) async fn card(&mut self) -> Result<Go, Failure> {
        let Some(seen) = self.seen.clone() else { return Ok(Go::Over) };
        let cards: Vec<_> = seen.facts.identity.nics.iter().filter_map(|nic| Some((nic, nic.mac?))).collect();
        if cards.len() < 2 {
            return Ok(Go::Over);
        }
        let (first, reason) = match seen.way_out() {
            Some((link, _)) => {
                (format!("{}, as the default route says", link.name), "the default route goes over it")
            }
            None => {
                ("what has the default route when `deploy` runs".to_owned(), "there is no default route now")
            }
        };
        self.explain(&format!(
            "The network card that the box is reached on; the default is marked, since {reason}."
        ))?;
        let about = cards.iter().map(|(nic, _)| {
            let carrier = match seen.facts.link_of(nic).and_then(|link| link.carrier) {
                Some(true) => "cable plugged in",
                Some(false) => "no cable",
                None => "switched off",
            };
            format!("{}, {carrier}", about_nic(nic, &seen.facts))
        });
        let items: Vec<String> = std::iter::once(first).chain(about).collect();
        let own = |draft: &Draft| cards.iter().position(|(_, mac)| draft.card == Some(mac.to_string()));
        let now = own(&self.draft).map_or(0, |at| at + 1);
        let Answer::Given(at) = self.choose("Network card", items, now).await? else { return Ok(Go::Back) };
        self.draft.card = at.checked_sub(1).and_then(|at| cards.get(at)).map(|(_, mac)| mac.to_string());
        Ok(Go::On)
    }

    /// No step of this release changes the address or the name servers, so there is nothing to ask.
    pub(super) async fn management(&mut self) -> Result<Go, Failure> {
        let now = self.reached_at().map(|(address, leased)| match leased {
            true => format!(
                ": {address}, leased by DHCP. Make the lease a lasting one, for a cloud should not move"
            ),
            false => format!(": {address}, a fixed one"),
        });
        self.explain(&format!(
            "The box keeps the address and the name servers that it has{}.",
            now.unwrap_or_default()
        ))?;
        Ok(Go::Over)
    }

    /// The address that the box is reached at now, and whether it is leased.
    fn reached_at(&self) -> Option<(String, bool)> {
        let (link, _) = self.seen.as_ref()?.way_out()?;
        Seen::address_of(link).map(|(address, leased)| (address.to_string(), leased))
    }
}
