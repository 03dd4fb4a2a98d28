//! A plan as text for a terminal of 80 columns; understandable without colour.

mod fits;
mod networks;

use serde::Serialize;

use super::{
    Consent, Dns, HostKind, Plan, Proxy, Sources,
    text::{duration, fold, plural},
    wipe::Wiped,
};
use crate::boxfile::system::Upgrades;

/// One step, as far as the page shows it; steps are listed to the right of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub id: String,
    /// A sentence for people.
    pub title: String,
    /// How long it takes when nothing is in the way, in seconds.
    pub seconds: u32,
    /// What the record says of it, such as `done`; empty before the first run.
    pub status: String,
}

/// Where the text begins behind a name.
const INDENT: usize = 14;

/// The box, what is wiped, networks, services and their sizes, whether it fits, the time, the steps.
pub fn page(plan: &Plan, wipe: &[Wiped], steps: &[Row]) -> String {
    let sections = [
        ("Box", the_box(plan)),
        ("Wipe report", wiped(wipe)),
        ("Network", network(plan)),
        ("Services", services(plan)),
        ("Sizes", fits::sizes(plan)),
        ("Does it fit", fits::fit(plan)),
        ("To switch off", fits::gains(plan)),
        ("Steps", list(steps)),
    ];
    let said = sections.into_iter().filter(|(_, body)| !body.is_empty());
    let texts: Vec<String> = said.map(|(title, body)| format!("{title}\n{body}")).collect();
    texts.join("\n")
}

/// A name and its value, two columns in.
fn line(name: &str, value: &str) -> String {
    fold(&format!("  {name}"), value, INDENT)
}

fn the_box(plan: &Plan) -> String {
    let kind = match plan.os.kind {
        HostKind::Container => " in a container",
        HostKind::Machine => "",
    };
    let keys = plural(plan.access.ssh_keys.len(), "SSH key");
    let sources = match &plan.apt.sources {
        Sources::Keep => "the box's own sources".to_owned(),
        Sources::These(all) => all.iter().map(|s| s.uri.as_str()).collect::<Vec<_>>().join(", "),
    };
    let upgrades = match plan.apt.upgrades {
        Upgrades::Security => "security updates install themselves",
        Upgrades::None => "nothing updates itself",
    };
    [
        line("name", &plan.host.fqdn),
        line("profile", &plan.title),
        line("system", &format!("{}{kind}", plan.os.title)),
        line("operator", &format!("{}, {keys}, sudo without a password", plan.access.operator)),
        line("packages", &format!("from {sources}; {upgrades}; held: {}", list_of(&plan.apt.held))),
    ]
    .concat()
}

fn list_of(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn wiped(wipe: &[Wiped]) -> String {
    if wipe.is_empty() {
        return fold("  ", "Nothing is wiped: this profile takes no disk and changes no partition.", 2);
    }
    disks(wipe, "`deploy`")
}

/// What is lost with each disk; `who` asks for consent where the box file does not give it.
pub fn disks(wipe: &[Wiped], who: &str) -> String {
    let mut text = String::new();
    for disk in wipe {
        let serial = disk.serial.as_deref().unwrap_or("none, so it is known by its name and exact size");
        text.push_str(&line(&disk.role, &format!("{} ({}), serial {serial}", disk.id, disk.size.human())));
        for lost in &disk.lost {
            text.push_str(&fold("", &format!("lost: {lost}"), INDENT));
        }
        let consent = match disk.consent {
            Consent::Given => "the box file consents".to_owned(),
            Consent::Asked => format!("{who} asks for the serial before the first write"),
        };
        text.push_str(&fold("", &consent, INDENT));
    }
    text
}

fn network(plan: &Plan) -> String {
    let network = &plan.network;
    let internal = &network.internal;
    let dns = match &network.dns {
        Dns::Keep => "left as it is".to_owned(),
        Dns::These(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let ntp: Vec<String> = network.ntp.iter().map(ToString::to_string).collect();
    let open: Vec<String> = network
        .firewall
        .open
        .iter()
        .map(|p| format!("{} {} ({})", p.transport.name(), p.port, p.needed_for))
        .collect();
    let six = internal.cidr6.map_or(String::new(), |cidr| format!(" and {cidr}"));
    let mut text = [
        line("management", &networks::management(network)),
        line(
            "internal",
            &format!(
                "{}: {}{six}, box {}, APIs {}",
                internal.interface, internal.cidr, internal.address, internal.vip
            ),
        ),
        line("containers", &network.containers.cidr.to_string()),
        networks::inside(network),
        networks::provider(network),
        networks::wireguard(network),
        networks::instead(network),
        line("names", &networks::names(plan)),
        line("DNS", &dns),
        line("NTP", &ntp.join(", ")),
    ]
    .concat();
    if let Proxy::Via { http, https, no_proxy } = &network.proxy {
        let urls: Vec<String> = http.iter().chain(https).map(ToString::to_string).collect();
        text.push_str(&line("proxy", &format!("{}; not for {}", urls.join(", "), no_proxy.join(", "))));
    }
    text.push_str(&line("open ports", &format!("{}; everything else is closed", open.join(", "))));
    text
}

fn services(plan: &Plan) -> String {
    let longest = plan.services.iter().map(|service| service.name.chars().count()).max();
    let width = INDENT.max(longest.unwrap_or_default() + 4);
    let mut text = String::new();
    for service in &plan.services {
        let takes =
            format!("{} ({} memory, {} disk)", service.title, service.memory.human(), service.disk.human());
        text.push_str(&fold(&format!("  {}", service.name), &takes, width));
    }
    text
}

fn list(steps: &[Row]) -> String {
    let total = steps.iter().map(|step| step.seconds).sum();
    let width = steps.iter().map(|step| step.id.chars().count()).max().unwrap_or_default() + 4;
    let mut text = String::new();
    for step in steps {
        let status = if step.status.is_empty() { String::new() } else { format!(" [{}]", step.status) };
        let said = format!("{}, {}{status}", step.title, duration(step.seconds));
        text.push_str(&fold(&format!("  {}", step.id), &said, width));
    }
    let sum = format!("{}, about {} one after the other.", plural(steps.len(), "step"), duration(total));
    text.push_str(&fold("  ", &sum, 2));
    text
}
