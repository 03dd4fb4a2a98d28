//! QEMU's machine protocol (docs/interop/qmp-spec), as much of it as a testbed needs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Saving a machine of many gigabytes takes its time.
const PATIENCE: Duration = Duration::from_secs(600);

/// A connection to a machine that runs.
pub(super) struct Qmp {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl Qmp {
    pub(super) fn open(socket: &Path) -> Result<Self> {
        let to = UnixStream::connect(socket).with_context(|| format!("reach {}", socket.display()))?;
        to.set_read_timeout(Some(PATIENCE))?;
        let mut qmp = Self { from: BufReader::new(to.try_clone()?), to };
        // The greeting comes unasked.
        qmp.line()?;
        qmp.call("qmp_capabilities", &Value::Null)?;
        Ok(qmp)
    }

    /// A command and its answer; events on the way are nobody's.
    pub(super) fn call(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let mut asked = json!({"execute": command});
        if !arguments.is_null() {
            asked["arguments"] = arguments.clone();
        }
        self.to.write_all((asked.to_string() + "\n").as_bytes()).with_context(|| format!("ask {command}"))?;
        loop {
            let said = self.line()?;
            if let Some(error) = said.get("error") {
                bail!("QEMU refuses {command}: {}", error["desc"].as_str().unwrap_or_default());
            }
            if let Some(answer) = said.get("return") {
                return Ok(answer.clone());
            }
        }
    }

    /// A command of the human monitor, whose errors are words it says.
    pub(super) fn human(&mut self, line: &str) -> Result<String> {
        let said = self.call("human-monitor-command", &json!({"command-line": line}))?;
        Ok(said.as_str().unwrap_or_default().trim().to_owned())
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        let read = self.from.read_line(&mut line).context("hear what QEMU says")?;
        if read == 0 {
            bail!("QEMU has ended");
        }
        serde_json::from_str(&line).context("read what QEMU says")
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    #[test]
    fn answers_are_found_among_events_and_refusals_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("qmp");
        let listener = UnixListener::bind(&socket).unwrap();
        let other = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut from = BufReader::new(stream.try_clone().unwrap());
            let mut heard = Vec::new();
            let says = [
                "{\"QMP\": {}}\n",
                "{\"event\": \"RESUME\"}\n{\"return\": {}}\n",
                "{\"return\": \"no block device\\r\\n\"}\n",
                "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}\n",
            ];
            for (number, said) in says.iter().enumerate() {
                if number > 0 {
                    let mut line = String::new();
                    from.read_line(&mut line).unwrap();
                    heard.push(serde_json::from_str::<Value>(&line).unwrap());
                }
                (&stream).write_all(said.as_bytes()).unwrap();
            }
            heard
        });
        let mut qmp = Qmp::open(&socket).unwrap();
        assert_eq!(qmp.human("savevm one").unwrap(), "no block device");
        let error = qmp.call("quit", &Value::Null).unwrap_err().to_string();
        assert!(error.contains("no such thing"), "{error}");
        let heard = other.join().unwrap();
        assert_eq!(heard[1]["arguments"]["command-line"], "savevm one");
        assert_eq!(heard[2], json!({"execute": "quit"}));
        assert!(Qmp::open(&socket).is_err());
    }
}
