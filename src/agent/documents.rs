//! The readable half of the record: events, the box file of the current run, files to compare, a support bundle.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    process::Command,
};

use anyhow::{Context, Result};

use super::{record::Record, redact::Redactor, wire::FileState};

/// The largest file that is compared text by text.
const LARGEST_TEXT: u64 = 1 << 20;
/// How much of the end of each log goes into a support bundle.
const TAIL: u64 = 64 << 10;

/// Appends events, one a line. Not synced: events are for reading, never for deciding.
pub(super) fn say(record: &Record, line: &str) -> Result<()> {
    let path = record.path("events.jsonl");
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

/// Events of the record after a sequence number, oldest first.
pub(super) fn events(record: &Record, after: u64) -> Result<Vec<String>> {
    let text = match fs::read_to_string(record.path("events.jsonl")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("read the events"),
    };
    let newer = |line: &&str| sequence(line).is_some_and(|seq| seq > after);
    Ok(text.lines().filter(newer).map(str::to_owned).collect())
}

/// The last event's number, 0 without any.
pub(super) fn last_event(record: &Record) -> u64 {
    let text = tail(&record.path("events.jsonl").to_string_lossy(), TAIL).unwrap_or_default();
    text.lines().rev().find_map(sequence).unwrap_or(0)
}

/// A line's number; a line that was cut off has none.
fn sequence(line: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(line).ok()?.get("seq")?.as_u64()
}

/// The box file that the current run was begun with.
pub(super) fn current_box_file(record: &Record) -> Result<Option<String>> {
    let run = record.run()?;
    let path = record.path("runs").join(run.to_string()).join("box.yaml");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Files as they are, for a difference. The engine prints none whose tree entry is a secret.
pub(super) fn files(paths: &[String]) -> BTreeMap<String, FileState> {
    paths.iter().map(|path| (path.clone(), file(path))).collect()
}

fn file(path: &str) -> FileState {
    let odd = |why: String| FileState::Odd { why };
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return FileState::Absent,
        Err(error) => return odd(error.to_string()),
    };
    if !meta.is_file() {
        return odd("not a regular file".into());
    }
    if meta.len() > LARGEST_TEXT {
        return odd(format!("{} bytes, too large to compare", meta.len()));
    }
    let name = |found: Option<String>, id: u32| found.unwrap_or_else(|| id.to_string());
    let user = nix::unistd::User::from_uid(meta.uid().into()).ok().flatten().map(|user| user.name);
    let group = nix::unistd::Group::from_gid(meta.gid().into()).ok().flatten().map(|group| group.name);
    match fs::read_to_string(path) {
        Ok(text) => FileState::Present {
            mode: meta.mode() & 0o7777,
            owner: name(user, meta.uid()),
            group: name(group, meta.gid()),
            text,
        },
        Err(error) => odd(error.to_string()),
    }
}

/// What helps others to help: events, outputs of the latest attempts, state of the units, redacted.
pub(super) fn support(record: &Record, redactor: &Redactor) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for step in record.steps()? {
        let Some(attempt) = record.latest(&step)? else { continue };
        for name in ["began", "end", "done", "out"] {
            let path = attempt.folder.join(name);
            if let Some(text) = tail(&path.to_string_lossy(), TAIL) {
                let text = text.trim_end_matches('\0').to_owned();
                texts.insert(format!("steps/{step}/{}/{name}", attempt.number), text);
            }
        }
    }
    for (name, path) in [
        ("events.jsonl", record.path("events.jsonl")),
        ("box.json", record.path("box.json")),
        ("bound.json", record.path("bound.json")),
        ("before.json", record.path("before.json")),
        ("runs/current/plan.json", record.path("runs").join(record.run()?.to_string()).join("plan.json")),
        ("runs/current/box.yaml", record.path("runs").join(record.run()?.to_string()).join("box.yaml")),
        ("os-release", "/etc/os-release".into()),
    ] {
        if let Some(text) = tail(&path.to_string_lossy(), 4 * TAIL) {
            texts.insert(name.to_owned(), text);
        }
    }
    for (name, argv) in [
        ("units.txt", &["systemctl", "list-units", "--all", "--no-pager", "--plain"][..]),
        ("failed.txt", &["systemctl", "--failed", "--no-pager", "--plain"]),
        ("journal.txt", &["journalctl", "--no-pager", "--lines=400", "--unit=ciab-*"]),
        ("addresses.txt", &["ip", "address"]),
        ("routes.txt", &["ip", "route"]),
        ("mounts.txt", &["findmnt", "--real"]),
        ("space.txt", &["df", "--human-readable"]),
    ] {
        let text = match Command::new(argv[0]).args(&argv[1..]).output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => format!("{}: {error}\n", argv[0]),
        };
        texts.insert(name.to_owned(), text);
    }
    texts.insert("load.txt".to_owned(), load());
    Ok(texts.into_iter().map(|(name, text)| (name, redactor.clean(&text))).collect())
}

/// How busy the box is at this moment: memory, load, and the processes with the most memory.
fn load() -> String {
    use std::fmt::Write as _;
    let Ok(system) = sysinfo::System::new_all() else { return "(not known)\n".into() };
    let mib = |bytes: u64| bytes >> 20;
    let mut text = format!(
        "memory {} MiB, available {} MiB, swap used {} MiB\n",
        mib(system.total_memory()),
        mib(system.available_memory()),
        mib(system.used_swap())
    );
    if let Ok(load) = sysinfo::System::load_average() {
        let _ = writeln!(text, "load {:.2} {:.2} {:.2}", load.one, load.five, load.fifteen);
    }
    let mut processes: Vec<_> = system.processes().values().collect();
    processes.sort_by_key(|process| std::cmp::Reverse(process.memory()));
    for process in processes.iter().take(15) {
        // The name alone: a command line may hold what somebody else should not have put there.
        let _ = writeln!(text, "{:>8} MiB  {}", mib(process.memory()), process.name().to_string_lossy());
    }
    text
}

/// The last bytes of a file, from a line's beginning on.
fn tail(path: &str, most: u64) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let from = length.saturating_sub(most);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if from == 0 {
        return Some(text);
    }
    Some(text.split_once('\n').map_or(text.clone(), |(_, rest)| rest.to_owned()))
}
