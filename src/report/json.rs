//! JSON lines: exactly the events.

use std::io::{self, Write};

use super::{board::Show, progress::Progress};
use crate::event::Event;

pub(super) struct Json<W>(pub(super) W);

impl<W: Write + Send> Show for Json<W> {
    fn event(&mut self, event: &Event, _: &Progress) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.0.write_all(&line)?;
        self.0.flush()
    }
}
