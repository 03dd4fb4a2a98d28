//! What the commands that run a graph share: who runs it, from which box file, what a failure hints at, and what a person's
//! signals wish.

use std::{fs, sync::Arc};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    boxfile::args::{BoxArgs, USUAL},
    failure::{Exit, Failure},
    profile::hints,
    report,
    run::{Hint, Wish},
};

/// The likely cause of a failure, as `profiles/hints.yaml` knows it.
pub(super) fn hint() -> Hint {
    Arc::new(|text| hints().cause(text).map(|(id, hint)| format!("{} (ciab hint {id})", hint.mend)))
}

/// The box file as it was given, for the record; what other layers added is in the plan.
pub(super) fn file_text(file: &BoxArgs) -> Result<String, Failure> {
    let path = file.file.clone().unwrap_or_else(|| USUAL.into());
    fs::read_to_string(&path)
        .map_err(|error| Failure::new(Exit::Usage, format!("read the box file {}: {error}", path.display())))
}

/// Who runs this, for whoever finds the lock taken.
pub(super) fn display() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".into());
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    format!("{user}@{}", host.unwrap_or_else(|_| "a workstation".into()))
}

/// Turns signals into wishes: the first lets go, the second leaves at once.
pub(super) fn wishes() -> Result<watch::Receiver<Wish>, Failure> {
    let (sender, receiver) = watch::channel(Wish::GoOn);
    let mut signals = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        signals.push(signal(kind).map_err(anyhow::Error::from)?);
    }
    let (told, mut heard) = tokio::sync::mpsc::channel::<()>(4);
    for mut signal in signals {
        let told = told.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                if told.send(()).await.is_err() {
                    return;
                }
            }
        });
    }
    tokio::spawn(async move {
        if heard.recv().await.is_some() {
            sender.send_replace(Wish::Detach);
            if heard.recv().await.is_some() {
                report::restore_terminal();
                std::process::exit(i32::from(Exit::Interrupted as u8));
            }
        }
        // Kept alive, so that the wish to go on is not taken for nobody being there.
        std::future::pending::<()>().await;
        drop(sender);
    });
    Ok(receiver)
}
