//! How the box is reached.

use super::{
    Answer, Eyes, Go, Person, Seen, Talk,
    draft::{Draft, Management},
};
use crate::{failure::Failure, plan::selector::about_nic};

/// What a fixed address is held against. That it overlaps one of the box's own networks is not: they come later, and
/// give way.
const FIXED: &str = "network.management.static";

/// Typed where no router shall be named.
const NONE: &str = "none";

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

    pub(super) async fn management(&mut self) -> Result<Go, Failure> {
        let now = self.reached_at().map(|(address, leased)| match leased {
            true => format!(
                "{address}, leased by DHCP: make the lease a lasting one, for a cloud should not move"
            ),
            false => format!("{address}, a fixed address"),
        });
        let now = now.unwrap_or_else(|| "what it has".to_owned());
        self.explain(&format!(
            "How the box gets its address. Now: {now}. Keeping it is the default, since no other change can cut you off."
        ))?;
        let items =
            ["keep what it has", "DHCP", "a fixed address, set up by ciab"].map(str::to_owned).to_vec();
        let default = match &self.draft.management {
            Management::Keep => 0,
            Management::Dhcp => 1,
            Management::Static { .. } => 2,
        };
        let Answer::Given(at) = self.choose("Address", items, default).await? else { return Ok(Go::Back) };
        self.draft.management = match (at, std::mem::take(&mut self.draft.management)) {
            (0, _) => Management::Keep,
            (1, _) => Management::Dhcp,
            (_, known @ Management::Static { .. }) => known,
            (_, _) => Management::Static { address: None, gateway: None },
        };
        Ok(Go::On)
    }

    pub(super) async fn address(&mut self) -> Result<Go, Failure> {
        let Management::Static { address, .. } = &self.draft.management else { return Ok(Go::Over) };
        let default = address.clone().or_else(|| self.reached_at().map(|(address, _)| address));
        self.explain("The address with the length of its network; the default is the one it has now.")?;
        self.fill(FIXED, "Address", default, |draft, typed| {
            draft.management = match std::mem::take(&mut draft.management) {
                // A gateway of another network would be held against the new address.
                Management::Static { .. } => {
                    Management::Static { address: Some(typed.to_owned()), gateway: None }
                }
                other => other,
            };
        })
        .await
    }

    pub(super) async fn gateway(&mut self) -> Result<Go, Failure> {
        let Management::Static { gateway, .. } = &self.draft.management else { return Ok(Go::Over) };
        let router = self.seen.as_ref().and_then(|seen| seen.way_out()?.1);
        let default = gateway.clone().or_else(|| router.map(|router| router.to_string()));
        let default = default.unwrap_or_else(|| NONE.to_owned());
        self.explain(&format!(
            "The router of that network, or `{NONE}`; the default is the one it uses now."
        ))?;
        self.fill(FIXED, "Router", Some(default), |draft, typed| {
            if let Management::Static { gateway, .. } = &mut draft.management {
                *gateway = (typed != NONE).then(|| typed.to_owned());
            }
        })
        .await
    }

    /// The address that the box is reached at now, and whether it is leased.
    fn reached_at(&self) -> Option<(String, bool)> {
        let (link, _) = self.seen.as_ref()?.way_out()?;
        Seen::address_of(link).map(|(address, leased)| (address.to_string(), leased))
    }
}
