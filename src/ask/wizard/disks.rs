//! The disks that the profile takes. Choosing one is no consent to wipe it: `deploy` asks for its serial.

use super::{Answer, Eyes, Go, Person, Talk};
use crate::{
    ask::Picks,
    failure::Failure,
    plan::selector::{about_disk, naming, obstacles, warnings},
    profile::{DiskNeeds, Profile},
};

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    pub(super) async fn disks(&mut self) -> Result<Go, Failure> {
        let profile = Profile::load(self.draft.profile)?;
        if profile.needs.disks.is_empty() {
            self.explain(&format!(
                "Profile {} takes no disk: nothing is wiped, and none is asked for.",
                profile.name
            ))?;
            return Ok(Go::Over);
        }
        let mut chosen = Vec::new();
        for (role, need) in &profile.needs.disks {
            match self.disk(role.as_str(), need).await? {
                Answer::Given(disks) => chosen.push((role.to_string(), disks)),
                Answer::Back => return Ok(Go::Back),
            }
        }
        self.draft.disks = chosen;
        Ok(Go::On)
    }

    async fn disk(
        &mut self,
        role: &str,
        need: &DiskNeeds,
    ) -> Result<Answer<Vec<crate::plan::selector::Naming>>, Failure> {
        let facts = self.seen.as_ref().map(|seen| seen.facts.clone()).unwrap_or_default();
        let free: Vec<_> = facts
            .identity
            .disks
            .iter()
            .filter(|disk| obstacles(disk, &facts).is_empty())
            .filter_map(|disk| Some((disk, naming(disk, &facts)?)))
            .collect();
        self.explain(&format!(
            "`{role}` takes {} disk(s) of {} or more. Disks in use are not offered; the one that is taken is wiped by \
             `deploy`, after you type its serial number.",
            need.count,
            need.size.minimum.human()
        ))?;
        if free.is_empty() {
            self.person.say(
                "No disk is free, or none was seen: write the role by hand (`ciab match disk` helps).",
            )?;
            return Ok(Answer::Given(Vec::new()));
        }
        let item = |(disk, _): &(&crate::facts::disk::Disk, _)| {
            let doubts = warnings(disk, &facts);
            let doubts = if doubts.is_empty() { String::new() } else { format!(" ({})", doubts.join(", ")) };
            (format!("{}{doubts}", about_disk(disk, &facts)), false)
        };
        let picks = Picks { question: format!("Disks for `{role}`"), items: free.iter().map(item).collect() };
        loop {
            let Answer::Given(taken) = self.person.pick(&picks).await? else { return Ok(Answer::Back) };
            if u32::try_from(taken.len()) == Ok(need.count) {
                let names = taken.iter().filter_map(|at| free.get(*at)).map(|(_, naming)| naming.clone());
                return Ok(Answer::Given(names.collect()));
            }
            self.person.say(&format!("Choose {}, not {}.", need.count, taken.len()))?;
        }
    }
}
