//! `ciab render`: the files that a deployment would lay on the box, in a folder here or beside those it has.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::look::{Measuring, Sight, ask, odd};
use crate::{
    agent::wire::{FileState, Reply, Request},
    boxfile::args::BoxArgs,
    failure::{Exit, Failure},
    plan,
    render::{self, Secrets},
    report::{self, Found, out},
    tree::Tree,
    yaml,
};

/// Renders the files that a deployment would lay on the box.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub boxfile: BoxArgs,
    /// Write the files below this folder, which is empty or does not exist.
    #[arg(short, long, value_name = "DIR", required_unless_present = "diff")]
    pub output: Option<PathBuf>,
    /// Show what would change on the box; secret files are named and not shown.
    #[arg(long, conflicts_with = "replay")]
    pub diff: bool,
    /// A YAML file of secrets, name to text, in place of the box's own.
    #[arg(long, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// Render for the box in this recording of `ciab detect --record`.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// Looks at the box, renders, and writes or compares.
pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let mut sight = Sight::of(&args.boxfile, args.replay.as_deref(), Measuring::No).await?;
    if let Some(file) = &args.secrets {
        sight.secrets.extend(read(file)?);
    }
    let plan = sight.plan.as_ref().map_err(|errors| plan::refused(errors))?;
    let (tree, _) = sight.steps(plan)?;
    let specs = render::secret_specs(plan);
    let missing =
        specs.iter().filter(|spec| spec.names().iter().any(|name| !sight.secrets.contains_key(name)));
    match missing.count() {
        0 => {}
        count => out::note(&format!("note: {count} secrets are not made yet; stand-ins take their places")),
    }
    if let Some(folder) = &args.output {
        write(&tree, folder)?;
    }
    if let (true, Some(look)) = (args.diff, &sight.look) {
        let paths = tree.0.keys().cloned().collect();
        let Reply::Files(there) = ask(&look.client, Request::Read { paths }).await? else {
            return Err(odd());
        };
        let text = report::diff(&tree, &found(there));
        out::page(if text.is_empty() { "The box has all files as they are rendered." } else { &text })?;
    }
    Ok(Exit::Done)
}

/// The box's files as the report compares them; what is no file that can be compared says why in its place.
fn found(files: BTreeMap<String, FileState>) -> BTreeMap<String, Option<Found>> {
    let found = |state| match state {
        FileState::Absent => None,
        FileState::Present { mode, owner, group, text } => Some(Found { mode, owner, group, text }),
        FileState::Odd { why } => {
            Some(Found { mode: 0, owner: String::new(), group: String::new(), text: format!("({why})\n") })
        }
    };
    files.into_iter().map(|(path, state)| (path, found(state))).collect()
}

fn read(file: &Path) -> Result<Secrets, Failure> {
    let wrong =
        |why: String| Failure::new(Exit::Usage, format!("read the secrets {}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    // The reader's error shows the line, and a line of this file is a secret.
    let hint = "It is a YAML map of names to texts.";
    yaml::from_str::<BTreeMap<String, String>>(&text)
        .map_err(|_| wrong("it is no map of names to texts".to_owned()).hint(hint))
}

/// Writes every file below a folder, with its mode; owners are the box's matter. A file of an earlier rendering would
/// look like one of this, so the folder has to be empty.
fn write(tree: &Tree, folder: &Path) -> Result<(), Failure> {
    let wrong = |path: &Path, error: &io::Error| {
        Failure::new(Exit::Usage, format!("write {}: {error}", path.display()))
    };
    let there = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(wrong(folder, &error)),
    };
    if there {
        return Err(Failure::new(Exit::Usage, format!("{} is not empty", folder.display()))
            .hint("Name a folder that is empty or does not exist."));
    }
    for (path, entry) in &tree.0 {
        let place = folder.join(path.trim_start_matches('/'));
        let parent = place.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| wrong(parent, &error))?;
        // A file that its owner may not write is still written once, by whoever makes it.
        let opened = fs::OpenOptions::new().write(true).create_new(true).mode(entry.mode).open(&place);
        opened
            .and_then(|mut file| file.write_all(entry.text.as_bytes()))
            .map_err(|error| wrong(&place, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::tree::Entry;

    fn tree() -> Tree {
        let read_only = Entry { mode: 0o440, ..Entry::public("rule\n") };
        Tree([("/etc/a".to_owned(), read_only), ("/b".to_owned(), Entry::secret("s\n"))].into())
    }

    #[test]
    fn files_are_written_with_their_modes_into_an_empty_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("new");
        write(&tree(), &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("etc/a")).unwrap(), "rule\n");
        for (path, mode) in [("etc/a", 0o440), ("b", 0o600)] {
            assert_eq!(fs::metadata(target.join(path)).unwrap().permissions().mode() & 0o777, mode);
        }
        let again = write(&tree(), &target).unwrap_err();
        assert_eq!(again.exit, Exit::Usage);
        assert!(again.message.ends_with("is not empty"), "{again}");
    }

    #[test]
    fn a_wrong_file_of_secrets_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.yaml");
        fs::write(&file, "a: canary\n  b: [canary\n").unwrap();
        let failure = read(&file).unwrap_err();
        assert!(!failure.message.contains("canary"), "{failure}");
        fs::write(&file, "ca.crt: x\n").unwrap();
        assert_eq!(read(&file).unwrap()["ca.crt"], "x");
    }
}
