//! Starts the helper at the far end of a channel, and sends the binary first where the box does not have it.
//!
//! The protocol of SSH knows no argument list: the far shell parses one string, so what varies goes as
//! parameters of one fixed script. A binary that is sent for a look is unlinked by the helper at once.

use std::sync::{Arc, Mutex, PoisonError};

use russh::{ChannelMsg, ChannelReadHalf};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::Session;
use crate::{
    agent::client::Client,
    failure::{Exit, Failure},
    link::LinkError,
};

/// `$1` the binary's digest, `$2` its size. Reads up to the word `ciab-go`, so that a password which sudo did not
/// want is not taken for anything else. A connection may end at any word, and then nothing may stay: not even a
/// SIGPIPE is left to its default, which ends a shell without its last trap.
const START: &str = r#"
while IFS= read -r word; do [ "$word" = ciab-go ] && break; done
kept=/var/lib/ciab/bin/$1
if [ -x "$kept" ]; then echo ciab-have; exec "$kept" agent serve --digest "$1"; fi
new=
trap 'rm -f "$new"' EXIT HUP INT TERM PIPE
for place in "${XDG_RUNTIME_DIR:-/run}" /var/tmp "$HOME" /tmp; do
  new=$(mktemp "$place/ciab-XXXXXXXX" 2>/dev/null) || continue
  printf '#!/bin/sh\n' > "$new" && chmod 700 "$new" && "$new" 2>/dev/null && break
  rm -f "$new"; new=
done
[ -n "$new" ] || { echo ciab-nowhere; exit 1; }
echo ciab-need
head -c "$2" > "$new"
[ "$(wc -c < "$new")" -eq "$2" ] || exit 1
trap - EXIT HUP INT TERM PIPE
exec "$new" agent serve --digest "$1" --unlink "$new"
"#;

/// Adds each line of the input to the user's authorized keys, once.
const ADD_KEYS: &str = r#"
umask 077
mkdir -p ~/.ssh && touch ~/.ssh/authorized_keys || exit 1
while IFS= read -r key; do
  [ "$key" = ciab-end ] && { echo ciab-placed; exit 0; }
  grep -qxF -- "$key" ~/.ssh/authorized_keys || printf '%s\n' "$key" >> ~/.ssh/authorized_keys
done
exit 1
"#;

/// The last bytes of what the far side wrote to its standard error.
type Complaint = Arc<Mutex<Vec<u8>>>;
const LONGEST_COMPLAINT: usize = 4096;

/// Starts the helper as root. `sudo` is `None` for root's own login, else the password where one is known.
pub(super) async fn start(
    session: Session,
    sudo: Option<Option<&SecretString>>,
    digest: &str,
) -> Result<Client, LinkError> {
    let binary = tokio::fs::read("/proc/self/exe").await;
    let binary = binary.map_err(|error| LinkError::passing(format!("read this binary: {error}")))?;
    let size = binary.len().to_string();
    let mut argv = match sudo {
        None => vec![],
        Some(None) => vec!["sudo", "-n", "--"],
        Some(Some(_)) => vec!["sudo", "-S", "-p", "ciab-password ", "--"],
    };
    argv.extend(["/bin/sh", "-c", START, "ciab", digest, &size]);
    let (reader, mut writer, complaint) = run(&session, &argv).await?;
    let mut reader = BufReader::new(reader);
    let broken = |error: std::io::Error| LinkError::passing(format!("start the helper: {error}"));
    if let Some(Some(password)) = sudo {
        let line = format!("{}\n", password.expose_secret());
        writer.write_all(line.as_bytes()).await.map_err(broken)?;
    }
    writer.write_all(b"ciab-go\n").await.map_err(broken)?;
    writer.flush().await.map_err(broken)?;
    let mut line = String::new();
    tokio::select! {
        read = reader.read_line(&mut line) => { read.map_err(broken)?; }
        () = refused_password(&complaint) => {}
    }
    match line.trim_end() {
        "ciab-have" => {}
        "ciab-need" => {
            writer.write_all(&binary).await.map_err(broken)?;
            writer.flush().await.map_err(broken)?;
        }
        "ciab-nowhere" => {
            return Err(LinkError::lasting(Failure::new(
                Exit::Unreachable,
                "start the helper: the box has no folder that a program can be executed from (all are mounted noexec)",
            )));
        }
        _ => return Err(not_started(&complaint)),
    }
    Ok(Client::start(Held { stream: reader, _session: session }, writer))
}

