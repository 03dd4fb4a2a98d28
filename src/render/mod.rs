//! Plan and secrets to a tree of files: templates filled in strictly, and nothing guessed.
//!
//! What is laid, and where, stands in `templates/manifest.yaml`; this module only fills it in. It reads no file and
//! knows no time, so the same plan and secrets give the same bytes.

mod context;
mod engine;
mod filters;
pub mod manifest;
mod secrets;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trees;

pub(crate) use self::context::settable;
pub use self::secrets::{API, CA_CERTIFICATE, Secrets, secret_specs, stand_ins};
use self::{context::Context, manifest::File};
use crate::{
    failure::{Exit, Failure},
    plan::Plan,
    tree::{Entry, Tree},
};

/// Where copies of the host's files are kept, below the configuration tree.
const COPIES: &str = "host";

/// Every file that the plan asks for, at its place on the box.
pub fn tree(plan: &Plan, secrets: &Secrets) -> Result<Tree, Failure> {
    secrets::check(plan, secrets)?;
    let all = Context::new(plan, secrets);
    let mut tree = Tree::default();
    for file in &manifest::read()?.files {
        for context in all.items(file)? {
            let path = context.path(file)?;
            if !context.wanted(file)? {
                continue;
            }
            let entry = entry(&context, file, &path, secrets)?;
            if tree.0.insert(path.clone(), entry).is_some() {
                return Err(fault(format!("two entries of templates/manifest.yaml are for {path}")));
            }
        }
    }
    tree.0.extend(copies(plan, &tree));
    Ok(tree)
}

fn entry(context: &Context, file: &File, path: &str, secrets: &Secrets) -> Result<Entry, Failure> {
    let mut text = context.text(file)?;
    if file.vault {
        text = secrets::encrypted(path, &text, secrets)?;
    }
    if !file.secret {
        secrets::refuse_leak(path, &text, secrets)?;
    }
    Ok(Entry {
        mode: file.mode.bits(),
        owner: file.owner.clone(),
        group: file.group.clone(),
        secret: file.secret,
        text,
    })
}

/// Files of the host again, for the history that the configuration tree keeps of them.
fn copies(plan: &Plan, tree: &Tree) -> Vec<(String, Entry)> {
    let root = &plan.config.root;
    let outside = |path: &str| !path.starts_with(&format!("{root}/"));
    let files = tree.0.iter().filter(|(path, entry)| outside(path) && !entry.secret);
    files.map(|(path, entry)| (format!("{root}/{COPIES}{path}"), Entry::public(entry.text.clone()))).collect()
}

/// A file of the manifest with its place on the box.
#[derive(Clone, Debug)]
pub struct Placed {
    pub path: String,
    pub file: &'static File,
}

/// All files of the manifest, those too that this plan leaves out.
pub fn places(plan: &Plan) -> Result<Vec<Placed>, Failure> {
    let all = Context::new(plan, &Secrets::new());
    let mut places = Vec::new();
    for file in &manifest::read()?.files {
        for context in all.items(file)? {
            places.push(Placed { path: context.path(file)?, file });
        }
    }
    Ok(places)
}

/// Something wrong with a template or the manifest.
fn fault(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, message)
}
