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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn validate(file: &std::path::Path) -> Result<Validated, Failure> {
        let boxfile = BoxArgs { file: Some(file.to_owned()), set: Vec::new() };
        run(&ValidateArgs { boxfile, json: true }, Colour::Plain)
    }

    #[test]
    fn faults_are_told_by_id_place_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("box.yaml");
        fs::write(&file, include_str!("../../docs/box.example.yaml").replace("name: cloud1", "nmae: cloud1"))
            .unwrap();
        let said = validate(&file).unwrap();
        assert_eq!(said.exit, Exit::Usage);
        let finding = &said.json["findings"][0];
        assert_eq!(
            (&finding["id"], &finding["line"], &finding["column"], &finding["key"], &finding["hint"]),
            (
                &json!("box.unknown-key"),
                &json!(15),
                &json!(1),
                &json!("nmae"),
                &json!("did you mean `name`?")
            )
        );
    }

    #[test]
    fn the_example_is_valid() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("box.yaml");
        fs::write(&file, include_str!("../../docs/box.example.yaml")).unwrap();
        let said = validate(&file).unwrap();
        assert_eq!((said.exit, &said.json["valid"]), (Exit::Done, &json!(true)));
        assert_eq!(said.text, "the box file is valid: profile core, cloud1.example.org\n");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let missing = validate(&folder.path().join("box.yaml")).unwrap_err();
        assert_eq!(missing.exit, Exit::Usage);
        assert!(missing.hints[0].contains("ciab init"), "{:?}", missing.hints);
        assert!(validate(folder.path()).unwrap_err().hints[0].contains("name the file"));
        assert_eq!(
            validate(std::path::Path::new("/dev/zero")).unwrap().json["findings"][0]["id"],
            "box.unreadable"
        );
    }
}
