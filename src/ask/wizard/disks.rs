//! Where volumes are kept, and the disks that the profile takes. Choosing one is no consent to wipe it: `deploy` asks
//! for its serial.

use super::{Answer, Eyes, Go, Person, Talk, draft::selectable, place::NOT_DEPLOYED};
use crate::{
    ask::Picks,
    boxfile::cloud::Backend,
    failure::Failure,
    plan::selector::{Naming, about_disk, naming, obstacles, warnings},
    profile::{DiskNeeds, Profile},
    steps,
};

impl<P: Person, E: Eyes> Talk<'_, P, E> {
    /// Only where there is a choice.
    pub(super) async fn volumes(&mut self) -> Result<Go, Failure> {
        let profile = Profile::load(self.draft.profile)?;
        let offers: Vec<Backend> = profile.backends(profile.preset_engine()).collect();
        let [preset, _, ..] = offers.as_slice() else { return Ok(Go::Over) };
        self.explain("Where are the volumes of servers kept? The first is the profile's own choice.")?;
        let item = |backend: &Backend| {
            let far = steps::carry_through(profile.name, profile.preset_engine(), Some(*backend));
            format!("{}{}", about(*backend), if far { "" } else { NOT_DEPLOYED })
        };
        let items = offers.iter().map(item).collect();
        let now = self.draft.backend.unwrap_or(*preset);
        let now = offers.iter().position(|offer| *offer == now).unwrap_or_default();
        let Answer::Given(at) = self.choose("Volumes", items, now).await? else { return Ok(Go::Back) };
        self.draft.backend = offers.get(at).copied();
        Ok(Go::On)
    }

    pub(super) async fn disks(&mut self) -> Result<Go, Failure> {
        let profile = Profile::load(self.draft.profile)?;
        let backend = profile.backend(profile.preset_engine(), self.draft.backend, |_| false);
        let taken =
            profile.needs.disks.iter().filter(|(_, need)| need.backend.is_none() || need.backend == backend);
        let taken: Vec<_> = taken.collect();
        if taken.is_empty() {
            self.explain("So it takes no disk: nothing is wiped, and none is asked for.")?;
            self.draft.disks.clear();
            return Ok(Go::Over);
        }
        let mut chosen = Vec::new();
        for (role, need) in taken {
            match self.disk(role.as_str(), need).await? {
                Answer::Given(disks) => chosen.push((role.to_string(), disks)),
                Answer::Back => return Ok(Go::Back),
            }
        }
        self.draft.disks = chosen;
        Ok(Go::On)
    }

    async fn disk(&mut self, role: &str, need: &DiskNeeds) -> Result<Answer<Vec<Naming>>, Failure> {
        let facts = self.seen.as_ref().map(|seen| seen.facts.clone()).unwrap_or_default();
        let free: Vec<_> = facts
            .identity
            .disks
            .iter()
            .filter(|disk| obstacles(disk, &facts).is_empty())
            .filter_map(|disk| Some((disk, naming(disk, &facts)?)))
            .collect();
        let takes = need.count..=need.up_to.unwrap_or(need.count);
        let many = match (takes.start(), takes.end()) {
            (1, 1) => "one disk".to_owned(),
            (least, most) if least == most => format!("{least} disks"),
            (least, most) => format!("{least} to {most} disks"),
        };
        self.explain(&format!(
            "`{role}` takes {many} of {} or more. Disks in use are not offered; one that is taken is wiped by \
             `deploy`, after you type its serial number.",
            need.size.minimum.human()
        ))?;
        if free.is_empty() {
            self.person.say(
                "No disk is free, or none was seen: write the role by hand (`ciab match disk` helps).",
            )?;
            return Ok(Answer::Given(Vec::new()));
        }
        let before: Vec<&Naming> =
            self.draft.disks.iter().filter(|(name, _)| name == role).flat_map(|(_, disks)| disks).collect();
        let item = |(disk, naming): &(&crate::facts::disk::Disk, Naming)| {
            let doubts = warnings(disk, &facts);
            let doubts = if doubts.is_empty() { String::new() } else { format!(" ({})", doubts.join(", ")) };
            (format!("{}{doubts}", about_disk(disk, &facts)), before.contains(&naming))
        };
        let picks = Picks { question: format!("Disks for `{role}`"), items: free.iter().map(item).collect() };
        loop {
            let Answer::Given(taken) = self.person.pick(&picks).await? else { return Ok(Answer::Back) };
            let names: Vec<Naming> =
                taken.iter().filter_map(|at| free.get(*at)).map(|(_, naming)| naming.clone()).collect();
            if !u32::try_from(names.len()).is_ok_and(|count| takes.contains(&count)) {
                self.person.say(&format!("Choose {many}, not {}.", names.len()))?;
            } else if !selectable(&names) {
                self.person.say(
                    "No single selector finds these again: some have a serial number and some have none. Choose others.",
                )?;
            } else {
                return Ok(Answer::Given(names));
            }
        }
    }
}

/// In the list of places for volumes.
fn about(backend: Backend) -> &'static str {
    match backend {
        Backend::Ceph => "ceph: on disks of its own, which are wiped",
        Backend::Lvm => "lvm: logical volumes on a disk of their own, which is wiped",
        Backend::Nfs => "nfs: in files of the box, which serves them to itself; takes no disk",
        Backend::Local => "local: no volumes; servers keep their disks in files of the box",
    }
}
