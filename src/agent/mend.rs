//! Takes away what attempts have left that never came to their end, where the next one would take it for whole: half a
//! database is an existing one to kolla-ansible.
//!
//! Nothing is touched that stood there before the step's first attempt, nor anything of a step that was done once: it may hold
//! what people have put there since. What stood there is written down before the first attempt acts.

use std::io::Write;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    record::{Attempt, Block, read_json, write_whole},
    want::Host,
};
use crate::{profile::Mend, step::StepId};

/// In the folder of the step, beside its attempts.
const FOUND: &str = "found";

/// What the step's first attempt found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    volumes: Vec<String>,
}

/// What is to be done before an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Before {
    /// It is the first one that acts: what is there is written down.
    Note,
    /// These volumes were made by earlier attempts, and nobody has used them.
    Remove(Vec<String>),
    Nothing,
}

/// Prepares the attempt `this`, which has begun and has not acted yet.
pub(super) fn before(
    mend: &Mend,
    step: &StepId,
    this: &Attempt,
    host: &Host,
    out: &mut dyn Write,
) -> Result<()> {
    let folder = this.folder.parent().context("an attempt has a step")?;
    let file = folder.join(FOUND);
    let there: Vec<String> = {
        let said = host.call(["docker", "volume", "ls", "--quiet"]).ok().context("list volumes")?;
        said.lines().map(str::to_owned).filter(|name| mend.volumes.contains(name)).collect()
    };
    let mut earlier = Vec::new();
    for number in 1..this.number {
        let attempt = this.sibling(number);
        earlier.push((attempt.began()?, attempt.done()?));
    }
    let began = earlier.iter().any(|(began, _)| *began != Block::Blank);
    let done = earlier.iter().any(|(_, done)| *done != Block::Blank);
    match decide(began, done, read_json::<Found>(&file)?.map(|found| found.volumes), &there) {
        Before::Note => write_whole(&file, &serde_json::to_vec(&Found { volumes: there })?)?,
        Before::Nothing => {}
        Before::Remove(volumes) => {
            for name in &mend.containers {
                // A unit would start it again; either may be gone.
                let _ = host.call(["systemctl", "stop", &format!("kolla-{name}-container.service")]).output();
                let _ = host.call(["docker", "rm", "--force", name]).output();
            }
            for name in &volumes {
                host.call(["docker", "volume", "rm", "--force", name]).ok().context("remove a volume")?;
                writeln!(
                    out,
                    "{step} was never done: volume {name}, which an earlier attempt has made, is removed"
                )?;
            }
        }
    }
    Ok(())
}

/// `began`, `done`: whether an earlier attempt has ever acted, or was ever done; `found`: what the first one found, if that
/// is known; `there`: what there is now.
fn decide(began: bool, done: bool, found: Option<Vec<String>>, there: &[String]) -> Before {
    match found {
        _ if done => Before::Nothing,
        _ if !began => Before::Note,
        // Written by a version of this program that wrote nothing down: nobody knows whose it is.
        None => Before::Nothing,
        Some(found) => {
            let made: Vec<String> = there.iter().filter(|name| !found.contains(name)).cloned().collect();
            if made.is_empty() { Before::Nothing } else { Before::Remove(made) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_step_made_and_never_finished_is_taken_away() {
        let database = || vec!["mariadb".to_owned()];
        assert_eq!(decide(false, false, None, &[]), Before::Note, "the first attempt");
        assert_eq!(decide(false, false, None, &database()), Before::Note, "whatever it finds");
        assert_eq!(decide(true, false, Some(vec![]), &database()), Before::Remove(database()));
        assert_eq!(decide(true, false, Some(vec![]), &[]), Before::Nothing, "nothing was made");
        assert_eq!(decide(true, false, Some(database()), &database()), Before::Nothing, "somebody else's");
        assert_eq!(decide(true, true, Some(vec![]), &database()), Before::Nothing, "it was done once");
        assert_eq!(decide(true, false, None, &database()), Before::Nothing, "nobody knows");
        assert_eq!(decide(false, false, Some(vec![]), &database()), Before::Note, "no attempt has acted yet");
    }
}
