//! What the commands that run a graph share: who runs it, from which box file, what a failure hints at, and what a person's
//! signals wish; and the consent to wipe a disk.

use std::{fs, sync::Arc};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    ask::Terminal,
    boxfile::args::{BoxArgs, USUAL},
    failure::{Exit, Failure},
    plan::{ChosenDisk, Consent},
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

/// The box file names the disk for wiping, or a person types its serial number.
pub(super) fn consent_to_wipe(role: &str, disk: &ChosenDisk, yes: bool) -> Result<(), Failure> {
    if disk.consent == Consent::Given {
        return Ok(());
    }
    let name = disk.serial.as_ref().unwrap_or(&disk.id);
    let refused = |message: String| {
        Err(Failure::new(Exit::Refused, message)
            .hint(format!("Write `{name}` below `disks.{role}.wipe`, or type it.")))
    };
    match Terminal::here() {
        Some(terminal) if !yes => {
            let what = if disk.serial.is_some() { "serial number" } else { "name" };
            match terminal.types(&format!("All of it is lost. Type the disk's {what} to go on"), name) {
                true => Ok(()),
                false => refused(format!("`{name}` was not typed")),
            }
        }
        _ => refused(format!("the box file does not name {name} for wiping, and nobody was asked")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_there_is_no_consent() {
        let disk = ChosenDisk {
            id: "virtio-a".to_owned(),
            serial: Some("a".to_owned()),
            size: crate::units::Bytes::gib(8),
            consent: Consent::Asked,
        };
        assert_eq!(consent_to_wipe("system", &disk, true).unwrap_err().exit, Exit::Refused);
        assert!(consent_to_wipe("system", &ChosenDisk { consent: Consent::Given, ..disk }, true).is_ok());
    }
}
