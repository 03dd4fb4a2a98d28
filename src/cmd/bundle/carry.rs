//! Carries a bundle to the box over its link: what the box has already stays, what is cut goes on where it stopped.

use std::{collections::VecDeque, fs, os::unix::fs::FileExt as _, path::PathBuf, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{JoinHandle, JoinSet},
    time,
};

use crate::{
    agent::{
        bundle::{BundleReply, BundleRequest},
        client::Client,
        wire::{Reply, Request},
    },
    bundle::{
        MANIFEST, SIGNATURE, digest,
        news::{Listener, News, Units},
        store::{Lack, Wanted},
        verify::{Item, Opened},
    },
    cmd::look::{ask, odd},
    failure::{Exit, Failure},
    units::Bytes,
};

/// Bytes of one piece: large enough that a round trip costs little, small enough that a lease is not kept waiting.
const PIECE: usize = 1 << 20;
/// Files on their way at a time: one waits for its answer while another one is written.
const SIDE_BY_SIDE: usize = 4;
/// The helper ends when it hears nothing for 30 s.
const PING: Duration = Duration::from_secs(5);
/// What the box keeps free beside the bundle: the unpacked images are the next to want it.
const SPARE: u64 = 1 << 30;

/// Brings the box what it lacks, over a connection that holds the lock. The bundle was verified, and `items` are its
/// files. Exit 3 where the box has no room for it.
pub(super) async fn carry(
    client: &Client,
    opened: &Opened,
    items: &[Item],
    listener: &dyn Listener,
) -> Result<(), Failure> {
    let alive = alive(client.clone());
    let result = carried(client, opened, items, listener).await;
    alive.abort();
    result
}

async fn carried(
    client: &Client,
    opened: &Opened,
    items: &[Item],
    listener: &dyn Listener,
) -> Result<(), Failure> {
    listener.hear(News::Said("Asking the box what it has"));
    let files: Vec<Wanted> = items.iter().map(Wanted::from).collect();
    let BundleReply::Lacks { lacks, free } = request(client, BundleRequest::Lacks { files }).await? else {
        return Err(odd());
    };
    let missing: u64 = lacks.iter().map(|lack| lack.wanted.size - lack.from).sum();
    if missing > 0 && missing + SPARE > free {
        let message = format!(
            "the bundle takes {} more on the box, which has {} free: {} have to stay free",
            Bytes(missing).human(),
            Bytes(free).human(),
            Bytes(SPARE).human()
        );
        return Err(Failure::new(Exit::Preflight, message).hint("Make room below /var/lib/ciab-bundle."));
    }
    listener.hear(News::Stage {
        title: "Carrying the bundle to the box",
        units: Units::Bytes,
        total: missing,
    });
    let sent = send(client, opened.folder.clone(), lacks, listener).await;
    listener.hear(News::Ended);
    sent?;
    listener.hear(News::Said("Checking the bundle on the box"));
    let read = |name: &str| {
        fs::read_to_string(opened.folder.join(name))
            .map_err(|error| Failure::new(Exit::Usage, format!("read {name}: {error}")))
    };
    let finish = BundleRequest::Finish {
        manifest: read(MANIFEST)?,
        signature: read(SIGNATURE)?,
        key: opened.key.to_string(),
    };
    request(client, finish).await.map(drop)
}

/// Sends every file that is lacking, several side by side, each in its order.
async fn send(
    client: &Client,
    folder: PathBuf,
    lacks: Vec<Lack>,
    listener: &dyn Listener,
) -> Result<(), Failure> {
    let (told, mut heard) = unbounded_channel();
    let mut waiting = VecDeque::from(lacks);
    let mut tasks: JoinSet<Result<(), Failure>> = JoinSet::new();
    loop {
        while tasks.len() < SIDE_BY_SIDE
            && let Some(lack) = waiting.pop_front()
        {
            tasks.spawn(send_one(client.clone(), folder.clone(), lack, told.clone()));
        }
        tokio::select! {
            Some(count) = heard.recv() => listener.hear(News::Advanced(count)),
            ended = tasks.join_next() => match ended {
                Some(Ok(result)) => result?,
                Some(Err(error)) => return Err(Failure::new(Exit::Unexpected, error.to_string())),
                None => return Ok(()),
            },
        }
    }
}

async fn send_one(
    client: Client,
    folder: PathBuf,
    lack: Lack,
    told: UnboundedSender<u64>,
) -> Result<(), Failure> {
    let Lack { wanted, from } = lack;
    let path = wanted.path.below(&folder);
    let wrong = |error| Failure::new(Exit::Usage, format!("read {}: {error}", path.display()));
    let file = digest::open(&path).map_err(wrong)?;
    // One that has come as a whole, and was cut before it got its place, needs its last byte once more.
    let mut at = if from == wanted.size { from.saturating_sub(1) } else { from };
    let mut piece = vec![0; PIECE];
    loop {
        let count = file.read_at(&mut piece, at).map_err(wrong)?;
        if count == 0 && at < wanted.size {
            return Err(Failure::new(Exit::Verify, format!("`{}` has become shorter", wanted.path)));
        }
        let bytes = piece[..count].to_vec();
        let size = u32::try_from(count).map_err(anyhow::Error::from)?;
        request(&client, BundleRequest::Piece { file: wanted.clone(), at, size, bytes }).await?;
        at += count as u64;
        // Nobody may listen any more: then all of this ends anyway.
        let _ = told.send(count as u64);
        if at >= wanted.size {
            return Ok(());
        }
    }
}

async fn request(client: &Client, request: BundleRequest) -> Result<BundleReply, Failure> {
    match ask(client, Request::Bundle(request)).await? {
        Reply::Bundle(reply) => Ok(reply),
        _ => Err(odd()),
    }
}

/// Keeps the lease while the box reads what it has.
fn alive(client: Client) -> JoinHandle<()> {
    tokio::spawn(async move {
        while client.ask(Request::Ping).await.is_ok() {
            time::sleep(PING).await;
        }
    })
}
