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
        for line in expand(line) {
            entry(&mut recording, &line, block.clone())
                .map_err(|why| format!("line {}: {why}", number + 1))?;
        }
    }
    Ok(recording)
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
