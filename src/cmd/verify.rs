//! `ciab verify`: proves that the box is what its plan says, by asking the box.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::look::{Look, ask, odd};
use crate::{
    agent::wire::{Reply, Request},
    boxfile::args::BoxArgs,
    event::ProofResult,
    failure::{Exit, Failure},
    plan::Plan,
    report::{self, out},
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
        Failure::new(
            Exit::Usage,
            format!("read plan.json of the box: it is damaged, or of another version: {error}"),
        )
    })?;
    let results = prove(&look, &plan).await?;
    match args.json {
        false => out::page(&report::proofs_page(&results))?,
        true => out::json(&json!({ "schema": "ciab/verify/v1", "proofs": results }))?,
    }
    Ok(verdict(&results))
}

/// How long a promise that may still come true is left alone before it is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Asks every proof. One that did not run does not hold.
pub async fn prove(look: &Look, plan: &Plan) -> Result<Vec<ProofResult>, Failure> {
    let proofs = verify::proofs(plan);
    let began = Instant::now();
    let mut answers: Vec<Answer> = vec![Answer::CannotTell("it was not asked".into()); proofs.len()];
    loop {
        // One round takes minutes where a server boots: what was asked early in it, when the box had just started, is
        // asked once more.
        let asked = began.elapsed();
        let open: Vec<usize> = (0..proofs.len()).filter(|n| answers[*n] != Answer::Holds).collect();
        let probes = open.iter().map(|n| proofs[*n].probe.clone()).collect();
        let Reply::Answers(said) = ask(&look.client, Request::Prove { probes }).await? else {
            return Err(odd());
        };
        for (n, answer) in open.iter().zip(said) {
            answers[*n] = answer;
        }
        let patient = |n: &usize| {
            let within = Duration::from_secs(proofs[*n].within.into());
            answers[*n] != Answer::Holds && asked < within
        };
        if !open.iter().any(patient) {
            break;
        }
        sleep(AGAIN).await;
    }
    let result =
        |(proof, answer): (&verify::Proof, &Answer)| ProofResult::from_answer(&proof.id, &proof.what, answer);
    Ok(proofs.iter().zip(&answers).map(result).collect())
}

/// Whether all hold.
pub fn verdict(results: &[ProofResult]) -> Exit {
    let good = !results.is_empty() && results.iter().all(|proof| proof.pass);
    if good { Exit::Done } else { Exit::Verify }
}
