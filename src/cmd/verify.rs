//! `ciab verify`: proves that the box is what its plan says, by asking the box.

use serde_json::json;

use super::look::{Look, ask, odd};
use crate::{
    agent::wire::{Reply, Request},
    boxfile::args::BoxArgs,
    event::ProofResult,
    failure::{Exit, Failure},
    plan::Plan,
    report::{self, Form, out},
    step::Answer,
    verify,
};

/// Proves that the box is what the last run made of it.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub file: BoxArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Asks every proof of the plan that the box was set up with.
pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let wanted = args.file.load()?;
    let look = Look::at(&wanted.boxfile).await?;
    let Some(plan) = look.kept().await?.plan else {
        return Err(Failure::new(Exit::Verify, "there is nothing to prove: this box was never deployed to")
            .hint("`ciab deploy` sets it up, and ends in the same proofs"));
    };
    let plan: Plan = serde_json::from_value(plan).map_err(|error| {
        Failure::new(Exit::Usage, format!("read plan.json of the box: it is damaged, or of another version: {error}"))
    })?;
    prove(&look, &plan, if args.json { Form::Json } else { Form::Human }).await
}

/// Asks every proof, prints the table, and says whether all hold. One that did not run does not hold.
pub async fn prove(look: &Look, plan: &Plan, form: Form) -> Result<Exit, Failure> {
    let proofs = verify::proofs(plan);
    let probes = proofs.iter().map(|proof| proof.probe.clone()).collect();
    let Reply::Answers(answers) = ask(&look.client, Request::Prove { probes }).await? else { return Err(odd()) };
    let unasked = std::iter::repeat(Answer::CannotTell("it was not asked".into()));
    let results: Vec<ProofResult> = proofs
        .iter()
        .zip(answers.into_iter().chain(unasked))
        .map(|(proof, answer)| ProofResult::from_answer(&proof.id, &proof.what, &answer))
        .collect();
    match form {
        Form::Human => out::page(&report::proofs_page(&results))?,
        Form::Json => out::json(&json!({ "schema": "ciab/verify/v1", "proofs": results }))?,
    }
    let good = !results.is_empty() && results.iter().all(|proof| proof.pass);
    Ok(if good { Exit::Done } else { Exit::Verify })
}
