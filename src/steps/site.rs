//! What the stages look at: the plan, the rendered tree, and which of its files belong to which step.

use std::collections::BTreeMap;

use crate::{
    plan::{Plan, Proxy},
    render::{self, Placed, manifest::Otherwise},
    step::Want,
    tree::Tree,
};

pub(super) struct Site<'a> {
    pub(super) plan: &'a Plan,
    pub(super) tree: &'a Tree,
    places: Vec<Placed>,
}

impl<'a> Site<'a> {
    pub(super) fn new(plan: &'a Plan, tree: &'a Tree) -> Self {
        // The tree was rendered from the same manifest, so it reads.
        let places = render::places(plan).unwrap_or_else(|failure| unreachable!("{failure}"));
        Self { plan, tree, places }
    }

    /// The files of a step, and the absence of those that this plan leaves out.
    pub(super) fn files(&self, step: &str) -> Vec<Want> {
        self.of(step).filter_map(|place| self.want(place)).collect()
    }

    /// Their paths, whether or not there is a file at each.
    pub(super) fn paths(&self, step: &str) -> Vec<String> {
        self.of(step).map(|place| place.path.clone()).collect()
    }

    /// Every path on the host that any step may write.
    pub(super) fn all_paths(&self) -> Vec<String> {
        let root = format!("{}/", self.plan.config.root);
        self.places.iter().map(|place| place.path.clone()).filter(|path| !path.starts_with(&root)).collect()
    }

    /// The text of a file that is always there.
    pub(super) fn text(&self, path: &str) -> &'a str {
        self.tree.0.get(path).map_or("", |entry| entry.text.as_str())
    }

    /// A unit that is restarted, or reloaded, when a file of these steps has changed.
    pub(super) fn unit(&self, name: &str, steps: &[&str], change: Change) -> Want {
        let files = steps.iter().flat_map(|step| self.paths(step)).collect();
        Want::Unit { name: name.to_owned(), files, reload: change == Change::Reload }
    }

    /// The environment of programs that fetch something.
    pub(super) fn proxy(&self) -> BTreeMap<String, String> {
        let Proxy::Via { http, https, no_proxy } = &self.plan.network.proxy else { return BTreeMap::new() };
        let word = |name: &str, text: String| (name.to_owned(), text);
        let http = http.iter().map(|url| word("http_proxy", url.to_string()));
        let https = https.iter().map(|url| word("https_proxy", url.to_string()));
        http.chain(https).chain([word("no_proxy", no_proxy.join(","))]).collect()
    }

    fn of(&self, step: &str) -> impl Iterator<Item = &Placed> {
        self.places.iter().filter(move |place| place.file.step == step)
    }

    fn want(&self, place: &Placed) -> Option<Want> {
        let path = place.path.clone();
        match (self.tree.0.get(&path), place.file.otherwise) {
            (Some(entry), _) => {
                Some(Want::File { path, entry: entry.clone(), check: place.file.check.clone() })
            }
            (None, Otherwise::Remove) => Some(Want::NoFile { path }),
            (None, Otherwise::Keep) => None,
        }
    }
}

/// How a unit takes up a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Reload,
    Restart,
}
