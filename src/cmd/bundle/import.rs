//! `ciab bundle import`: puts a bundle on the box.

use std::path::PathBuf;

use super::carry::carry;
use crate::{
    agent::wire::{Reply, Request},
    boxfile::args::BoxArgs,
    bundle::{
        key::PublicKey,
        store::ROOT,
        verify::{Opened, verify},
    },
    cmd::{
        deploy,
        look::{Look, ask, odd},
    },
    failure::{Exit, Failure},
    report::{self, out},
};

/// Puts a bundle on the box; what is there already is not sent again.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The bundle's folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    #[command(flatten)]
    pub boxfile: BoxArgs,
    /// The key that must have signed it; `ciab bundle build` shows it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<PublicKey>,
}

/// Checks all of the bundle before the first byte goes to the box.
pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let wanted = args.boxfile.load()?;
    let opened = Opened::read(&args.folder, args.key)?;
    let work = report::Work::on_stderr();
    let items = verify(&opened, &work)?;
    let look = Look::at(&wanted.boxfile).await?;
    let name = wanted.boxfile.name.to_string();
    let Reply::Locked { .. } = ask(&look.client, Request::Lock { display: deploy::display(), name }).await?
    else {
        return Err(odd());
    };
    carry(&look.client, &opened, &items, &work).await?;
    ask(&look.client, Request::Unlock).await?;
    drop(work);
    let text = format!("The box has the bundle in {ROOT}, as {} has signed it.", opened.key);
    out::page(&text).map(|()| Exit::Done)
}
