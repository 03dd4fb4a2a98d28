//! `ciab testbed console`: the serial console of a machine, on this terminal or for a program.

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    os::{fd::AsFd as _, unix::net::UnixStream},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::termios::{self, SetArg, Termios},
};

use super::there;
use crate::{
    failure::{Exit, Failure},
    report::out,
    testbed::power,
};

/// Shows the machine's serial console and types on it. Ctrl-] leaves it.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The machine's name.
    pub name: String,
}

/// Ctrl-], as telnet(1) has it.
const LEAVE: u8 = 0x1d;

/// Ends with Ctrl-], with the end of what is typed where that is no terminal, or when the machine goes off.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (machine, place) = there(&args.name)?;
    if !power::is_on(&place)? {
        let failure = Failure::new(Exit::Usage, format!("machine {} is off", machine.name));
        return Err(failure.hint(format!("What it said stands in {}.", place.path("console.log").display())));
    }
    let stream = UnixStream::connect(place.path("console.sock")).map_err(anyhow::Error::from)?;
    let raw = if io::stdin().is_terminal() {
        out::note("Ctrl-] leaves the console");
        Some(Raw::new()?)
    } else {
        None
    };
    let done = talk(&stream, raw.is_some());
    drop(raw);
    done.map_err(|error| Failure::from(anyhow::Error::from(error)))?;
    Ok(Exit::Done)
}

/// Both ways at once, in one thread: a second one could not be ended while it waits for a key.
fn talk(mut stream: &UnixStream, typed: bool) -> io::Result<()> {
    let keys = io::stdin();
    let mut buffer = [0; 4096];
    loop {
        let waits = |flags: Option<PollFlags>| flags.is_some_and(|flags| !flags.is_empty());
        let (said, pressed) = {
            let asked = PollFlags::POLLIN;
            let mut both = [PollFd::new(stream.as_fd(), asked), PollFd::new(keys.as_fd(), asked)];
            match poll(&mut both, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            (waits(both[0].revents()), waits(both[1].revents()))
        };
        if said {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                length => out::bytes(&buffer[..length])?,
            }
        }
        if pressed {
            let length = nix::unistd::read(&keys, &mut buffer)?;
            let end = buffer[..length].iter().position(|byte| typed && *byte == LEAVE);
            stream.write_all(&buffer[..end.unwrap_or(length)])?;
            if length == 0 || end.is_some() {
                return Ok(());
            }
        }
    }
}

/// A terminal that passes every key on; as it was when this is dropped.
struct Raw(Termios);

impl Raw {
    fn new() -> Result<Self, Failure> {
        let failed = |error: nix::Error| Failure::from(anyhow::Error::from(error));
        let old = termios::tcgetattr(io::stdin()).map_err(failed)?;
        let mut new = old.clone();
        termios::cfmakeraw(&mut new);
        termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &new).map_err(failed)?;
        Ok(Self(old))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}
