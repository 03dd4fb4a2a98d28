//! The engine of the fault tests: runs a graph from a file on a disposable host, as `deploy` does with its own.
//!
//! Usage: drive run GRAPH.json STATE HOST PORT USER KEY. Events go to standard output as JSON lines; the exit status is
//! that of the outcome. The helper is this same binary.

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use ciab::{
    cmd::agent,
    failure::Failure,
    link::{
        Ask, Link, Place,
        ssh::{Agent, Destination, Hop, Keys},
    },
    run,
    step::StepId,
};
use clap::Parser;
use secrecy::SecretString;

#[derive(Parser)]
enum Words {
    #[command(subcommand)]
    Agent(agent::Agent),
    Run {
        graph: String,
        state: String,
        host: String,
        port: u16,
        user: String,
        key: String,
        #[arg(long, default_value_t = 60)]
        reconnect: u64,
        /// Steps that may act again whatever their record says.
        #[arg(long)]
        again: Vec<String>,
        #[arg(long, default_value_t = 4)]
        side_by_side: usize,
        /// Who holds the lock, as a second run is told.
        #[arg(long, default_value = "fault test")]
        display: String,
    },
}

/// Takes whatever key the host shows first: the hosts of the tests are made a moment before.
struct First;

impl Ask for First {
    fn trust(&self, _host: &str, _fingerprint: &str) -> bool {
        true
    }
    fn passphrase(&self, _file: &str) -> Option<SecretString> {
        None
    }
}

/// Does what the words say, the first of which is the program's own name.
pub(crate) fn main(words: impl Iterator<Item = String>) -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match Words::parse_from(words) {
        Words::Agent(words) => agent::main(words),
        Words::Run { graph, state, host, port, user, key, reconnect, again, side_by_side, display } => {
            let hop = Hop { host, port, user: user.clone(), known_hosts: vec![], alias: None };
            let destination = Destination {
                hop,
                jump: None,
                pin: None,
                users: vec![user],
                keys: Keys { files: vec![key.into()], agent: Agent::None },
                password: None,
                later: Vec::new(),
            };
            let mut link = Link::new(Place::Ssh(Box::new(destination)), state.into()).unwrap();
            link.ask = Some(Arc::new(First));
            let request = run::Request {
                graph: serde_json::from_slice(&std::fs::read(graph).unwrap()).unwrap(),
                boxfile: String::new(),
                plan: serde_json::Value::Null,
                name: "faults".into(),
                profile: "faults".into(),
                display,
                expect_box: None,
                reconnect: Duration::from_secs(reconnect),
                again: again.into_iter().map(|step| StepId::new(step).unwrap()).collect(),
                side_by_side,
                left: Vec::new(),
            };
            drive(&request, &Arc::new(link))
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn drive(request: &run::Request, link: &Arc<Link>) -> ExitCode {
    let (_wish, wish) = tokio::sync::watch::channel(run::Wish::GoOn);
    let mut say = |event: &ciab::event::Event| {
        let line = serde_json::to_string(event).unwrap();
        let _ = writeln!(std::io::stdout(), "{line}");
    };
    let hint: run::Hint = Arc::new(|_| None);
    match run::run(request, link, &hint, wish, &mut say).await {
        Ok(outcome) => run::exit_of(&outcome).into(),
        Err(Failure { exit, message, hints }) => {
            eprintln!("{message}");
            hints.iter().for_each(|hint| eprintln!("  {hint}"));
            exit.into()
        }
    }
}
