//! `ciab deploy`: looks, judges, renders, runs, proves. The same command goes on where a run was left.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use serde_json::json;

use super::{
    bundle, certificates, check, contact,
    look::{Look, Measuring, Sight, ask, odd},
    place::{self, Known},
    running::{consent_to_wipe, display, file_text, hint, wishes},
    verify,
};
use crate::{
    agent::wire::{Reply, Request},
    ask::Terminal,
    boxfile::{
        BoxFile,
        args::BoxArgs,
        names::{CheckId, Role},
        place::Layer,
        wanted::Wanted,
    },
    event::{self, Event, Kind, Outcome, ProofResult},
    failure::{Exit, Failure},
    link::Link,
    plan::{self, ChosenDisk, Plan, wipe, wipe_page},
    profile::Profile,
    render,
    report::{self, Form, Manner, Report, Setup, out},
    run,
    step::StepId,
    steps,
};

/// Prepares the box, and proves that it works. Goes on where an earlier run was left.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Box files, deployed one after the other; ./box.yaml when left out.
    #[arg(value_name = "BOX")]
    pub files: Vec<PathBuf>,
    /// A value that replaces the one in the box file, such as network.vip=192.168.16.9.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Ask nothing. A wipe is never confirmed by this: it is named in the box file.
    #[arg(long)]
    pub yes: bool,
    /// Print the events of the run, one JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// A check whose failure stops nothing; may be given more than once.
    #[arg(long, value_name = "ID", value_parser = check::known)]
    pub ignore: Vec<CheckId>,
    /// A step that may act again whatever its record says; may be given more than once.
    #[arg(long, value_name = "STEP")]
    pub again: Vec<StepId>,
    /// How many seconds a box may be away before the run gives up.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub reconnect: u64,
    /// How many steps may run side by side.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub parallel: u8,
}

/// Deploys each box in turn; stops at the first that does not come to its end.
pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let files =
        if args.files.is_empty() { vec![None] } else { args.files.iter().cloned().map(Some).collect() };
    for file in files {
        let exit = one(args, &BoxArgs { file, set: args.set.clone() }).await?;
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
    Ok(Exit::Done)
}

async fn one(args: &Args, file: &BoxArgs) -> Result<Exit, Failure> {
    let form = if args.json { Form::Json } else { Form::Human };
    let wanted = file.load()?;
    carried_through(&wanted.boxfile)?;
    chosen_here(args, &wanted)?;
    let work = report::Work::on_stderr();
    let bundle = match &wanted.boxfile.offline.bundle {
        Some(folder) => Some(bundle::checked(&place::expanded(folder)?, None, &work)?),
        None => None,
    };
    let link = Arc::new(place::link(&wanted.boxfile).await?);
    place_keys(&wanted.boxfile, &link).await?;
    let look = contact::reach(&link, Duration::from_secs(args.reconnect)).await?;
    let known = Known::read(&link.state);
    contact::same_box(&link.name(), &look.hello, &known, wanted.boxfile.name.as_str())?;
    let sight = Sight::through(wanted, look, Measuring::Yes).await?;
    judge(args, &sight, form)?;
    let plan = sight.plan.as_ref().map_err(|errors| plan::refused(errors))?;
    let text = file_text(file)?;
    let brought = certificates::operators(&sight.wanted.boxfile)?;
    consent(args, &sight, &known, &text)?;
    take_disks(args, &sight, plan, form)?;

    let link = Arc::new(with_later(&link, plan));
    let (mut secrets, box_id) = prepare(&sight, plan).await?;
    if let (Some((opened, items)), Some(look)) = (&bundle, &sight.look) {
        bundle::bring(&look.client, sight.wanted.boxfile.name.as_str(), opened, items, &work).await?;
    }
    drop(work);
    secrets.extend(brought);
    let tree = render::tree(plan, &secrets)?;
    let graph = steps::list(plan, &tree);
    let seconds = |step: &StepId| sight.profile.estimates.get(step.as_str()).copied().unwrap_or(1);
    let estimates = graph.steps.iter().map(|step| (step.id.clone(), seconds(&step.id))).collect();
    let operator = Some(sight.wanted.boxfile.access.operator.name.to_string());
    let kept = Known { box_id: Some(box_id.clone()), operator: None, boxfile: Some(text.clone()) };
    kept.write(&link.state)?;
    let request = run::Request {
        graph: graph.clone(),
        boxfile: text,
        plan: serde_json::to_value(plan).map_err(anyhow::Error::from)?,
        name: sight.wanted.boxfile.name.to_string(),
        profile: sight.wanted.boxfile.profile.to_string(),
        display: display(),
        expect_box: Some(box_id),
        reconnect: Duration::from_secs(args.reconnect),
        again: args.again.iter().cloned().collect::<BTreeSet<_>>(),
        side_by_side: args.parallel.into(),
        left: sight.left(&graph),
    };
    let setup = Setup {
        manner: Manner::suited(form),
        estimates,
        again: command("deploy", file),
        watch: command("logs -f --box", file),
    };
    let report = Report::start(setup);
    let mut last = (0, 0);
    let mut say = |event: &Event| {
        last = (event.seq, event.run);
        report.event(event);
    };
    let outcome = run::run(&request, &link, &hint(), wishes()?, &mut say).await;
    report.close();
    let outcome = outcome?;
    if let Outcome::Done { .. } = outcome {
        Known { operator, ..Known::default() }.write(&link.state)?;
        let look = Look::through(link).await?;
        let results = verify::prove(&look, plan).await?;
        match form {
            Form::Human => out::page(&report::proofs_page(&results))?,
            Form::Json => out::part(&proof_events(&results, last)).map(drop)?,
        }
        return Ok(verify::verdict(&results));
    }
    if let Outcome::Locked { holder } = &outcome {
        return Err(run::locked(holder));
    }
    Ok(run::exit_of(&outcome))
}

