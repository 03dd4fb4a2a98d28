//! `ciab validate`: every fault of a box file at once.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    boxfile::{
        args::{BoxArgs, LoadError},
        fault::Colour,
    },
    failure::{Exit, Failure},
};

/// Checks a box file and says everything that is wrong with it.
#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub boxfile: BoxArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// What was found, in both forms; `exit` is `Done` for a box file without faults.
#[derive(Clone, Debug)]
pub struct Validated {
    pub exit: Exit,
    pub text: String,
    pub json: Value,
}

/// Reads all layers; `Err` only where the file cannot be read at all.
pub fn run(args: &ValidateArgs, colour: Colour) -> Result<Validated, Failure> {
    match args.boxfile.load() {
        Ok(wanted) => Ok(Validated {
            exit: Exit::Done,
            text: format!(
                "the box file is valid: profile {}, {}\n",
                wanted.boxfile.profile,
                wanted.boxfile.fqdn()
            ),
            json: document(json!([])),
        }),
        Err(LoadError::Unreadable(failure)) => Err(failure),
        Err(LoadError::Wrong(findings)) => {
            let count = findings.list().len();
            let noun = if count == 1 { "fault" } else { "faults" };
            Ok(Validated {
                exit: Exit::Usage,
                text: format!("{}\n\n{count} {noun}\n", findings.text(colour)),
                json: document(findings.json()),
            })
        }
    }
}

fn document(findings: Value) -> Value {
    json!({ "schema": "ciab/validate/v1", "valid": findings == json!([]), "findings": findings })
}
