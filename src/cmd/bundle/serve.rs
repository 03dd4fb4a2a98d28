//! `ciab bundle serve`: hands a bundle out on loopback until it is interrupted.

use std::{path::PathBuf, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};

use crate::{
    boxfile::Engine,
    bundle::{
        key::PublicKey,
        manifest::Kind,
        serve::serve,
        verify::{Opened, verify},
    },
    failure::{Exit, Failure},
    report::{self, out},
};

/// Between two looks at whether both servers still run.
const LOOK: Duration = Duration::from_secs(1);

/// Hands a bundle out on 127.0.0.1: images, Debian packages, Python packages.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The bundle's folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The key that must have signed it; `ciab bundle build` shows it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<PublicKey>,
    /// The port of the registry.
    #[arg(long, value_name = "PORT", default_value_t = 5000)]
    pub registry_port: u16,
    /// The port of the server of files.
    #[arg(long, value_name = "PORT", default_value_t = 5001)]
    pub files_port: u16,
}

/// Ends with an interruption, or when one of the servers does.
pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let folder = std::path::absolute(&args.folder).map_err(anyhow::Error::from)?;
    let opened = Opened::read(&folder, args.key)?;
    let work = report::Work::on_stderr();
    verify(&opened, &work)?;
    drop(work);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(anyhow::Error::from)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::from)?;
    let mut served = serve(&opened, args.registry_port, args.files_port)?;
    out::page(&places(&opened, args))?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(Exit::Interrupted),
            _ = terminate.recv() => return Ok(Exit::Interrupted),
            () = time::sleep(LOOK) => served.check()?,
        }
    }
}

/// Where everything is, as each tool wants it written.
fn places(opened: &Opened, args: &Args) -> String {
    let manifest = &opened.manifest;
    let has = |kind: Kind| manifest.parts.iter().any(|part| part.kind == kind);
    let (images, files) = (args.registry_port, args.files_port);
    let mut text = String::new();
    if has(Kind::Image) && manifest.engine != Engine::None {
        text += &format!("images       127.0.0.1:{images}/<name>:<tag>, as `ciab bundle list` names them\n");
    }
    if has(Kind::Deb) {
        let key = opened.folder.join("apt").join(crate::bundle::APT_KEY);
        let codename = &manifest.system.codename;
        text += &format!(
            "packages     deb [signed-by={}] http://127.0.0.1:{files}/apt {codename} main\n",
            key.display()
        );
    }
    if has(Kind::Wheel) {
        text +=
            &format!("Python       pip install --index-url http://127.0.0.1:{files}/python/simple/ NAME\n");
    }
    if has(Kind::Collection) {
        text += &format!("collections  http://127.0.0.1:{files}/collections/\n");
    }
    text + "Ctrl-C ends it.\n"
}
