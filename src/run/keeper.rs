//! Keeps events on the box, in their order and in the background: no step waits for it.

use std::time::Duration;

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};

use crate::agent::{client::Client, wire::Request};

/// How long the last events of a run may take to reach the box.
const LAST: Duration = Duration::from_secs(3);
/// Events that go in one request.
const TOGETHER: usize = 64;

/// Events on their way to the box. Events are for reading, never for deciding, so none is ever an error.
pub(super) struct Keeper {
    lines: UnboundedSender<String>,
    task: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn new(client: Client) -> Self {
        let (lines, mut queue) = unbounded_channel::<String>();
        let task = tokio::spawn(async move {
            let mut batch = Vec::new();
            while queue.recv_many(&mut batch, TOGETHER).await > 0 {
                let line = std::mem::take(&mut batch).join("\n");
                if client.ask(Request::Say { line }).await.is_err() {
                    return;
                }
            }
        });
        Self { lines, task }
    }

    pub(super) fn keep(&self, line: String) {
        let _ = self.lines.send(line);
    }

    /// Waits a moment until all are there.
    pub(super) async fn close(self) {
        drop(self.lines);
        let _ = timeout(LAST, self.task).await;
    }
}