/// The proofs as further lines of the run that they follow.
fn proof_events(results: &[ProofResult], (seq, run): (u64, u64)) -> String {
    let line = |(seq, ProofResult { id, what, measured, pass }): (u64, ProofResult)| {
        let kind = Kind::Proof { id, what, measured, pass };
        let at = jiff::Timestamp::now().to_string();
        json!(Event { schema: event::SCHEMA.to_owned(), seq, at, run, kind }).to_string() + "\n"
    };
    (seq + 1..).zip(results.iter().cloned()).map(line).collect()
}

/// What was never taken to its end is planned, checked and rendered; nothing of it is begun.
fn carried_through(boxfile: &BoxFile) -> Result<(), Failure> {
    let (profile, engine) = (boxfile.profile, boxfile.engine);
    let disks = |role: &Role| boxfile.disks.contains_key(role);
    let volumes = Profile::load(profile)?.backend(engine, boxfile.storage.backend, disks);
    if steps::carry_through(profile, engine, volumes) {
        return Ok(());
    }
    let kept = volumes.map(|volumes| format!(", volumes in `{volumes}`")).unwrap_or_default();
    Err(Failure::new(
        Exit::Preflight,
        format!("this version of ciab renders profile `{profile}`, engine `{engine}`{kept}, and cannot deploy it yet"),
    )
    .hint("`ciab plan`, `ciab check` and `ciab render` work")
    .hint("profile `base` can be deployed, and `core` with engine `kolla` and `storage.backend: local`"))
}

/// Without a target the box is this machine: whoever forgot to name one is asked first.
fn chosen_here(args: &Args, wanted: &Wanted) -> Result<(), Failure> {
    let named = wanted.origin("access.target").is_some_and(|origin| origin.layer != Layer::Default);
    match Terminal::here() {
        _ if named || args.yes => Ok(()),
        Some(terminal) if terminal.agrees("no box is named: set up THIS machine?") => Ok(()),
        _ => Err(Failure::new(
            Exit::Refused,
            "no box is named, and this machine is not set up without being asked",
        )
        .hint("name the box as `access.target` in the box file, or say `target: local`")),
    }
}

/// Logs in with a password once, where one is named and no key works yet.
/// The way to the box, with the addresses that the plan gives it.
fn with_later(link: &Link, plan: &Plan) -> Link {
    let mut link = link.clone();
    if let (crate::link::Place::Ssh(to), Some(_)) = (&mut link.place, &plan.network.management.stack) {
        to.later = plan.network.management.addresses().iter().map(|net| net.addr()).collect();
    }
    link
}

async fn place_keys(boxfile: &crate::boxfile::BoxFile, link: &Link) -> Result<(), Failure> {
    let crate::link::Place::Ssh(destination) = &link.place else { return Ok(()) };
    if destination.password.is_none() {
        return Ok(());
    }
    match link.connect().await {
        Err(error) if !error.passing && error.failure.exit == Exit::Unreachable => {}
        _ => return Ok(()),
    }
    let keys: Vec<String> = boxfile.access.ssh_keys.iter().map(ToString::to_string).collect();
    out::note(&format!("putting {} public key(s) in place at {}", keys.len(), link.name()));
    crate::link::ssh::place_keys(link, destination, &keys).await.map_err(|error| error.failure)
}

