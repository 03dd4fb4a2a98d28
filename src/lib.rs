//! `ciab` turns one bare box into a verified Sovereign Cloud Stack cloud.
//!
//! Data flows one way: facts, box file, profile and measures make a plan; plan and secrets make a tree; plan
//! and tree make a graph of steps; the graph is run on the box by its helper, recorded there, and reported here.
//! A module may use what stands above it in this list (`ARCHITECTURE.md`).

pub mod embedded;
pub mod failpoint;
pub mod failure;
pub mod scs;
pub mod tool;
pub mod units;
pub mod yaml;

pub mod boxfile;
pub mod facts;
pub mod measure;
pub mod profile;

pub mod tree;

pub mod step;

pub mod plan;
pub mod secrets;

pub mod render;
pub mod steps;

pub mod event;

pub mod bundle;
pub mod iso;

pub mod agent;
pub mod link;

pub mod testbed;

pub mod run;
pub mod verify;

pub mod ask;
pub mod report;

pub mod cmd;
