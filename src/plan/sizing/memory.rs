//! Hands the memory out: first what everything takes at its smallest, then growth, in this order, then the page cache.
//!
//! Growth is a part of what the smallest sizes leave, so servers get more than half of that, more memory never
//! means less for anything, and together it is never more than there is.

use super::{Has, Part};
use crate::{
    profile::{Share, SizingRules, cloud_service},
    units::Bytes,
};

/// What everything got.
pub(super) struct Memory {
    pub(super) workers: u32,
    pub(super) buffer_pool: Bytes,
    pub(super) rabbitmq: Bytes,
    pub(super) memcached: Bytes,
    pub(super) osd: Option<Bytes>,
    pub(super) search_heap: Option<Bytes>,
    pub(super) page_cache: Bytes,
    pub(super) reserved: Bytes,
    pub(super) parts: Vec<Part>,
}

/// Room to grow into.
struct Growth {
    left: u64,
    given: u64,
}

impl Growth {
    /// As much of what is wanted as there is.
    fn grant(&mut self, wanted: u64) -> u64 {
        let given = wanted.min(self.left);
        self.left -= given;
        self.given += given;
        given
    }

    /// A size by its share; for each byte of it `times` bytes are taken.
    fn grow(&mut self, share: &Share, memory: Bytes, times: u64) -> Bytes {
        let more = share.of(memory).0 - share.least.0;
        Bytes(share.least.0 + self.grant(more * times) / times.max(1))
    }
}

pub(super) fn hand_out(
    rules: &SizingRules,
    has: &Has<'_>,
    workers: u32,
    say: &mut impl FnMut(&str, String),
) -> Memory {
    let (memory, limits) = (has.memory, &rules.memory);
    let osds = u64::from(has.osds);
    let known = has.services.iter().filter_map(|name| cloud_service(name.as_str()));
    let services = has.host.0 + known.map(|service| service.memory.0).sum::<u64>();
    let kernel = limits.kernel.of(memory).0.min(memory.0);
    let smallest = kernel + services + limits.osd.least.0 * osds;
    let beyond = memory.0.saturating_sub(smallest);
    let mut growth = Growth { left: beyond / limits.growth_share.max(1), given: 0 };

    let mut parts = vec![("services", services)];
    let osd = (osds > 0).then(|| {
        // The share is of all disks together.
        let each = Share { share: limits.osd.share * osds, ..limits.osd.clone() };
        let given = growth.grow(&each, memory, osds);
        parts.push(("disks of Ceph", given.0 * osds));
        say(
            "osd_memory",
            reason(&each, memory, given, "the memory, divided among its disks", limits.osd.share),
        );
        floor(given)
    });
    let mut grow = |key: &str, what: &'static str, share: &Share, times: u64| {
        let given = growth.grow(share, memory, times);
        parts.push((what, (given.0 - share.least.0) * times));
        say(key, reason(share, memory, given, "the memory", share.share));
        floor(given)
    };
    let buffer_pool = grow("buffer_pool", "database", &limits.buffer_pool, 1);
    let rabbitmq = grow("rabbitmq_watermark", "message queue", &limits.rabbitmq, 1);
    let memcached = grow("memcached", "cache of tokens", &limits.memcached, 1);
    // A heap is worth as much page cache again.
    let search_heap =
        has.has("opensearch").then(|| grow("search_heap", "store of logs", &limits.search_heap, 2));

    let each: u64 = has.services.iter().filter_map(|name| rules.workers.memory.get(name)).map(|m| m.0).sum();
    let more = u64::from(workers.saturating_sub(1));
    // What is set aside is counted whole, so that one more worker never takes memory away from servers at once.
    let given = growth.grant(each * more);
    let got = 1 + u32::try_from(given.checked_div(each).unwrap_or(more)).unwrap_or(u32::MAX);
    parts.push(("more workers", given));
    say("workers", workers_reason(rules, has, workers, got, Bytes(each)));
    say("rpc_workers", format!("as many as of each API, at most {}", rules.workers.rpc_most));

    let rest = beyond - growth.given;
    let page_cache = limits.page_cache.of(memory).0.min(rest / 4);
    parts.push(("page cache", page_cache));
    say(
        "page_cache",
        reason(&limits.page_cache, memory, Bytes(page_cache), "the memory", limits.page_cache.share),
    );

    let mut parts: Vec<Part> = parts
        .into_iter()
        .filter(|(_, memory)| *memory > 0)
        .map(|(what, memory)| Part { what: what.to_owned(), memory: floor(Bytes(memory)) })
        .collect();
    let reserved: u64 = parts.iter().map(|part| part.memory.0).sum();
    say("reserved_memory", "what everything but servers and the kernel may take".into());
    parts.push(Part { what: "kernel".to_owned(), memory: floor(Bytes(kernel)) });
    Memory {
        workers: got,
        buffer_pool,
        rabbitmq,
        memcached,
        osd,
        search_heap,
        page_cache: floor(Bytes(page_cache)),
        reserved: Bytes(reserved),
        parts,
    }
}

/// Whole MiB, as most settings want them.
fn floor(bytes: Bytes) -> Bytes {
    Bytes::mib(bytes.0 >> 20)
}

/// `a 64th of the memory, 128 MiB to 4 GiB`, and whether the box was too small for it.
fn reason(share: &Share, memory: Bytes, given: Bytes, of: &str, number: u64) -> String {
    let rule = format!("1/{number} of {of}, {} to {}", share.least.human(), share.most.human());
    if given < share.of(memory) { format!("{rule}; less than that, so that servers fit too") } else { rule }
}

fn workers_reason(rules: &SizingRules, has: &Has<'_>, wanted: u32, got: u32, each: Bytes) -> String {
    let workers = &rules.workers;
    let rule = format!(
        "one for each {} of {} threads, {} to {}",
        workers.each, has.threads, workers.least, workers.most
    );
    if got < wanted {
        format!("{rule}; not {wanted}, as each more of all takes {} and servers must fit too", each.human())
    } else {
        rule
    }
}