/// Says everything that stands against a deployment, and stops if anything does.
fn judge(args: &Args, sight: &Sight, form: Form) -> Result<(), Failure> {
    let checked = check::check(&sight.case(), &args.ignore);
    if checked.exit == Exit::Done {
        return Ok(());
    }
    if form == Form::Human {
        out::note(&checked.text);
    }
    let mut ids: Vec<&str> = checked.report.failing().map(|finding| finding.id.as_str()).collect();
    ids.dedup();
    let first = ids.first().copied().unwrap_or_default();
    Err(Failure::new(checked.exit, format!("preflight failed: {}", ids.join(", ")))
        .hint(format!("`ciab hint {first}` says what it means and what helps")))
}

/// A box file that differs from the one the box was set up with, by somebody else or from elsewhere, is shown.
fn consent(args: &Args, sight: &Sight, known: &Known, text: &str) -> Result<(), Failure> {
    let Some(there) = &sight.kept.boxfile else { return Ok(()) };
    if there == text || known.boxfile.as_deref() == Some(there) {
        return Ok(());
    }
    let difference = similar::TextDiff::from_lines(there.as_str(), text);
    let difference = difference.unified_diff().header("on the box", "here").to_string();
    out::note(&format!("the box was set up with another box file:\n{difference}"));
    let refused = || {
        Failure::new(Exit::Refused, "the box was set up with another box file")
            .hint("look at the difference; `--yes` goes on with the one that is here")
    };
    match Terminal::here() {
        _ if args.yes => Ok(()),
        Some(terminal) if terminal.agrees("go on with the box file that is here?") => Ok(()),
        _ => Err(refused()),
    }
}

/// What is on a disk that was not taken yet is listed, and lost by consent alone.
fn take_disks(args: &Args, sight: &Sight, plan: &Plan, form: Form) -> Result<(), Failure> {
    let (_, graph) = sight.steps(plan)?;
    let new =
        |disk: &ChosenDisk| graph.taking(&disk.name()).is_none_or(|step| !sight.kept.steps.contains(step));
    let all = plan.disks.iter().flat_map(|(role, disks)| disks.iter().map(move |disk| (role.as_str(), disk)));
    let new: Vec<_> = all.filter(|(_, disk)| new(disk)).collect();
    if form == Form::Human && !new.is_empty() {
        let wiped: Vec<_> = new.iter().map(|(role, disk)| wipe::one(&sight.facts, role, disk)).collect();
        out::note(&wipe_page(&wiped, "`deploy`"));
    }
    new.iter().try_for_each(|(role, disk)| consent_to_wipe(role, disk, args.yes))
}

/// Takes the lock for a moment: makes missing secrets, and keeps what this plan has bound. Secrets are made on the
/// box, and what the first run decided is kept there, before anything is rendered.
async fn prepare(sight: &Sight, plan: &Plan) -> Result<(render::Secrets, String), Failure> {
    let client = &sight.look.as_ref().ok_or_else(odd)?.client;
    let name = sight.wanted.boxfile.name.to_string();
    let Reply::Locked { box_id, .. } = ask(client, Request::Lock { display: display(), name }).await? else {
        return Err(odd());
    };
    let bound = serde_json::to_value(plan.bound()).map_err(anyhow::Error::from)?;
    ask(client, Request::SaveBound { bound }).await?;
    let made = ask(client, Request::Secrets { names: render::secret_specs(plan) }).await?;
    ask(client, Request::Unlock).await?;
    match made {
        Reply::Secrets(secrets) => Ok((secrets, box_id)),
        _ => Err(odd()),
    }
}

/// A command about this box, to be typed.
fn command(name: &str, file: &BoxArgs) -> String {
    let mut words = vec!["ciab".to_owned()];
    words.extend(name.split(' ').map(str::to_owned));
    if file.file.is_none() {
        words.retain(|word| word != "--box");
    }
    words.extend(file.file.as_ref().map(|path| path.display().to_string()));
    words.extend(file.set.iter().flat_map(|value| ["--set".to_owned(), value.clone()]));
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| "ciab deploy".into())
}
