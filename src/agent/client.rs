//! The engine's side of the conversation: many questions at once over one stream of bytes.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};

use super::wire::{self, Answered, Asked, Fault, Reply, Request};

/// Why a question has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// The connection is gone: whether the request was carried out, only the record on the box can tell.
    #[error("the connection to the box was lost: {0}")]
    Lost(String),
    /// The helper answered with a fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The answer belongs to another question: a defect.
    #[error("the helper answered something else than it was asked")]
    Odd,
}

type Waiting = HashMap<u64, oneshot::Sender<Result<Reply, Fault>>>;

/// A conversation with one helper. Clones share it; it ends when the last one is dropped or the stream is cut.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    next: AtomicU64,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Waiting,
    /// Set once the stream is cut: every later question fails with it.
    lost: Option<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everybody who waits know that no answer will come.
    fn lose(&self, why: &str) {
        let mut state = self.state();
        state.lost.get_or_insert_with(|| why.to_owned());
        state.waiting.clear();
    }
}

impl Client {
    /// Starts the conversation over a pair of streams.
    pub fn start<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (outgoing, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { next: AtomicU64::new(1), outgoing, state: Mutex::default() });
        tokio::spawn(send(queue, writer, Arc::downgrade(&shared)));
        tokio::spawn(receive(reader, Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Asks, and waits for the answer as long as the connection lives.
    pub async fn ask(&self, request: Request) -> Result<Reply, AskError> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let frame =
            wire::encode_asked(&Asked { id, request }).map_err(|error| AskError::Lost(error.to_string()))?;
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.shared.state();
            if let Some(why) = &state.lost {
                return Err(AskError::Lost(why.clone()));
            }
            state.waiting.insert(id, sender);
        }
        if self.shared.outgoing.send(frame).is_err() {
            self.shared.lose("the connection is closed");
        }
        match answer.await {
            Ok(reply) => Ok(reply?),
            Err(_) => Err(AskError::Lost(self.lost().unwrap_or_else(|| "the connection was closed".into()))),
        }
    }

    /// Why the connection is gone, once it is.
    pub fn lost(&self) -> Option<String> {
        self.shared.state().lost.clone()
    }
}

async fn send<W: AsyncWrite + Unpin>(
    mut queue: mpsc::UnboundedReceiver<Vec<u8>>,
    mut writer: W,
    shared: std::sync::Weak<Shared>,
) {
    while let Some(frame) = queue.recv().await {
        let written = async {
            writer.write_all(&frame).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            if let Some(shared) = shared.upgrade() {
                shared.lose(&error.to_string());
            }
            return;
        }
    }
    // The last client is gone: the end of the stream tells the helper.
    let _ = writer.shutdown().await;
}

async fn receive<R: AsyncRead + Unpin>(mut reader: R, shared: std::sync::Weak<Shared>) {
    loop {
        let read = read_frame(&mut reader).await;
        let Some(shared) = shared.upgrade() else { return };
        match read {
            Ok(Some(answered)) => {
                let sender = shared.state().waiting.remove(&answered.id);
                // Nobody may wait any more: the question was given up.
                let _ = sender.map(|sender| sender.send(answered.reply));
            }
            Ok(None) => return shared.lose("the box closed the connection"),
            Err(error) => return shared.lose(&error.to_string()),
        }
    }
}

async fn read_frame<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Option<Answered>> {
    let mut length = [0; 4];
    match reader.read(&mut length).await? {
        0 => return Ok(None),
        n => {
            reader.read_exact(&mut length[n..]).await?;
        }
    }
    let mut body = vec![0; wire::checked_length(length)?];
    reader.read_exact(&mut body).await?;
    wire::decode(&body).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_find_their_questions_in_any_order() {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(near);
        let client = Client::start(reader, writer);
        let (mut from, mut to) = tokio::io::split(far);
        let server = tokio::spawn(async move {
            let mut asked = Vec::new();
            for _ in 0..2 {
                let mut length = [0; 4];
                from.read_exact(&mut length).await.unwrap();
                let mut body = vec![0; wire::checked_length(length).unwrap()];
                from.read_exact(&mut body).await.unwrap();
                asked.push(wire::decode::<Asked>(&body).unwrap().id);
            }
            for (id, run) in asked.into_iter().zip([1, 2]).rev() {
                let frame = wire::encode(&Answered { id, reply: Ok(Reply::Begun { run }) }).unwrap();
                to.write_all(&frame).await.unwrap();
            }
            (from, to)
        });
        let (one, two) = tokio::join!(client.ask(Request::Ping), client.ask(Request::Status));
        assert!(matches!(one, Ok(Reply::Begun { run: 1 })) && matches!(two, Ok(Reply::Begun { run: 2 })));
        drop(server.await.unwrap());
        assert!(matches!(client.ask(Request::Ping).await, Err(AskError::Lost(_))));
        assert!(client.lost().is_some());
    }
}
