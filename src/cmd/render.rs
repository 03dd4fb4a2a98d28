//! `ciab render`: the configuration tree, in a folder here, or as a difference from what is on the box.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use clap::Args;

use super::look::{Measuring, Sight, ask, odd};
use crate::{
    agent::wire::{FileState, Reply, Request},
    boxfile::args::BoxArgs,
    failure::{Exit, Failure},
    plan,
    report::{self, Found, out},
    tree::Tree,
    yaml,
};

/// Writes the configuration tree into a folder, or shows how it differs from what is on the box.
#[derive(Args, Clone, Debug)]
pub struct RenderArgs {
    #[command(flatten)]
    pub file: BoxArgs,
    /// The folder to write to; it must be empty or not exist.
    #[arg(short, long, value_name = "DIR", required_unless_present = "diff")]
    pub output: Option<PathBuf>,
    /// Show how the tree differs from what is on the box; of a secret only that it does.
    #[arg(long)]
    pub diff: bool,
    /// A YAML map of secrets to render with, by name; those of the box when left out.
    #[arg(long, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// Render for the box in this recording of `ciab detect --record`.
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    pub replay: Option<PathBuf>,
}

pub async fn run(args: &RenderArgs) -> Result<Exit, Failure> {
    let mut sight = Sight::of(&args.file, args.replay.as_deref(), Measuring::No).await?;
    if let Some(file) = &args.secrets {
        sight.secrets = read_secrets(file)?;
    }
    let plan = sight.plan.as_ref().map_err(|errors| plan::refused(errors))?;
    let (tree, _) = sight.steps(plan)?;
    if let Some(folder) = &args.output {
        write(&tree, folder).map_err(|error| Failure::new(Exit::Usage, format!("{error:#}")))?;
        let files = tree.0.len();
        let stand_in =
            if sight.secrets.is_empty() { "; secrets are stand-ins, as the box has none yet" } else { "" };
        out::note(&format!("wrote {files} files to {}{stand_in}", folder.display()));
    }
    if args.diff {
        let look = sight.look.as_ref().ok_or_else(odd)?;
        let paths = tree.0.keys().cloned().collect();
        let Reply::Files(files) = ask(&look.client, Request::Read { paths }).await? else {
            return Err(odd());
        };
        let difference = report::diff(&tree, &found(files));
        if !difference.is_empty() {
            out::page(&difference)?;
        }
    }
    Ok(Exit::Done)
}

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

/// The parser's own message would quote a line, which is a secret: only the place is told.
fn read_secrets(file: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let wrong =
        |what: String| Failure::new(Exit::Usage, format!("read the secrets {}: {what}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    yaml::from_str(&text).map_err(|error| {
        let place = error
            .location()
            .map_or(String::new(), |at| format!(" at line {} column {}", at.line(), at.column()));
        wrong(format!("no map of names and texts{place}"))
    })
}

/// Lays the tree below a folder, with its modes; owners are the box's business.
fn write(tree: &Tree, folder: &Path) -> anyhow::Result<()> {
    use anyhow::{Context, ensure};
    let make = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o755).create(path);
    make(folder).with_context(|| format!("make {}", folder.display()))?;
    let empty = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?.next().is_none();
    ensure!(empty, "{} is not empty: name a new folder", folder.display());
    for (path, entry) in &tree.0 {
        let path = folder.join(path.trim_start_matches('/'));
        let put = || -> std::io::Result<()> {
            path.parent().map_or(Ok(()), make)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(entry.text.as_bytes())?;
            file.set_permissions(fs::Permissions::from_mode(entry.mode))
        };
        put().with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}
