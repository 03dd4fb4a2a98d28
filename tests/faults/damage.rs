//! The record with one byte changed, or cut short, at every byte: doubt or an error with its place, never another word.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::FileExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout},
};

use anyhow::{Context, Error, Result, bail, ensure};
use ciab::{
    agent::wire::{Answered, Asked, Fault, Reply, Request, State, VERSION},
    step::{Action, Graph, StepId, Want},
    tree::Entry,
};

use crate::{cases::At, engine::Place, graph};

/// A helper on the host that is asked without SSH.
struct Helper {
    _child: Child,
    to: ChildStdin,
    from: ChildStdout,
    id: u64,
}

impl Helper {
    fn ask(&mut self, request: Request) -> Result<std::result::Result<Reply, Fault>> {
        self.id += 1;
        let body = serde_json::to_vec(&Asked { id: self.id, request })?;
        let length = u32::try_from(body.len())?;
        self.to.write_all(&length.to_be_bytes())?;
        self.to.write_all(&body)?;
        self.to.flush()?;
        let mut length = [0; 4];
        self.from.read_exact(&mut length).context("the helper ended")?;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        self.from.read_exact(&mut body)?;
        Ok(serde_json::from_slice::<Answered>(&body)?.reply)
    }
}

pub(crate) fn every_byte(at: &mut At<'_>) -> Result<()> {
    let host = at.ground.host.clone();
    let mut station = at.station("one")?;
    station.side_by_side = 1;
    // `again` is done, `unit` has ended and nobody wrote that it is done.
    at.until_before(&mut station, "unit")?;
    let place = Place::arm("engine-ended", &station, &host)?;
    let mut engine = station.start(&graph::before("exact"))?;
    place
        .reached(&host, &mut engine, std::time::Duration::from_secs(60))
        .context("nobody came to the place")?;
    engine.kill();
    place.release(&host);
    // A run whose graph is short: it stands in `graph.json` whole.
    let mut short = graph::before("again");
    short.steps[0].action = Action::Ensure(vec![Want::File {
        path: "/etc/fault-short.conf".into(),
        entry: Entry::public("short\n"),
        check: vec![],
    }]);
    short.steps[0].id = StepId::new("short").map_err(Error::msg)?;
    let exit = station.run(&short, std::time::Duration::from_secs(60))?;
    ensure!(exit == 0, "a short run ended with {exit}: {}", station.complaint());
    let record = host.root()?.join("var/lib/ciab");
    let helper = host.said("ls -d /var/lib/ciab/bin/*").trim().to_owned();
    let mut child = host.spawn(&[&helper, "agent", "serve", "--digest", "none"])?;
    let (to, from) = (child.stdin.take().context("no stdin")?, child.stdout.take().context("no stdout")?);
    let mut helper = Helper { _child: child, to, from, id: 0 };

    let all = Graph { steps: [graph::graph().steps, short.steps].concat() };
    for (step, file, whole) in [
        ("short", "spec", State::Done),
        ("again", "spec", State::Done),
        ("again", "done", State::Done),
        ("unit", "spec", State::Ended),
        ("unit", "began", State::Ended),
        ("unit", "end", State::Ended),
    ] {
        let path = record.join(format!("steps/{step}/1/{file}"));
        let state = |helper: &mut Helper| state_of(helper, step);
        ensure!(state(&mut helper)? == whole, "{step} does not stand at {whole:?}");
        let mut looks = 0;
        let count = each_damage(&path, |what| {
            let found = state(&mut helper)?;
            looks += 1;
            if looks % 100 == 1 {
                same_in_survey(&mut helper, &all, step, &found)?;
            }
            let doubt = matches!(found, State::InDoubt { .. });
            // Without a word that it is done the probe is asked once more: that is no harm.
            let unsaid = file == "done" && what.is_empty() && found == State::Ended;
            ensure!(doubt || unsaid, "{step}/{file} damaged as {what}: {found:?}");
            Ok(())
        });
        note(at, &format!("{step}/{file}"), count);
    }
    let run = fs::read_to_string(record.join("current"))?.trim().to_owned();
    for (file, request) in [
        ("box.json".to_owned(), (|| Request::Hello { version: VERSION }) as fn() -> Request),
        ("current".to_owned(), || Request::Hello { version: VERSION }),
        (format!("runs/{run}/graph.json"), || Request::Status),
    ] {
        let path = record.join(&file);
        let count = each_damage(&path, |what| match helper.ask(request())? {
            // Another name, number or text that can be read: judged by who knows it better.
            Ok(_) => Ok(()),
            Err(fault) if fault.to_string().contains("/var/lib/ciab") => Ok(()),
            Err(fault) => bail!("{file} damaged as {what}: no place in `{fault}`"),
        });
        note(at, &file, count);
    }
    drop(helper);
    let exit = station.run(&graph::graph(), std::time::Duration::from_secs(120))?;
    at.expect("the run after it was mended", exit, 0);
    Ok(())
}

fn note(at: &mut At<'_>, file: &str, tried: Result<usize>) {
    match tried {
        Ok(count) => println!("            {file}: {count} damages"),
        Err(error) => at.notes.push(format!("{file}: {error:#}")),
    }
}

/// Behind the end of any output: only the state is asked for.
const PAST: u64 = 1 << 40;

/// What the record of a step means; a survey says the same (`same_in_survey`) and takes a hundred times as long.
fn state_of(helper: &mut Helper, step: &str) -> Result<State> {
    match helper.ask(Request::Follow {
        step: StepId::new(step).map_err(Error::msg)?,
        attempt: 1,
        from: PAST,
    })? {
        Ok(Reply::Output(output)) => Ok(output.state),
        other => bail!("a look at the end was answered with {other:?}"),
    }
}

fn same_in_survey(helper: &mut Helper, graph: &Graph, step: &str, state: &State) -> Result<()> {
    let mut one = graph.get(step).context("no such step")?.clone();
    (one.needs, one.uses) = (vec![], vec![]);
    match helper.ask(Request::Survey { graph: Graph { steps: vec![one] } })? {
        Ok(Reply::Survey(standings)) if standings.first().is_some_and(|s| s.state == *state) => Ok(()),
        other => bail!("{step} stands at {state:?}, and a survey says {other:?}"),
    }
}

/// Changes and cuts the file at every byte it has words in, and some behind; the file is whole again afterwards.
fn each_damage(path: &Path, mut look: impl FnMut(&str) -> Result<()>) -> Result<usize> {
    let whole = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let words = whole.len() - whole.iter().rev().take_while(|byte| **byte == 0).count();
    let file = fs::OpenOptions::new().write(true).open(path)?;
    let mut tried = 0;
    let mut result = Ok(());
    for at in (0..words).chain((words..whole.len()).step_by(997)) {
        file.write_all_at(&[whole[at] ^ 0x11], at as u64)?;
        result = look(&format!("byte {at}"));
        file.write_all_at(&whole[at..=at], at as u64)?;
        // What is cut off behind its words are zeros.
        if result.is_ok() && at < words {
            file.set_len(at as u64)?;
            result = look(&if at == 0 { String::new() } else { format!("cut at {at}") });
            file.set_len(0)?;
            file.write_all_at(&whole, 0)?;
        }
        if result.is_err() {
            break;
        }
        tried += 2;
    }
    result.map(|()| tried)
}
