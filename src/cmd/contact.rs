//! The first contact of a deployment: the box is waited for, and has to be the one that is meant.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{look::Look, place::Known};
use crate::{
    agent::wire::Hello,
    failure::{Exit, Failure},
    link::Link,
    report::out,
};

/// Between two tries to reach a box for the first time.
const PAUSE: Duration = Duration::from_secs(3);

/// Connects; a box that is away is waited for, one that refuses is not.
pub(super) async fn reach(link: &Arc<Link>, patience: Duration) -> Result<Look, Failure> {
    let began = Instant::now();
    let mut told = false;
    loop {
        let error = match link.connect().await {
            Ok(client) => return Look::over(Arc::clone(link), client).await,
            Err(error) => error,
        };
        if !error.passing || began.elapsed() >= patience {
            return Err(error.failure);
        }
        if !told {
            told = true;
            let seconds = patience.as_secs();
            out::note(&format!(
                "{}; trying for {seconds} s (--reconnect), Ctrl-C ends it",
                error.failure.message
            ));
        }
        sleep(PAUSE.min(patience.saturating_sub(began.elapsed()))).await;
    }
}

/// Refuses a box that is not the one this workstation, or the box file, knows. Nothing was changed yet.
pub(super) fn same_box(place: &str, hello: &Hello, known: &Known, name: &str) -> Result<(), Failure> {
    let refused = |what: String| Failure::new(Exit::Refused, what);
    if let Some(known) = &known.box_id
        && hello.box_id.as_ref() != Some(known)
    {
        let shown = hello.box_id.as_deref().unwrap_or("none, as nothing was ever deployed to it");
        let what = format!("{place} is another box than before: its id was {known}, and is {shown}");
        let hint =
            "if the box was installed anew, forget the old one: delete its folder below ~/.local/state/ciab";
        return Err(refused(what).hint(hint));
    }
    match &hello.name {
        Some(there) if there != name => {
            Err(refused(format!("this box was set up as `{there}`, and the box file names it `{name}`"))
                .hint("use the box file it was set up with, or give the box its name in `name`"))
        }
        _ => Ok(()),
    }
}