/// Runs argv at the far end.
async fn run(session: &Session, argv: &[&str]) -> Result<(DuplexStream, DuplexStream, Complaint), LinkError> {
    let failed = |error: russh::Error| LinkError::passing(format!("open a channel: {error}"));
    let channel = session.handle.channel_open_session().await.map_err(failed)?;
    let command = shlex::try_join(argv.iter().copied())
        .map_err(|error| LinkError::passing(format!("quote a command: {error}")))?;
    channel.exec(true, command).await.map_err(failed)?;
    let (from, to) = channel.split();
    let (near, far) = tokio::io::duplex(1 << 20);
    let complaint = Complaint::default();
    tokio::spawn(forward(from, far, Arc::clone(&complaint)));
    let (input, mut source) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let mut writer = to.make_writer();
        let copied = tokio::io::copy(&mut source, &mut writer).await;
        // The end of our words is the helper's sign to go; on an error the channel is gone already.
        if copied.is_ok() {
            let _ = to.eof().await;
        }
    });
    Ok((near, input, complaint))
}

/// Passes on what the far side writes. Ends with the channel, also when no exit status came: data may follow one.
async fn forward(mut from: ChannelReadHalf, mut to: DuplexStream, complaint: Complaint) {
    while let Some(message) = from.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                let gone = to.write_all(&data).await.is_err();
                if gone {
                    return;
                }
            }
            ChannelMsg::ExtendedData { data, .. } => {
                let mut kept = complaint.lock().unwrap_or_else(PoisonError::into_inner);
                let room = LONGEST_COMPLAINT.saturating_sub(kept.len());
                kept.extend(data.iter().take(room));
            }
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}

fn said(complaint: &Complaint) -> String {
    let bytes = complaint.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).replace("ciab-password ", "").trim().to_owned()
}

/// Returns when sudo has asked twice: the first answer was wrong, and the second must not be a guess.
async fn refused_password(complaint: &Complaint) {
    loop {
        if said(complaint).to_lowercase().contains("try again") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn not_started(complaint: &Complaint) -> LinkError {
    let said = said(complaint);
    let last = said.lines().last().unwrap_or("the connection was closed");
    let failure = Failure::new(Exit::Unreachable, format!("start the helper as root: {last}"));
    if said.contains("password is required") || said.contains("a terminal is required") {
        LinkError::lasting(failure.hint("sudo wants a password: name it as `access.sudo_password`, for example {prompt: \"sudo password\"}"))
    } else if said.to_lowercase().contains("try again") || said.contains("incorrect password") {
        LinkError::lasting(
            failure.hint("the password in `access.sudo_password` is not the one that sudo wants"),
        )
    } else if said.contains("not in the sudoers")
        || said.contains("not allowed")
        || said.contains("sudo: not found")
    {
        LinkError::lasting(failure.hint("log in as root, or as a user who may become root with sudo"))
    } else {
        LinkError { failure, passing: true }
    }
}

/// Adds public keys to the logged-in user's own file.
pub(super) async fn add_authorized_keys(session: &Session, keys: &[String]) -> Result<(), LinkError> {
    let broken = |error: std::io::Error| LinkError::passing(format!("put the keys in place: {error}"));
    let (reader, mut writer, complaint) = run(session, &["/bin/sh", "-c", ADD_KEYS]).await?;
    let text = format!("{}\nciab-end\n", keys.join("\n"));
    writer.write_all(text.as_bytes()).await.map_err(broken)?;
    writer.flush().await.map_err(broken)?;
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await.map_err(broken)?;
    if line.trim_end() == "ciab-placed" {
        return Ok(());
    }
    Err(LinkError::passing(format!("put the keys in place: {}", said(&complaint))))
}

/// The stream of the helper's words, and the connection it comes over: dropped together.
struct Held {
    stream: BufReader<DuplexStream>,
    _session: Session,
}

impl tokio::io::AsyncRead for Held {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
