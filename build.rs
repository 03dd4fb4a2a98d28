//! Packs `templates/`, `profiles/`, `bundle/`, `iso/` and the schema of the box file, so that the one file is the whole installer (`src/embedded.rs`).

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use miniz_oxide::deflate::compress_to_vec;

/// The level of compression that takes longest and packs best.
const BEST: u8 = 10;

/// What is published of the box file is what the program works with.
const SCHEMA: &str = "docs/box.schema.json";

/// Writes all texts as one packed stream, and a table of where in it each one lies: name, first byte, byte after the last.
fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    for folder in ["templates", "profiles", "bundle", "iso"] {
        println!("cargo:rerun-if-changed={folder}");
        walk(&root.join(folder), &mut files)?;
    }
    println!("cargo:rerun-if-changed={SCHEMA}");
    files.push(root.join(SCHEMA));
    // By the whole name, as it is looked for; paths are ordered folder by folder.
    files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    let (mut texts, mut table) = (String::new(), "&[\n".to_owned());
    for file in &files {
        let name = file.strip_prefix(&root)?.to_str().ok_or("a file's path is no UTF-8")?;
        let first = texts.len();
        texts += &fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
        writeln!(table, "    ({name:?}, {first}, {}),", texts.len())?;
    }
    table.push(']');
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("embedded.rs"), table)?;
    Ok(fs::write(out.join("embedded"), compress_to_vec(texts.as_bytes(), BEST))?)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
