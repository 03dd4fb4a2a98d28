//! The engine of the benchmarks: runs any graph over SSH as `deploy` does with its own, and asks probes in one request.
//!
//! It is the library of `ciab` with other graphs: engine, SSH, helper, units and record are those of `deploy`. Like
//! `ciab` it is engine and helper in one, so `ciab agent` and `bench agent` are the same code.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use ciab::{
    agent::wire::{Reply, Request, VERSION},
    boxfile::{layers::Layers, place::Layer},
    cmd::agent,
    facts::{Facts, source::Recording},
    failure::Failure,
    link::{
        Ask, Link, Place,
        ssh::{Agent, Destination, Hop, Keys},
    },
    plan::Plan,
    profile::Profile,
    render, run,
    secrets::{self, Secrets},
    step::{Answer, Probe},
};
use clap::Parser;
use secrecy::SecretString;

#[derive(Parser)]
enum Words {
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Runs a graph; events go to standard output as JSON lines.
    Run {
        graph: String,
        #[command(flatten)]
        host: Host,
        #[arg(long, default_value_t = 4)]
        side_by_side: usize,
    },
    /// Renders the tree of a box file for a recorded machine, so often, with one set of secrets; prints the milliseconds of
    /// each, plan included. The first pays for the keys of the vaults, which a process derives once.
    Render {
        boxfile: String,
        facts: String,
        #[arg(long, default_value_t = 2)]
        times: usize,
    },
    /// Asks the probes of a file (a JSON list) in one request, so often; prints the milliseconds of each.
    Prove {
        probes: String,
        #[command(flatten)]
        host: Host,
        #[arg(long, default_value_t = 1)]
        times: usize,
    },
}

#[derive(clap::Args)]
struct Host {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    user: String,
    #[arg(long)]
    key: String,
    /// This workstation's folder about the host.
    #[arg(long)]
    state: String,
}

/// Takes whatever key the host shows: it was made a moment before, on this machine.
struct First;

impl Ask for First {
    fn trust(&self, _host: &str, _fingerprint: &str) -> bool {
        true
    }
    fn passphrase(&self, _file: &str) -> Option<SecretString> {
        None
    }
}

impl Host {
    fn link(self) -> Arc<Link> {
        let host = "127.0.0.1".to_owned();
        let hop = Hop { host, port: self.port, user: self.user.clone(), known_hosts: vec![], alias: None };
        let destination = Destination {
            hop,
            jump: None,
            pin: None,
            users: vec![self.user],
            keys: Keys { files: vec![self.key.into()], agent: Agent::None },
            password: None,
            later: Vec::new(),
        };
        let mut link = Link::new(Place::Ssh(Box::new(destination)), self.state.into()).unwrap();
        link.ask = Some(Arc::new(First));
        Arc::new(link)
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match Words::parse() {
        Words::Agent(words) => agent::main(words),
        Words::Run { graph, host, side_by_side } => {
            let request = run::Request {
                graph: read(&graph),
                boxfile: String::new(),
                plan: serde_json::Value::Null,
                name: "bench".into(),
                profile: "bench".into(),
                display: "benchmark".into(),
                expect_box: None,
                reconnect: Duration::from_secs(20),
                again: Default::default(),
                side_by_side,
                left: Vec::new(),
            };
            drive(&request, &host.link())
        }
        Words::Render { boxfile, facts, times } => rendered(&boxfile, &facts, times),
        Words::Prove { probes, host, times } => prove(read(&probes), &host.link(), times),
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &str) -> T {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn drive(request: &run::Request, link: &Arc<Link>) -> ExitCode {
    let (_wish, wish) = tokio::sync::watch::channel(run::Wish::GoOn);
    let mut say = |event: &ciab::event::Event| println!("{}", serde_json::to_string(event).unwrap());
    let hint: run::Hint = Arc::new(|_| None);
    match run::run(request, link, &hint, wish, &mut say).await {
        Ok(outcome) => run::exit_of(&outcome).into(),
        Err(failure) => told(&failure),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn prove(probes: Vec<Probe>, link: &Arc<Link>, times: usize) -> ExitCode {
    let client = match link.connect().await {
        Ok(client) => client,
        Err(error) => return told(&error.failure),
    };
    client.ask(Request::Hello { version: VERSION }).await.unwrap();
    for _ in 0..times {
        let probes = probes.clone();
        let began = Instant::now();
        let Reply::Answers(answers) = client.ask(Request::Prove { probes }).await.unwrap() else {
            panic!("an odd answer")
        };
        let took = began.elapsed();
        if let Some(other) = answers.iter().find(|answer| **answer != Answer::Holds) {
            eprintln!("a probe says {other:?}");
            return ExitCode::FAILURE;
        }
        println!("{:.3}", took.as_secs_f64() * 1000.0);
    }
    ExitCode::SUCCESS
}

fn rendered(boxfile: &str, facts: &str, times: usize) -> ExitCode {
    let mut layers = Layers::new();
    layers.document(Layer::File, boxfile, &std::fs::read(boxfile).unwrap());
    let wanted = layers.wanted().unwrap().boxfile;
    let facts = Facts::read(&Recording::parse(&std::fs::read(facts).unwrap()).unwrap());
    let profile = Profile::load(wanted.profile).unwrap();
    let mut secrets = Secrets::new();
    let plan = || Plan::make(&facts, &wanted, &profile, None).unwrap();
    secrets::complete(&render::secret_specs(&plan()), &mut secrets).unwrap();
    for _ in 0..times {
        let began = Instant::now();
        let tree = render::tree(&plan(), &secrets).unwrap();
        println!("{:.3}", began.elapsed().as_secs_f64() * 1000.0);
        assert!(!tree.0.is_empty());
    }
    ExitCode::SUCCESS
}

fn told(failure: &Failure) -> ExitCode {
    eprintln!("{}", failure.message);
    failure.exit.into()
}
