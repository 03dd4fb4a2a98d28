//! Renders what a box file and a recorded box make, with secrets made for the moment, into a folder: what the consumers
//! are asked about.

#![allow(clippy::unwrap_used)]

use std::{env, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use ciab::{
    boxfile::{layers::Layers, place::Layer},
    facts::{Facts, source::Recording},
    plan::Plan,
    profile::Profile,
    render,
    secrets::{self, Secrets},
};

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [boxfile, facts, folder] = words.as_slice() else { panic!("say BOX FACTS FOLDER") };
    let mut layers = Layers::new();
    layers.document(Layer::File, boxfile, &fs::read(boxfile).unwrap());
    let wanted = layers.wanted().unwrap_or_else(|findings| panic!("{boxfile}: {findings:?}")).boxfile;
    let facts = Facts::read(&Recording::parse(&fs::read(facts).unwrap()).unwrap());
    let profile = Profile::load(wanted.profile).unwrap();
    let plan = Plan::make(&facts, &wanted, &profile, None).unwrap();
    let mut made = Secrets::new();
    secrets::complete(&render::secret_specs(&plan), &mut made).unwrap();
    let tree = render::tree(&plan, &made).unwrap_or_else(|failure| panic!("{failure}"));
    for (path, entry) in &tree.0 {
        let place = Path::new(folder).join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(entry.mode).open(&place);
        file.unwrap().write_all(entry.text.as_bytes()).unwrap();
    }
}
