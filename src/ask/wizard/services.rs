//! Services that the box asks: time, the way to the internet.

use super::{Eyes, Go, Person, Talk, list};
use crate::{failure::Failure, profile::Profile};

const USUAL: &str = "usual";
const NONE: &str = "none";

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn ntp(&mut self) -> Result<Go, Failure> {
        let profile = Profile::load(self.draft.profile)?;
        let preset = profile.defaults.get("network").and_then(|network| network.get("ntp")?.as_array());
        let preset: Vec<&str> = preset.into_iter().flatten().filter_map(|server| server.as_str()).collect();
        self.explain(&format!(
            "Time servers. `{USUAL}` means those of the profile, {}; a network that lets no UDP port 123 out has its own.",
            preset.join(", ")
        ))?;
        let default = if self.draft.ntp.is_empty() { USUAL.to_owned() } else { self.draft.ntp.join(" ") };
        self.fill("network.ntp", "Time servers", Some(default), |draft, typed| {
            draft.ntp = if typed == USUAL { Vec::new() } else { list(typed) };
        })
        .await
    }

    pub(super) async fn proxy(&mut self) -> Result<Go, Failure> {
        let here = self.draft.target.as_deref() == Some("local");
        let known = here.then(|| self.target.proxy.clone()).flatten();
        let reason = match (&known, here) {
            (Some(_), _) => "This machine's environment names one.",
            (None, true) => "This machine's environment names none.",
            (None, false) => "What the box itself needs cannot be seen from here.",
        };
        self.explain(&format!(
            "The web proxy that the box needs to reach the internet, such as http://proxy.example.org:3128, or `{NONE}`. \
             {reason}"
        ))?;
        let default = self.draft.proxy.clone().or(known).unwrap_or_else(|| NONE.to_owned());
        self.fill("network.proxy", "Proxy", Some(default), |draft, typed| {
            draft.proxy = (typed != NONE).then(|| typed.to_owned());
        })
        .await
    }
}
