//! `ciab bundle import`: puts a bundle on the box.

use std::path::{Path, PathBuf};

use super::carry::carry;
use crate::{
    agent::{
        client::Client,
        wire::{Reply, Request},
    },
    boxfile::args::BoxArgs,
    bundle::{
        key::PublicKey,
        news::Listener,
        store::ROOT,
        verify::{Item, Opened, verify},
    },
    cmd::{
        look::{Look, ask, odd},
        running::display,
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
    let work = report::Work::on_stderr();
    let (opened, items) = checked(&args.folder, args.key, &work)?;
    let look = Look::at(&wanted.boxfile).await?;
    bring(&look.client, wanted.boxfile.name.as_str(), &opened, &items, &work).await?;
    drop(work);
    let text = format!("The box has the bundle in {ROOT}, as {} has signed it.", opened.key);
    out::page(&text).map(|()| Exit::Done)
}

/// A bundle with all its files, each of which is what its digest says.
pub(in crate::cmd) fn checked(
    folder: &Path,
    key: Option<PublicKey>,
    listener: &dyn Listener,
) -> Result<(Opened, Vec<Item>), Failure> {
    let opened = Opened::read(folder, key)?;
    let items = verify(&opened, listener)?;
    Ok((opened, items))
}

/// Puts a checked bundle on the box of this name, over a connection that has no lock yet.
pub(in crate::cmd) async fn bring(
    client: &Client,
    name: &str,
    opened: &Opened,
    items: &[Item],
    listener: &dyn Listener,
) -> Result<(), Failure> {
    let lock = Request::Lock { display: display(), name: name.to_owned() };
    let Reply::Locked { .. } = ask(client, lock).await? else { return Err(odd()) };
    carry(client, opened, items, listener).await?;
    ask(client, Request::Unlock).await.map(drop)
}
