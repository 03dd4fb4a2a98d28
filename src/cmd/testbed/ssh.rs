//! `ciab testbed ssh`: a shell on a machine, or one command.

use std::{os::unix::process::CommandExt as _, process::Command};

use super::there;
use crate::{
    failure::{Exit, Failure},
    testbed::{debian, power},
    tool::whole,
};

/// Logs in to a machine of `up`, or executes a command there.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The machine's name.
    pub name: String,
    /// What is executed; a shell where nothing is said.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Becomes ssh(1), whose exit status is that of the command.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (machine, place) = there(&args.name)?;
    if !machine.keys {
        let failure = Failure::new(Exit::Usage, format!("machine {} has no keys of ours", args.name));
        return Err(failure.hint(format!("Its port 22 is 127.0.0.1:{}.", machine.port)));
    }
    if !power::is_on(&place)? {
        let failure = Failure::new(Exit::Unreachable, format!("machine {} is off", args.name));
        return Err(failure.hint(format!("`ciab testbed up {}` switches it on.", args.name)));
    }
    let mut command = Command::new(whole("ssh").as_ref());
    command.args(["-F", "/dev/null", "-p", &machine.port.to_string(), "-i"]).arg(place.path("key"));
    for option in ["IdentitiesOnly=yes", "StrictHostKeyChecking=yes", "LogLevel=ERROR", "ConnectTimeout=20"] {
        command.args(["-o", option]);
    }
    command.arg("-o").arg(format!("UserKnownHostsFile={}", place.path("known_hosts").display()));
    command.arg(format!("{}@127.0.0.1", debian::USER)).arg("--").args(&args.command);
    let error = command.exec();
    Err(Failure::new(Exit::Unexpected, format!("start ssh: {error}")))
}
