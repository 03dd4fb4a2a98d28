//! What a running service is asked, as data: profiles name the questions, steps and proofs carry them, the helper asks.
//!
//! A container that runs and calls itself healthy is the least of them: a database that greets, an API that hands out its
//! versions over TLS and an agent that the control plane hears of are more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One question; it is answered by yes, or by what is the matter.
///
/// In profiles `%api` is the name of the APIs, `%vip` their address, `%internal` the box's own on the internal network and
/// `%venv` the environment of the engine. `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// Whether these containers are there and run, and do not say that they are unwell.
    Containers(Vec<String>),
    /// The same, and whether they are well where they say anything of their health. A container is asked for the first time
    /// when it has run for half a minute, so this is for whoever asks later.
    Healthy(Vec<String>),
    /// Whether a document is handed out over TLS, with a certificate that the box's own authority has signed.
    Https {
        url: String,
        /// What stands in the document, a pattern for all of it.
        says: String,
    },
    /// Whether somebody answers on a TCP port: what is sent first (none where the other side greets), and a pattern for
    /// the first bytes of the answer.
    Greets {
        /// `address:port`.
        at: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        send: String,
        says: String,
    },
    /// Whether a command says each of these lines.
    Says { argv: Vec<String>, lines: Vec<String> },
    /// Whether each line that a command says is like this, and there is one at least.
    Every { argv: Vec<String>, line: String },
}

impl Question {
    /// The same question with every word filled in.
    pub fn filled(&self, fill: impl Fn(&str) -> String) -> Self {
        let all = |words: &[String]| words.iter().map(|word| fill(word)).collect();
        match self {
            Self::Containers(names) => Self::Containers(all(names)),
            Self::Healthy(names) => Self::Healthy(all(names)),
            Self::Https { url, says } => Self::Https { url: fill(url), says: says.clone() },
            Self::Greets { at, send, says } => {
                Self::Greets { at: fill(at), send: send.clone(), says: says.clone() }
            }
            Self::Says { argv, lines } => Self::Says { argv: all(argv), lines: all(lines) },
            Self::Every { argv, line } => Self::Every { argv: all(argv), line: fill(line) },
        }
    }

    /// What is asked, for people and tables.
    pub fn subject(&self) -> String {
        match self {
            Self::Containers(names) => format!("containers {}", names.join(" ")),
            Self::Healthy(names) => format!("healthy containers {}", names.join(" ")),
            Self::Https { url, says } => format!("{url} says {says}"),
            Self::Greets { at, says, .. } => format!("{at} says {says}"),
            Self::Says { argv, lines } => format!("`{}` says {}", argv.join(" "), lines.join(", ")),
            Self::Every { argv, line } => format!("`{}` says nothing but {line}", argv.join(" ")),
        }
    }
}
