//! Recordings written by hand, for tests: see `tests/cases/README.md`.

use super::{
    Recording,
    recording::{Answer, Content, Output, Refusal},
};

/// Reads the text form of a recording. Folders are listed from the paths below them.
pub fn parse(text: &str) -> Result<Recording, String> {
    let mut recording = Recording::default();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut block = String::new();
        while let Some((_, more)) = lines.next_if(|(_, l)| l.starts_with("    ")) {
            block.push_str(&more[4..]);
            block.push('\n');
        }
        let at = |why| format!("line {}: {why}", number + 1);
        if let Some(topology) = line.strip_prefix("/proc/cpuinfo ").and_then(|rest| rest.strip_suffix(':')) {
            let text = processors(topology, &block).map_err(at)?;
            entry(&mut recording, "/proc/cpuinfo:", text).map_err(at)?;
            continue;
        }
        for line in expand(line) {
            entry(&mut recording, &line, block.clone()).map_err(at)?;
        }
    }
    Ok(recording)
}

/// The most processors that Linux is built for (`NR_CPUS` of x86).
const MOST: u32 = 8192;

/// Writes `/proc/cpuinfo` of a topology such as `2x16x2`: sockets, cores in each, threads in each core. The kernel
/// numbers the first threads of all cores before the second ones.
fn processors(topology: &str, block: &str) -> Result<String, String> {
    let numbers: Option<Vec<u32>> = topology.split('x').map(|n| n.parse().ok()).collect();
    let Some([sockets, cores, threads]) = numbers.as_deref() else {
        return Err(format!("`{topology}` is not sockets x cores x threads"));
    };
    let total = sockets.checked_mul(*cores).and_then(|n| n.checked_mul(*threads)).filter(|n| *n <= MOST);
    let total = total.ok_or_else(|| format!("`{topology}`: more than {MOST} processors"))?;
    let one = |n: u32| {
        let (socket, core) = (n / cores % sockets, n % cores);
        format!("processor\t: {n}\nphysical id\t: {socket}\ncore id\t\t: {core}\n{block}\n")
    };
    Ok((0..total).map(one).collect())
}

/// Writes out `{0..3}` of a path; commands and contents have braces of their own.
fn expand(line: &str) -> Vec<String> {
    let range = || {
        let (head, rest) =
            line.split_once('{').filter(|(head, _)| head.starts_with('/') && !head.contains(' '))?;
        let (range, tail) = rest.split_once('}')?;
        let (from, to) = range.split_once("..")?;
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        Some((from..=to).map(|n| format!("{head}{n}{tail}")).collect())
    };
    range().unwrap_or_else(|| vec![line.to_owned()])
}

fn entry(recording: &mut Recording, line: &str, block: String) -> Result<(), String> {
    if let Some(command) = line.strip_prefix("$ ") {
        let output = Output { code: Some(0), stdout: Content::Text(block), stderr: Content::of(b"") };
        recording.commands.insert(command.into(), Answer::Is(output));
        return Ok(());
    }
    let path = if let Some((path, target)) = line.split_once(" -> ") {
        recording.links.insert(path.into(), Answer::Is(target.into()));
        path
    } else if let Some((path, value)) = line.split_once(" = ") {
        recording.files.insert(path.into(), Answer::Is(Content::Text(format!("{value}\n"))));
        path
    } else if let Some(path) = line.strip_suffix(" =") {
        recording.files.insert(path.into(), Answer::Is(Content::Text(String::new())));
        path
    } else if let Some((path, digits)) = line.split_once(" x ") {
        recording.files.insert(path.into(), Answer::Is(Content::Hex(digits.replace(' ', ""))));
        path
    } else if let Some((path, refusal)) = line.split_once(" ! ") {
        let refusal: Refusal = serde_json::from_value(refusal.into()).map_err(|e| e.to_string())?;
        recording.files.insert(path.into(), Answer::Error(refusal));
        path
    } else if let Some(path) = line.strip_suffix(':') {
        recording.files.insert(path.into(), Answer::Is(Content::Text(block)));
        path
    } else if let Some(path) = line.strip_suffix('/') {
        recording.folders.entry(path.into()).or_insert(Answer::Is(Vec::new()));
        recording.files.insert(path.into(), Answer::Error(Refusal::Unreadable));
        path
    } else {
        return Err(format!("`{line}` is no entry"));
    };
    if !path.starts_with('/') {
        return Err(format!("`{path}` is no absolute path"));
    }
    list(recording, path);
    Ok(())
}

/// Puts each name on the way to `path` into the folder above it.
fn list(recording: &mut Recording, path: &str) {
    let mut rest = path;
    while let Some((folder, name)) = rest.rsplit_once('/') {
        let above = if folder.is_empty() { "/" } else { folder };
        // Whoever reads a folder as a file is refused, which is not the same as finding nothing.
        recording.files.entry(above.into()).or_insert(Answer::Error(Refusal::Unreadable));
        let answer = recording.folders.entry(above.into()).or_insert(Answer::Is(Vec::new()));
        if let Answer::Is(names) = answer
            && let Err(at) = names.binary_search_by(|n| n.as_str().cmp(name))
        {
            names.insert(at, name.into());
        }
        rest = folder;
    }
}

#[test]
fn processors_are_written_out_as_the_kernel_numbers_them() {
    let text = processors("2x2x2", "flags\t\t: lm\n").unwrap();
    let ids: Vec<String> = text
        .split("\n\n")
        .filter(|block| !block.is_empty())
        .map(|block| block.lines().take(3).map(|l| l.chars().last().unwrap()).collect())
        .collect();
    assert_eq!(ids, ["000", "101", "210", "311", "400", "501", "610", "711"]);
    for odd in ["", "2x2", "2x2x2x2", "99999x99999x99999", "9999x1x1"] {
        assert!(processors(odd, "").is_err(), "{odd}");
    }
}
