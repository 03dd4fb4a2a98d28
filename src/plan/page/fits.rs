//! How large the services are made, what fits, and what to switch off to gain how much.

use super::{INDENT, line};
use crate::{
    plan::{
        Fits, Plan, Take,
        gain::in_words,
        text::{fold, plural},
    },
    units::Bytes,
};

/// Each size with its reason; nothing for a profile without a cloud.
pub(super) fn sizes(plan: &Plan) -> String {
    let Some(cloud) = &plan.cloud else { return String::new() };
    let sizing = &cloud.sizing;
    let threads = plural(usize::try_from(sizing.reserved_cpus).unwrap_or(usize::MAX), "thread");
    let rows = [
        ("workers", "workers", Some(format!("{} of each API", sizing.workers))),
        ("database", "buffer_pool", Some(sizing.buffer_pool.human())),
        ("messages", "rabbitmq_watermark", Some(sizing.rabbitmq_watermark.human())),
        ("tokens", "memcached", Some(sizing.memcached.human())),
        ("OSDs", "osd_memory", sizing.osd_memory.map(|size| format!("{} each", size.human()))),
        ("search", "search_heap", sizing.search_heap.map(Bytes::human)),
        ("page cache", "page_cache", Some(sizing.page_cache.human())),
        ("kept CPUs", "reserved_cpus", Some(threads)),
        ("ratio", "cpu_ratio", Some(format!("{} virtual processors a thread", sizing.cpu_ratio))),
        ("logs", "logs", Some(format!("{}, each file {}", sizing.logs.human(), sizing.log_file.human()))),
        ("images", "image_cache", Some(sizing.image_cache.human())),
    ];
    let row = |(name, key, value): (&str, &str, Option<String>)| {
        let why = plan.why.get(&format!("cloud.sizing.{key}"))?;
        Some(line(name, &format!("{}: {why}", value?)))
    };
    let copies = cloud.storage.ceph.as_ref().map(|ceph| {
        let why = plan.why.get("cloud.storage.ceph.pool_size").map(String::as_str).unwrap_or_default();
        let word = if ceph.replicated { "" } else { ", not called replicated" };
        line("copies", &format!("{}{word}: {why}", ceph.pool_size))
    });
    rows.into_iter().filter_map(row).chain(copies).collect()
}

/// What is taken, what is left, and which flavors run how many times.
pub(super) fn fit(plan: &Plan) -> String {
    let bytes = |take: &Take<Bytes>| {
        format!("{} of {} taken, {} left", take.taken.human(), take.has.human(), take.left.human())
    };
    let cores = |take: &Take<u64>| {
        format!("{} of {} taken, {} left", threads(take.taken), threads(take.has), threads(take.left))
    };
    let unknown = || "unknown: the box does not tell".to_owned();
    let fit = &plan.fit;
    let mut text = line("memory", &fit.memory.as_ref().map_or_else(unknown, bytes));
    if let Some(cloud) = &plan.cloud {
        let part = |part: &crate::plan::Part| format!("{} {}", part.what, part.memory.human());
        let parts: Vec<String> = cloud.sizing.memory.iter().map(part).collect();
        text.push_str(&fold("", &parts.join(", "), INDENT));
    }
    text.push_str(&line("threads", &fit.millicores.as_ref().map_or_else(unknown, cores)));
    text.push_str(&line("disk", &fit.disk.as_ref().map_or_else(unknown, bytes)));
    if let Some(holds) = plan.cloud.as_ref().and_then(|cloud| cloud.storage.holds) {
        let ceph = plan.cloud.as_ref().is_some_and(|cloud| cloud.storage.ceph.is_some());
        let counted = if ceph { ", copies counted" } else { "" };
        text.push_str(&line("volumes", &format!("{}{counted}", holds.human())));
    }
    text.push_str(&flavors(&fit.flavors));
    if !fit.untrue.is_empty() {
        text.push_str(&line("not true", &fit.untrue.join("; ")));
    }
    text
}

/// What gives back how much, the most first; nothing where nothing may be switched off.
pub(super) fn gains(plan: &Plan) -> String {
    let gains: Vec<String> = plan.fit.gains.iter().map(in_words).collect();
    match gains.is_empty() {
        true => String::new(),
        false => {
            fold("  ", &format!("`services: {{NAME: false}}` gives back memory: {}.", gains.join(", ")), 2)
        }
    }
}

/// A table of three columns: how many machines of one flavor, if there were no others.
fn flavors(all: &[Fits]) -> String {
    const COLUMNS: usize = 3;
    let runs: Vec<String> =
        all.iter().filter(|f| f.times > 0).map(|f| format!("{:>4} {:<15}", f.times, f.flavor)).collect();
    if runs.is_empty() {
        return line("would run", "no machine of a mandatory SCS flavor");
    }
    let mut text = line("would run", "what is left, as one of these:");
    for row in runs.chunks(COLUMNS) {
        text.push_str(format!("{:INDENT$}{}", "", row.concat()).trim_end());
        text.push('\n');
    }
    text
}

/// Thousandths of a thread as people write it: `0.25`, `4`.
fn threads(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
