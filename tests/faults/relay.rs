//! A relay between engine and box that can cut everything after so many bytes more.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    thread,
};

use anyhow::Result;

/// Listens as long as the process lives; one relay a combination.
pub(crate) struct Relay {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// Bytes that may still pass in either direction; negative means any number.
    left: AtomicI64,
    open: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Starts to relay to a port of this machine.
    pub(crate) fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let own = listener.local_addr()?.port();
        let shared = Arc::new(Shared { left: AtomicI64::new(-1), open: Mutex::default() });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                of_thread.join(near, far);
            }
        });
        Ok(Self { port: own, shared })
    }

    /// Cuts every connection there is once so many bytes have passed; later ones are not touched.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.shared.left.store(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Whether the cut that was ordered has been made.
    pub(crate) fn has_cut(&self) -> bool {
        self.shared.left.load(Ordering::SeqCst) < 0
    }
}

impl Shared {
    fn join(self: &Arc<Self>, near: TcpStream, far: TcpStream) {
        let both = [near.try_clone(), far.try_clone()];
        self.open.lock().unwrap().extend(both.into_iter().flatten());
        for (from, to) in [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))] {
            let (Ok(from), Ok(to)) = (from, to) else { return };
            let shared = Arc::clone(self);
            let _ = (from.set_nodelay(true), to.set_nodelay(true));
            thread::spawn(move || shared.pass(from, to));
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 << 10];
        loop {
            let n = match from.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(n) => n,
            };
            let left = self.left.load(Ordering::SeqCst);
            let may = usize::try_from(left).map_or(n, |left| n.min(left));
            if to.write_all(&buffer[..may]).is_err() {
                break;
            }
            if left >= 0 && self.left.fetch_sub(i64::try_from(n).unwrap_or(0), Ordering::SeqCst) <= n as i64 {
                self.left.store(-1, Ordering::SeqCst);
                for stream in self.open.lock().unwrap().drain(..) {
                    let _ = stream.shutdown(Shutdown::Both);
                }
                return;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
