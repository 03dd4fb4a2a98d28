//! `ciab support`: one file with what others need to help, secrets taken out on the box.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use super::look::{Look, ask, odd};
use crate::{
    agent::wire::{Reply, Request},
    boxfile::args::BoxArgs,
    failure::{Exit, Failure},
    report::{bundle, out},
};

/// Writes a support bundle: events, outputs, states; without secrets.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub file: BoxArgs,
    /// Where to write it; it must not exist. `ciab-support-<name>.txt` when left out.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let wanted = args.file.load()?;
    let look = Look::at(&wanted.boxfile).await?;
    let Reply::Support(texts) = ask(&look.client, Request::Support).await? else { return Err(odd()) };
    let name = look.hello.name.clone().unwrap_or_else(|| wanted.boxfile.name.to_string());
    let path = args.output.clone().unwrap_or_else(|| format!("ciab-support-{name}.txt").into());
    let failed = |error: std::io::Error| {
        let failure = Failure::new(Exit::Usage, format!("write {}: {error}", path.display()));
        match error.kind() {
            ErrorKind::AlreadyExists => failure.hint("name another file with `-o`"),
            _ => failure,
        }
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    file.write_all(bundle(&name, &texts).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    out::note(&format!("wrote {}; it holds no secrets, but names and addresses of the box", path.display()));
    Ok(Exit::Done)
}
